"""A no-trade band with targets inside it, read from tables."""

import jax.numpy as jnp

from deephedge.markets.base import Snapshot
from deephedge.policies.base import AbstractPolicy, Account
from deephedge.policies.tabulated.band import example_table
from deephedge.policies.tabulated.state_grid import StateGrid
from deephedge.typing import Array, Float


class TabulatedTrigger(AbstractPolicy):
    """Below a lower edge buy up to one target, above an upper edge sell down to another.

    With a fee a trade, the optimal policy (Eastham and Hastings, 1988): see `deephedge.optimum`.
    Of one asset.
    """

    grid: StateGrid
    lower: Float[Array, "step state price"]
    upper: Float[Array, "step state price"]
    bought: Float[Array, "step state price"]
    sold: Float[Array, "step state price"]

    def init(self) -> None:
        return None

    def observe(self, now: Snapshot) -> Float[Array, " four"]:
        place = self.grid.place(now)
        tables = (self.lower, self.upper, self.bought, self.sold)
        return jnp.stack([self.grid.read(table, place) for table in tables])

    def act(
        self, seen: Float[Array, " four"], account: Account, memory: None
    ) -> tuple[Float[Array, " asset"], None]:
        lower, upper, bought, sold = seen
        held = account.holdings
        return jnp.where(held < lower, bought, jnp.where(held > upper, sold, held)), None

    @classmethod
    def example(cls) -> "TabulatedTrigger":
        """A typical member, for tests and documentation."""
        grid, middle = example_table()
        return cls(grid, middle - 0.1, middle + 0.1, middle - 0.02, middle + 0.02)
