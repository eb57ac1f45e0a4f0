"""The Black-Scholes delta at the volatility at which the option trades."""

import equinox as eqx

from deephedge.claims.vanilla import Call, Put
from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import real
from deephedge.policies.base import AbstractTargetPolicy
from deephedge.policies.greeks import model_delta, quoted_formula
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.black_scholes import BlackScholesFormula
from deephedge.typing import Array, Float, Scalar


class PractitionerDelta(AbstractTargetPolicy):
    r"""Hold $\partial V_{BS}/\partial S$ at today's implied volatility, held fixed (sticky strike).

    The volatility is the pricer's quote (`QuotedBlackScholes`: then this is `DeltaHedge`), or the
    one implied by its price: what a desk does that marks its vol each day and hedges as if it
    would never move. What the vol does when the price moves is left out: see `BartlettDelta`,
    `MinimumVarianceDelta` and `HullWhiteDelta`.

    Reference: Hull and White (2017), Optimal delta hedging for options, section 1; Cao, Chen, Hull
    and Poulos (2021), Deep hedging of derivatives using reinforcement learning, for the name.
    """

    claim: Call | Put
    pricer: AbstractPricer
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)

    def observe(self, now: Snapshot) -> Float[Array, " asset"]:
        formula = quoted_formula(
            self.pricer, self.claim, now, rate=self.rate, dividend=self.dividend
        )
        return model_delta(formula, self.claim, now)

    @classmethod
    def example(cls) -> "PractitionerDelta":
        """A typical member, for tests and documentation."""
        return cls(Call.example(), BlackScholesFormula.example())
