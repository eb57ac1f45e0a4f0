"""How Heston's model moves over one step, by the scheme with which the library simulates it."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from deephedge.markets.heston import Heston
from deephedge.numerics import safe
from deephedge.numerics.cubic_weights import cubic_weights
from deephedge.optimum.law import AbstractLaw, offsets
from deephedge.typing import Array, Float, Scalar

N_SHOCKS = 48
"""Of the variance, equally spaced within 7 deviations: the trapezoidal rule."""

_SHOCKS = np.linspace(-7.0, 7.0, N_SHOCKS)
_HERMITE = np.polynomial.hermite_e.hermegauss(20)


class HestonLaw(AbstractLaw):
    r"""Heston's model by the quadratic-exponential scheme, given nodes of $\sqrt v$.

    The next variance is the scheme's at `N_SHOCKS` normals; given it, the log-price is normal, as
    in `Heston.advance`. Values between the nodes of $\sqrt v$ are by cubic interpolation. It is
    the law of the paths that the library simulates, not the exact one of the diffusion.

    Reference: Andersen (2008).
    """

    model: Heston
    roots: Float[Array, " state"]
    growth: Scalar

    @property
    def variances(self) -> Float[Array, " state"]:
        return self.roots**2

    def trend(self, dt: Scalar) -> Scalar:
        return (self.growth - 0.5 * self.model.variance) * dt

    def weights(self, dt: Scalar, dx: Scalar, reach: int) -> Float[Array, "state state offset"]:
        shocks = jnp.asarray(_SHOCKS, dx.dtype)
        likely = jnp.exp(-0.5 * shocks**2)
        likely = likely / jnp.sum(likely)
        after, mean, deviation = jax.vmap(jax.vmap(self._move, (None, None, 0)), (0, None, None))(
            self.variances, dt, shocks
        )
        mean = mean + 0.5 * self.model.variance * dt
        moves = _normal_weights(mean / dx, deviation / dx, reach, dx)
        first, near = self._near(after)
        shares = likely[None, :, None] * near
        n = self.roots.shape[0]
        rows = jnp.arange(n)[:, None, None]
        columns = first[:, :, None] + jnp.arange(4)[None, None, :]
        chances = jnp.zeros((n, n, shocks.shape[0]), dx.dtype)
        chances = chances.at[rows, columns, jnp.arange(shocks.shape[0])[None, :, None]].add(shares)
        return jnp.einsum("irj,ijm->irm", chances, moves)

    def _move(self, variance: Scalar, dt: Scalar, shock: Scalar) -> tuple[Scalar, Scalar, Scalar]:
        """The next variance, and the mean and deviation of the log-price given it."""
        zero, one = jnp.zeros_like(shock), jnp.ones_like(shock)
        mean, after = self.model.advance(variance, dt, jnp.stack([zero, shock]))
        up, _ = self.model.advance(variance, dt, jnp.stack([one, shock]))
        return after, mean, up - mean

    def _near(self, variance: Array) -> tuple[Array, Array]:
        """The first of the four nodes around each variance, and their weights."""
        gap = self.roots[1] - self.roots[0]
        position = (safe.sqrt(variance) - self.roots[0]) / gap
        n = self.roots.shape[0]
        position = jnp.clip(position, 0.0, float(n - 1))
        left = jnp.clip(jnp.floor(position), 1.0, float(n - 3))
        near = jnp.stack(cubic_weights(position - left), axis=-1)
        return left.astype(int) - 1, near


def _normal_weights(mean: Array, deviation: Array, reach: int, dx: Scalar) -> Array:
    """Weights of the offsets for a normal law in units of dx.

    By the trapezoidal rule, and by Gauss and Hermite's with cubic interpolation where the
    deviation is too small for that.
    """
    m = offsets(reach, dx)[None, None, :]
    centre, spread = mean[..., None], deviation[..., None]
    density = jnp.exp(-0.5 * ((m - centre) / jnp.maximum(spread, 1.0)) ** 2)
    density = density / jnp.sum(density, axis=-1, keepdims=True)

    def add(total: Array, point: tuple[Array, Array]) -> tuple[Array, None]:
        node, weight = point
        return total + weight * _cardinal_function(m - centre - spread * node), None

    nodes, weights = (jnp.asarray(v, dx.dtype) for v in _HERMITE)
    points = (nodes, weights / jnp.sum(weights))
    sharp, _ = lax.scan(add, jnp.zeros_like(density), points)
    return jnp.where(spread > 1.0, density, sharp)


def _cardinal_function(distance: Array) -> Array:
    """Cubic interpolation as a function: 1 at 0, and 0 at the other nodes and beyond 2."""
    d = jnp.abs(distance)
    inner = (1 - d) * (1 + d) * (2 - d) / 2
    outer = (1 - d) * (2 - d) * (3 - d) / 6
    return jnp.where(d < 1, inner, jnp.where(d < 2, outer, 0.0))


def variance_nodes(
    model: Heston, maturity: Scalar, n_nodes: int, deviations: float
) -> Float[Array, " state"]:
    r"""Equally spaced $\sqrt v$, as far from $\sqrt{v_0}$ as it may go until maturity."""
    root = jnp.sqrt(model.variance)
    goal = jnp.sqrt(model.long_variance)
    pull = (1 - jnp.exp(-0.5 * model.mean_reversion * maturity)) * (goal - root)
    spread = deviations * 0.5 * model.vol_of_variance * jnp.sqrt(maturity)
    low = jnp.maximum(jnp.minimum(root, root + pull) - spread, 0.0)
    high = jnp.maximum(root, root + pull) + spread
    return low + (high - low) * jnp.linspace(0.0, 1.0, n_nodes, dtype=root.dtype)


def heston_law(model: Heston, maturity: Scalar, n_nodes: int, deviations: float) -> HestonLaw:
    """The law of a Heston market on nodes that it may reach until maturity."""
    growth = model.rate - model.dividend if model.drift is None else model.drift
    roots = variance_nodes(model, maturity, n_nodes, deviations)
    return HestonLaw(model=model, roots=roots, growth=growth)
