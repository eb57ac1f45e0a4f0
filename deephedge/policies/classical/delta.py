"""Hold the delta of a model."""

import dataclasses

import equinox as eqx
import jax

from deephedge.claims.base import AbstractClaim
from deephedge.claims.vanilla import Call
from deephedge.markets.base import Snapshot
from deephedge.policies.base import AbstractPolicy, Account
from deephedge.policies.greeks import model_delta
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.black_scholes import BlackScholesFormula
from deephedge.typing import Array, Float


class DeltaHedge(AbstractPolicy):
    r"""Hold $\partial V/\partial S$ of *any* pricer: the seller of the claim is then delta-neutral.

    Reference: Black and Scholes (1973).
    """

    claim: AbstractClaim
    pricer: AbstractPricer

    def init(self) -> None:
        return None

    def step(
        self, now: Snapshot, account: Account, memory: None
    ) -> tuple[Float[Array, " asset"], None]:
        return model_delta(self.pricer, self.claim, now), None

    @classmethod
    def example(cls) -> "DeltaHedge":
        """A typical member, for tests and documentation."""
        return cls(Call.example(), BlackScholesFormula.example())
