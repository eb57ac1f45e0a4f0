"""Do nothing: the naked position that every hedge must beat."""

import jax.numpy as jnp

from deephedge.markets.base import Snapshot
from deephedge.policies.base import AbstractPolicy, Account
from deephedge.typing import Array, Float


class NoHedge(AbstractPolicy):
    """Hold nothing, ever."""

    def init(self) -> None:
        return None

    def step(
        self, now: Snapshot, account: Account, memory: None
    ) -> tuple[Float[Array, " asset"], None]:
        return jnp.zeros_like(now.prices), None

    @classmethod
    def example(cls) -> "NoHedge":
        """A typical member, for tests and documentation."""
        return cls()
