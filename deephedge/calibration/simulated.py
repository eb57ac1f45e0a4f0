"""Calls under rough volatility by conditional Monte Carlo with common random numbers."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp

from deephedge.calibration.methods import AbstractMethod, Grid, Rectangle
from deephedge.claims.base import AbstractEuropean
from deephedge.claims.vanilla import Call, Put
from deephedge.markets.base import AbstractMarket
from deephedge.numerics import safe
from deephedge.numerics.checks import at_least_one
from deephedge.numerics.draws import antithetic
from deephedge.pricing.black_scholes import black_scholes_price
from deephedge.typing import Array, Float, PRNGKeyArray, Scalar

BATCHES = 32
"""Groups of paths whose means tell the sampling error."""


class BySimulation(AbstractMethod):
    r"""The mean of Black's formula over the paths of everything but the price's own normal.

    Given the other normals, the log-price at T is normal with variance $V_T$, so that

    $$C = E\bigl[\text{Black}(e^{m_T + V_T/2}, K, \sqrt{V_T})\bigr], \quad
    m_T = \log S_T \text{ where the own normals are } 0,$$

    smooth in every parameter. The option out of the money is simulated, the call is had by
    parity, and the known mean of the forward is a control variate. The draws stay the same while
    the parameters move. Of the model it is asked that the first normal of a step moves the
    log-price alone, by a coefficient that depends on the other normals only: `RoughBergomi`,
    `Heston`; not `SABR`, `Garch` or `LocalVolatility`.

    Args:
        key: of the draws.
        n_paths: in antithetic pairs; a multiple of 64. In memory at once.
        n_steps: equal steps from one maturity to the next, of each.

    Reference: Romano and Touzi (1997); McCrickerd and Pakkanen (2018), section 2.
    """

    key: PRNGKeyArray
    n_paths: int = eqx.field(static=True, default=4096)
    n_steps: int = eqx.field(static=True, default=24)

    def __check_init__(self):
        if self.n_paths < 1 or self.n_paths % (2 * BATCHES):
            fitting = max(1, round(self.n_paths / (2 * BATCHES))) * 2 * BATCHES
            raise ValueError(
                f"`n_paths` must be a multiple of {2 * BATCHES}, got {self.n_paths}; "
                f"pass `n_paths={fitting}`."
            )
        at_least_one(n_steps=self.n_steps)

    def calls(self, model: AbstractMarket, grid: Grid) -> Rectangle:
        return jnp.mean(self.batches(model, grid), axis=0)

    def batches(self, model: AbstractMarket, grid: Grid) -> Float[Array, "batch maturity strike"]:
        model = dataclasses.replace(model, spot=1.0, rate=0.0, dividend=0.0)
        times = self._times(grid.maturity)
        n_steps = times.shape[0] - 1
        source = antithetic(
            self.key, self.n_paths, n_steps, model.normals_per_step, grid.maturity.dtype
        )

        def one(index: Array) -> tuple[Float[Array, " maturity"], Float[Array, " maturity"]]:
            normals = source(index).at[:, 0].set(0.0)
            still = jnp.log(model.path(times, normals).prices[:, 0])
            moved = jnp.log(model.path(times, normals.at[:, 0].set(1.0)).prices[:, 0])
            variance = jnp.cumsum(jnp.diff(moved - still) ** 2)
            at = slice(self.n_steps - 1, None, self.n_steps)
            return still[1:][at], variance[at]

        mean, variance = jax.vmap(one)(jnp.arange(self.n_paths))
        shape = (BATCHES, -1, mean.shape[1])
        forward = jnp.exp(mean + 0.5 * variance).reshape(shape)
        deviation = safe.sqrt(variance).reshape(shape)
        return jax.vmap(_means, in_axes=(2, 2, 0), out_axes=1)(forward, deviation, grid.moneyness)

    def _times(self, maturity: Float[Array, " maturity"]) -> Float[Array, " time"]:
        edges = jnp.concatenate([jnp.zeros_like(maturity[:1]), maturity])
        share = jnp.arange(self.n_steps, dtype=maturity.dtype) / self.n_steps
        inner = edges[:-1, None] + jnp.diff(edges)[:, None] * share[None, :]
        return jnp.append(inner.ravel(), edges[-1])


def _means(
    forward: Float[Array, "batch path"],
    deviation: Float[Array, "batch path"],
    strikes: Float[Array, " strike"],
) -> Float[Array, "batch strike"]:
    """Calls of one maturity, batch by batch, with the forward, of mean 1, as control variate."""
    surplus = forward - 1.0
    spread = jnp.mean(surplus**2)
    one = jnp.ones((), forward.dtype)

    def value(option: AbstractEuropean, forward: Scalar, deviation: Scalar) -> Scalar:
        return black_scholes_price(
            option, spot=forward, tau=one, vol=deviation, rate=0.0 * one, dividend=0.0 * one
        )

    def at(strike: Scalar) -> Float[Array, " batch"]:
        def path(forward: Scalar, deviation: Scalar) -> Scalar:
            call = value(Call(strike=strike, maturity=one), forward, deviation)
            put = value(Put(strike=strike, maturity=one), forward, deviation)
            # Parity with the forward's known mean of 1.
            return jnp.where(strike >= 1.0, call, put + 1.0 - strike)

        values = jax.vmap(jax.vmap(path))(forward, deviation)
        slope = safe.divide(jnp.mean((values - jnp.mean(values)) * surplus), spread)
        return jnp.mean(values - slope * surplus, axis=1)

    return jax.vmap(at, out_axes=1)(strikes)
