"""What a pricer is."""

from abc import abstractmethod
from typing import ClassVar

import equinox as eqx

from deephedge.claims.base import AbstractClaim
from deephedge.markets.base import AbstractMarket, Snapshot
from deephedge.typing import Scalar


class AbstractPricer(eqx.Module):
    """One method for one family of claims in one family of models.

    A pricer is a pytree: the derivative of `price` with respect to any field is a sensitivity.
    """

    effort: ClassVar[int] = 0
    """0 a closed form, 1 an approximate one, 2 a series, 3 a grid: `pricer_for` takes the least."""

    @abstractmethod
    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        """Value of the claim at `now`, in cash of that date, per unit of claim."""

    @abstractmethod
    def shifted(
        self, now: Snapshot, *, vol: Scalar, rate: Scalar
    ) -> "tuple[AbstractPricer, Snapshot]":
        """The pricer and the state with the current volatility raised by `vol`, rates by `rate`."""

    @classmethod
    def for_model(cls, model: AbstractMarket, asset: int = 0) -> "AbstractPricer | None":
        """This method in the model, for claims on that asset; `None` where it does not apply."""
        del model, asset
        return None


class AbstractBlackScholesPricer(AbstractPricer):
    """A pricer that works with one Black-Scholes volatility at each date.

    Rules that modify the volatility (Leland, Zakamouline) or need gamma in closed form take one.
    """

    rate: eqx.AbstractVar[Scalar]
    dividend: eqx.AbstractVar[Scalar]

    @abstractmethod
    def vol_at(self, now: Snapshot) -> Scalar:
        """The volatility that the pricer uses at `now`."""
