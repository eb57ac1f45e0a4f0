"""A cost, more or less of it."""

import equinox as eqx

from deephedge.costs.base import AbstractCost
from deephedge.costs.proportional import ProportionalCost
from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import non_negative
from deephedge.typing import Array, Float, Scalar


class ScaledCost(AbstractCost):
    """`factor` times what `cost` charges: a curriculum's cost at one step of training."""

    cost: AbstractCost
    factor: Scalar = eqx.field(converter=non_negative("factor"))

    def __call__(self, trade: Float[Array, " asset"], now: Snapshot) -> Scalar:
        return self.factor * self.cost(trade, now)

    @classmethod
    def example(cls) -> "ScaledCost":
        """A typical member, for tests and documentation."""
        return cls(ProportionalCost.example(), factor=0.5)
