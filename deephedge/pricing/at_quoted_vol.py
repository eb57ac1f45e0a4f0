"""A formula with one volatility, at the volatility quoted at the date."""

import dataclasses

import equinox as eqx

from deephedge.claims.base import AbstractClaim
from deephedge.markets.base import Snapshot
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.closed_form import AbstractClosedForm
from deephedge.pricing.power_formula import PowerFormula
from deephedge.typing import Scalar


class AtQuotedVol(AbstractPricer):
    """What `formula` says at the volatility in `now.factors[column]`, whatever its own.

    For claims that `QuotedBlackScholes` does not price: barriers, lookbacks and their like, at
    one volatility for all strikes and dates.
    """

    formula: AbstractClosedForm
    column: int = eqx.field(static=True, default=0)

    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        quoted = dataclasses.replace(self.formula, vol=now.factors[self.column])
        return quoted.price(claim, now)

    def shifted(
        self, now: Snapshot, *, vol: Scalar, rate: Scalar
    ) -> tuple["AtQuotedVol", Snapshot]:
        formula = dataclasses.replace(self.formula, rate=self.formula.rate + rate)
        factors = now.factors.at[self.column].add(vol)
        moved = dataclasses.replace(now, factors=factors)
        return dataclasses.replace(self, formula=formula), moved

    @classmethod
    def example(cls) -> "AtQuotedVol":
        """A typical member, for tests and documentation."""
        return cls(PowerFormula.example())
