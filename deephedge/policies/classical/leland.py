"""Delta of an option whose volatility is raised to pay for rebalancing at fixed intervals."""

import math

import equinox as eqx

from deephedge.claims.base import AbstractClaim
from deephedge.claims.vanilla import Call
from deephedge.numerics.checks import non_negative, positive
from deephedge.policies.classical.modified_vol import AbstractModifiedVol
from deephedge.pricing.base import AbstractBlackScholesPricer
from deephedge.pricing.black_scholes import BlackScholesFormula
from deephedge.typing import Scalar


class Leland(AbstractModifiedVol):
    r"""Hold the Black-Scholes delta at the modified volatility $\hat\sigma$.

    $$\hat\sigma^2 = \sigma^2\Bigl(1 \pm \sqrt{\tfrac2\pi}\,
    \frac{2\varepsilon}{\sigma\sqrt{\Delta t}}\Bigr)$$

    with one-way proportional cost $\varepsilon$ (`cost_rate`; Leland's k is the round trip,
    $2\varepsilon$) and years $\Delta t$ between rebalancings (`interval`): plus for the seller of
    a convex claim; minus, with `convex` false, of a concave one.

    Reference: Leland (1985), equation 7, and its section on long positions.
    """

    claim: AbstractClaim
    pricer: AbstractBlackScholesPricer
    cost_rate: Scalar = eqx.field(converter=non_negative("cost_rate"))
    interval: Scalar = eqx.field(converter=positive("interval"))
    convex: bool = eqx.field(static=True, default=True)

    @property
    def scale(self) -> float:
        return math.sqrt(2.0 / math.pi)

    @classmethod
    def example(cls) -> "Leland":
        """A typical member, for tests and documentation."""
        return cls(Call.example(), BlackScholesFormula.example(), cost_rate=0.001, interval=1 / 252)
