"""A no-trade band of fixed width around delta."""

import equinox as eqx

from deephedge.claims.base import AbstractClaim
from deephedge.claims.vanilla import Call
from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import non_negative
from deephedge.policies.base import AbstractClassicalBand
from deephedge.policies.greeks import model_delta
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.black_scholes import BlackScholesFormula
from deephedge.typing import Array, Float, Scalar


class DeltaBand(AbstractClassicalBand):
    r"""Keep the holdings within $\Delta \pm w$, trading to the edge; `half_width` $w$ in units."""

    claim: AbstractClaim
    pricer: AbstractPricer
    half_width: Scalar = eqx.field(converter=non_negative("half_width"))

    def observe(self, now: Snapshot) -> tuple[Float[Array, " asset"], Float[Array, " asset"]]:
        delta = model_delta(self.pricer, self.claim, now)
        return delta - self.half_width, delta + self.half_width

    @classmethod
    def example(cls) -> "DeltaBand":
        """A typical member, for tests and documentation."""
        return cls(Call.example(), BlackScholesFormula.example(), half_width=0.05)
