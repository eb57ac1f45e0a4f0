"""Do nothing: the naked position that every hedge must beat."""

import jax.numpy as jnp

from deephedge.markets.base import Snapshot
from deephedge.policies.base import AbstractTargetPolicy
from deephedge.typing import Array, Float


class NoHedge(AbstractTargetPolicy):
    """Hold nothing, ever."""

    def observe(self, now: Snapshot) -> Float[Array, " asset"]:
        return jnp.zeros_like(now.prices)

    @classmethod
    def example(cls) -> "NoHedge":
        """A typical member, for tests and documentation."""
        return cls()
