"""Several costs at once."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.costs.base import AbstractCost
from deephedge.costs.fixed import FixedCost
from deephedge.costs.proportional import ProportionalCost
from deephedge.markets.base import Snapshot
from deephedge.typing import Array, Float, Scalar


class CostSum(AbstractCost):
    """Every one of `costs` is charged."""

    costs: tuple[AbstractCost, ...] = eqx.field(converter=tuple)

    def __call__(self, trade: Float[Array, " asset"], now: Snapshot) -> Scalar:
        return sum((cost(trade, now) for cost in self.costs), start=jnp.zeros((), trade.dtype))

    @classmethod
    def example(cls) -> "CostSum":
        """A typical member, for tests and documentation."""
        return cls((ProportionalCost.example(), FixedCost.example()))
