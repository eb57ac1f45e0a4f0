"""Hold the delta of a model."""

from deephedge.claims.base import AbstractClaim
from deephedge.claims.vanilla import Call
from deephedge.markets.base import Snapshot
from deephedge.policies.base import AbstractTargetPolicy
from deephedge.policies.greeks import model_delta
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.black_scholes import BlackScholesFormula
from deephedge.typing import Array, Float


class DeltaHedge(AbstractTargetPolicy):
    r"""Hold $\partial V/\partial S$ of *any* pricer: the seller of the claim is then delta-neutral.

    Reference: Black and Scholes (1973).
    """

    claim: AbstractClaim
    pricer: AbstractPricer

    def observe(self, now: Snapshot) -> Float[Array, " asset"]:
        return model_delta(self.pricer, self.claim, now)

    @classmethod
    def example(cls) -> "DeltaHedge":
        """A typical member, for tests and documentation."""
        return cls(Call.example(), BlackScholesFormula.example())
