"""No costs at all."""

import jax.numpy as jnp

from deephedge.costs.base import AbstractCost
from deephedge.markets.base import Snapshot
from deephedge.typing import Array, Float, Scalar


class NoCost(AbstractCost):
    """Trading is free."""

    def __call__(self, trade: Float[Array, " asset"], now: Snapshot) -> Scalar:
        return jnp.zeros((), trade.dtype)

    @classmethod
    def example(cls) -> "NoCost":
        """A typical member, for tests and documentation."""
        return cls()
