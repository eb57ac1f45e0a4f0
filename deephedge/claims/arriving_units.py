"""A book of one contract that clients buy at random times."""

import equinox as eqx

from deephedge.claims.base import AbstractClaim
from deephedge.claims.vanilla import Call
from deephedge.markets.base import Path
from deephedge.numerics.checks import real
from deephedge.typing import Array, Float, Scalar


class ArrivingUnits(AbstractClaim):
    r"""Pays $n_T\,(\text{payoff} - \text{premium})$ with $n_T$ units sold by maturity.

    $n$ is the last factor of the market, which must be an `OrderFlow`; 1 in a market without
    factors. Every client pays the posted `premium`, in
    cash at maturity, whenever they come.
    """

    claim: AbstractClaim
    premium: Scalar = eqx.field(converter=real("premium"), default=0.0)

    @property
    def maturity(self) -> Scalar:
        """The date, in years, at which all units pay."""
        return self.claim.maturity

    def payoff(self, path: Path) -> Scalar:
        owed = self.claim.payoff(path) - self.premium
        return owed if path.factors.shape[1] == 0 else path.factors[-1, -1] * owed

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        return self.claim.progress(path)

    def jumps(self, path: Path) -> list[tuple[int, Float[Array, " time"]]]:
        return self.claim.jumps(path)

    @classmethod
    def example(cls) -> "ArrivingUnits":
        """A typical member, for tests and documentation."""
        # pyright takes the abstract `maturity`, here a property, for an argument.
        return cls(Call.example(), premium=4.0)  # pyright: ignore[reportCallIssue, reportArgumentType]
