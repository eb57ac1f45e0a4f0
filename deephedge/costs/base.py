"""What trading costs."""

from abc import abstractmethod

import equinox as eqx

from deephedge.markets.base import Snapshot
from deephedge.typing import Array, Float, Scalar


class AbstractCost(eqx.Module):
    """Cash paid for a trade on top of its price."""

    @abstractmethod
    def __call__(self, trade: Float[Array, " asset"], now: Snapshot) -> Scalar:
        """Cash cost, at `now`, of buying `trade` units of each asset (negative: selling)."""
