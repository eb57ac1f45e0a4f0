"""Holdings of several assets read from tables."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from deephedge.markets.base import AbstractMarket, Snapshot
from deephedge.policies.base import AbstractTargetPolicy
from deephedge.policies.tabulated.band import example_table
from deephedge.policies.tabulated.state_grid import StateGrid
from deephedge.typing import Array, Float, Scalar


class TabulatedHoldings(AbstractTargetPolicy):
    """What a rule holds of each asset, worked out once on a grid of the first asset's price.

    For rules that are too costly to work out on every path, as are Greeks by Fourier's method,
    and that look at the date, the first asset's price and the first factor alone.
    """

    grid: StateGrid
    holdings: Float[Array, "asset step state price"]

    def observe(self, now: Snapshot) -> Float[Array, " asset"]:
        place = self.grid.place(now)
        return jax.vmap(lambda table: self.grid.read(table, place))(self.holdings)

    @classmethod
    def of(
        cls, rule: AbstractTargetPolicy, market: AbstractMarket, grid: StateGrid
    ) -> "TabulatedHoldings":
        """The rule's holdings at the grid's nodes; other prices and factors as at the start."""
        return cls(grid, _worked_out(rule, market.start(), grid))

    @classmethod
    def example(cls) -> "TabulatedHoldings":
        """A typical member, for tests and documentation."""
        grid, middle = example_table()
        return cls(grid, middle[None])


@eqx.filter_jit
def _worked_out(
    rule: AbstractTargetPolicy, start: Snapshot, grid: StateGrid
) -> Float[Array, "asset step state price"]:
    def at(time: Scalar, level: Scalar, root: Scalar, log_price: Scalar) -> Array:
        now = dataclasses.replace(
            start,
            time=time,
            prices=start.prices.at[0].set(level * jnp.exp(log_price)),
            factors=start.factors.at[:1].set(root**2),
        )
        return rule.observe(now)

    def row(inputs: tuple[Scalar, Scalar, Scalar]) -> Float[Array, "price asset"]:
        return jax.vmap(lambda x: at(*inputs, x))(grid.log_prices)

    n_dates, n_roots = grid.times.shape[0], grid.roots.shape[0]
    dates = (jnp.repeat(x, n_roots) for x in (grid.times, grid.levels))
    rows = lax.map(row, (*dates, jnp.tile(grid.roots, n_dates)))
    return jnp.moveaxis(rows.reshape(n_dates, n_roots, *rows.shape[1:]), -1, 0)
