"""Holdings after a trade by the holdings before it, read from a table."""

import jax.numpy as jnp

from deephedge.markets.base import Snapshot
from deephedge.policies.base import AbstractPolicy, Account
from deephedge.policies.tabulated.band import example_table
from deephedge.policies.tabulated.state_grid import Place, StateGrid, near, read_row
from deephedge.typing import Array, Float


class TabulatedTarget(AbstractPolicy):
    """Trade part of the way: the table says where to, from each of equally spaced `held`.

    With quadratic costs, the optimal policy: see `deephedge.optimum`. Of one asset.
    """

    grid: StateGrid
    held: Float[Array, " node"]
    target: Float[Array, "step state price node"]

    def init(self) -> None:
        return None

    def observe(self, now: Snapshot) -> Place:
        return self.grid.place(now)

    def act(
        self, seen: Place, account: Account, memory: None
    ) -> tuple[Float[Array, " asset"], None]:
        return read_row(self.target, seen, near(self.held, account.holdings[0]))[None], None

    @classmethod
    def example(cls) -> "TabulatedTarget":
        """A typical member, for tests and documentation."""
        grid, goal = example_table()
        held = jnp.linspace(-0.5, 1.5, 9, dtype=float)
        return cls(grid, held, 0.5 * (goal[..., None] + held[None, None, None, :]))
