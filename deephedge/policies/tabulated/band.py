"""A no-trade band read from a table."""

import jax.numpy as jnp

from deephedge.markets.base import Snapshot
from deephedge.policies.base import AbstractClassicalBand
from deephedge.policies.tabulated.state_grid import StateGrid
from deephedge.typing import Array, Float


class TabulatedBand(AbstractClassicalBand):
    """Trade to the edge of a band whose edges stand in a table; of one asset.

    With proportional costs, the optimal policy: see `deephedge.optimum`.
    """

    grid: StateGrid
    lower: Float[Array, "step state price"]
    upper: Float[Array, "step state price"]

    def observe(self, now: Snapshot) -> tuple[Float[Array, " asset"], Float[Array, " asset"]]:
        place = self.grid.place(now)
        lower, upper = (self.grid.read(table, place) for table in (self.lower, self.upper))
        return lower[None], jnp.maximum(lower, upper)[None]

    @classmethod
    def example(cls) -> "TabulatedBand":
        """A typical member, for tests and documentation."""
        grid, middle = example_table()
        return cls(grid, middle - 0.05, middle + 0.05)


def example_table() -> tuple[StateGrid, Float[Array, "step state price"]]:
    """A grid of five dates and nine prices, and holdings that rise with the price."""
    x = jnp.linspace(-0.4, 0.4, 9, dtype=float)
    times = jnp.linspace(0.0, 0.2, 5, dtype=float)
    grid = StateGrid(times, jnp.full_like(times, 100.0), x, jnp.full_like(x[:1], 0.2))
    steep = 1.0 / (0.3 - times[:, None, None])
    return grid, 0.5 + 0.5 * jnp.tanh(steep * x[None, None, :])
