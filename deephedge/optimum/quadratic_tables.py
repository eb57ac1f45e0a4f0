"""A hedge of one asset as tables over its log-price and a factor, date by date."""

import equinox as eqx
import jax.numpy as jnp
from jax import lax

from deephedge.markets.base import Snapshot
from deephedge.numerics import safe
from deephedge.typing import Array, Float, Scalar

NEAR = 4
"""Nodes that an interpolated value takes: those of a cubic."""


def lagrange(position: Scalar, n_nodes: int) -> tuple[Array, Float[Array, " near"]]:
    """First node and weights of the cubic through the four nodes around; flat beyond the ends.

    `position` is in units of the nodes' distance. Fewer than four nodes: the first one alone.
    """
    if n_nodes < NEAR:
        return jnp.zeros((), int), jnp.ones_like(position)[None]
    position = jnp.clip(position, min=0.0, max=float(n_nodes - 1))
    first = jnp.clip(jnp.floor(lax.stop_gradient(position)) - 1.0, 0.0, float(n_nodes - NEAR))
    t = position - first
    a, b, c, d = t, t - 1.0, t - 2.0, t - 3.0
    weights = jnp.stack([-b * c * d / 6.0, 0.5 * a * c * d, -0.5 * a * b * d, a * b * c / 6.0])
    return first.astype(int), weights


class HedgeTables(eqx.Module):
    r"""V, $\xi X$ and $\lambda$ of `recursion` at the nodes, and how to read them in between.

    Cubics in log X and the root of the factor; beyond the last prices V is carried on along the
    hedge. X is the discounted price, dividends reinvested.
    """

    times: Float[Array, " step"]
    log_prices: Float[Array, " point"]
    """Equally spaced."""
    roots: Float[Array, " factor"]
    """Equally spaced from 0 on, of the first factor; one alone where none matters."""
    feedback: Float[Array, "step factor"]
    static: Float[Array, " two"]
    """Cash and X whose value is part of V and hedged by holding the X."""
    value: Float[Array, "step factor point"]
    """V less the static part."""
    exposure: Float[Array, "step factor point"]
    r"""$\xi X$ less the static part."""

    def read(self, now: Snapshot) -> tuple[Scalar, Scalar, Scalar]:
        r"""V; and in units of the asset, $\xi$ and $a$ at the snapshot."""
        k = jnp.argmin(jnp.abs(self.times - now.time))
        price = now.discount * now.prices[0] * now.accrual[0]
        log_price = safe.log(price)
        first, last = self.log_prices[0], self.log_prices[-1]
        column, across = lagrange(
            (log_price - first) / (self.log_prices[1] - first), self.log_prices.shape[0]
        )
        row, down = jnp.zeros((), int), jnp.ones_like(price)[None]
        if self.roots.shape[0] >= NEAR:
            root = safe.sqrt(now.factors[0]) / (self.roots[1] - self.roots[0])
            row, down = lagrange(root, self.roots.shape[0])
        size = (1, down.shape[0], across.shape[0])

        def read(table: Float[Array, "step factor point"]) -> Scalar:
            return down @ lax.dynamic_slice(table, (k, row, column), size)[0] @ across

        feedback = lax.dynamic_slice(self.feedback, (k, row), size[:2])[0] @ down
        beyond = jnp.exp(log_price - jnp.clip(log_price, min=first, max=last))
        exposure = read(self.exposure)
        cash, shares = self.static
        # Beyond the table the hedge's number of shares is that of its edge.
        value = read(self.value) + exposure * (beyond - 1.0) + cash + shares * price
        per_unit = now.accrual[0] / price
        return value, (exposure * beyond + shares * price) * per_unit, feedback * per_unit
