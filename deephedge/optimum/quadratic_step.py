"""The law of one step of a market, as the recursion of quadratic hedging takes it."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from deephedge.markets.base import AbstractAffineModel
from deephedge.markets.heston_law import AbstractHeston
from deephedge.numerics import normal
from deephedge.optimum.quadratic_recursion import OneStep
from deephedge.optimum.quadratic_tables import lagrange
from deephedge.typing import Array, Float, Scalar

FARTHEST_NORMAL = 6.5
"""Deviations of the variance's normal beyond which there is nothing to add up."""


class Roots(NamedTuple):
    """Equally spaced roots of the variance, from 0 on; one at 0 where there is no factor."""

    spacing: Scalar
    n: int


def growth(market: AbstractAffineModel) -> Scalar:
    """What a share is expected to earn a year beyond interest, dividends reinvested."""
    drift: Scalar | None = vars(market)["drift"]
    return jnp.zeros_like(market.rate) if drift is None else drift - market.rate + market.dividend


def levy_step(market: AbstractAffineModel, dt: Scalar, u: Float[Array, " twice"]) -> OneStep:
    r"""$E[R^z] = e^{\kappa(z)dt}$ of independent returns, from the characteristic function."""

    def moment(z: Array) -> Array:
        drift = (growth(market) * dt).astype(z.dtype)
        nothing = jnp.zeros(0, dt.dtype)
        found = market.log_characteristic(-1j * z, dt, nothing) + drift * z
        return jnp.exp(found)[:, None, None]

    real = jnp.asarray([0.0, 1.0, 2.0], dt.dtype)
    half, one_and_half, square = _powers(u)
    moments = jnp.real(moment(lax.complex(real, jnp.zeros_like(real))))
    return OneStep(moments, moment(half), moment(one_and_half), moment(square))


def heston_step(
    market: AbstractHeston,
    dt: Scalar,
    u: Float[Array, " twice"],
    roots: Roots,
    n_normals: int,
) -> OneStep:
    r"""The step as the market's scheme makes it, by quadrature over the variance's normal.

    Given that normal and v, log R is $m + sZ$, Z normal: $E[R^z] = e^{zm + z^2s^2/2}$ at each
    node, exactly. Functions of the new variance are cubics in its root between the grid's nodes.
    """
    variances = (roots.spacing * jnp.arange(roots.n, dtype=dt.dtype)) ** 2
    z = jnp.linspace(-FARTHEST_NORMAL, FARTHEST_NORMAL, n_normals, dtype=dt.dtype)
    weights = normal.pdf(z) / jnp.sum(normal.pdf(z))

    def advance(v: Scalar, own: Scalar, other: Scalar) -> tuple[Scalar, Scalar]:
        return market.advance(v, dt, jnp.stack([own, other]))

    over = jax.vmap(jax.vmap(advance, (None, None, 0)), (0, None, None))
    zero, one = jnp.zeros_like(dt), jnp.ones_like(dt)
    mean, after = over(variances, zero, z)
    spread = over(variances, one, z)[0] - mean
    mean = mean + growth(market) * dt
    root = jnp.sqrt(jnp.maximum(after, 0.0)) / roots.spacing
    first, near = jax.vmap(jax.vmap(lambda x: lagrange(x, roots.n)))(root)
    onto = jax.nn.one_hot(
        first[..., None] + jnp.arange(near.shape[-1])[None, None, :], roots.n, dtype=dt.dtype
    )
    onto = jnp.einsum("iqk,iqkj->iqj", near * weights[None, :, None], onto)

    def operator(z: Array) -> Array:
        m, s, last = (x.astype(z.dtype) for x in (mean, spread, onto))

        def one_power(z: Array) -> Array:
            return jnp.einsum("iq,iqj->ij", jnp.exp(z * m + 0.5 * (z * s) ** 2), last)

        return lax.map(one_power, z)

    return OneStep(operator(jnp.asarray([0.0, 1.0, 2.0], dt.dtype)), *map(operator, _powers(u)))


def _powers(u: Float[Array, " twice"]) -> tuple[Array, Array, Array]:
    """The powers z of a return at the modes: n/2 + 1 of the values, n + 1 of the squares."""
    half = u[: u.shape[0] // 2 + 1]
    at = [(0.5, half), (1.5, half), (1.0, u)]
    return tuple(lax.complex(jnp.full_like(x, real), x) for real, x in at)  # pyright: ignore


def check_second_moment(market: AbstractAffineModel, dt: Scalar) -> None:
    r"""Refuse returns without a variance: $\log E R^s$ must be finite and convex on [0, 2]."""
    s = np.linspace(0.0, 2.0, 65)
    z = jnp.asarray(-1j * s)
    found = np.asarray(market.log_characteristic(z, dt, jnp.zeros(0, dt.dtype)).real)
    bend = np.diff(found, 2)
    if not np.all(np.isfinite(found)) or np.any(bend < -1e-12 * max(1.0, np.abs(found).max())):
        raise ValueError(
            f"`market` must have returns with a finite variance, got {type(market).__name__} "
            "without a second moment; make its jumps up smaller."
        )
