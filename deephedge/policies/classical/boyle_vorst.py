"""Delta of an option replicated in a binomial tree with costs."""

import equinox as eqx

from deephedge.claims.base import AbstractClaim
from deephedge.claims.vanilla import Call
from deephedge.numerics.checks import non_negative, positive
from deephedge.policies.classical.modified_vol import AbstractModifiedVol
from deephedge.pricing.base import AbstractBlackScholesPricer
from deephedge.pricing.black_scholes import BlackScholesFormula
from deephedge.typing import Scalar


class BoyleVorst(AbstractModifiedVol):
    r"""Replication in a binomial tree with costs: delta at a volatility wider than Leland's.

    $$\hat\sigma^2 = \sigma^2\Bigl(1 \pm \frac{2\varepsilon}{\sigma\sqrt{\Delta t}}\Bigr)$$

    with one-way proportional cost $\varepsilon$ (`cost_rate`) and steps of $\Delta t$ years
    (`interval`): plus for the seller of a convex claim; minus, with `convex` false, of a concave
    one. Each binomial move is one deviation, where Leland's normal ones are
    $\sqrt{2/\pi}$ in the mean.

    Reference: Boyle and Vorst (1992), Option replication in discrete time with transaction costs,
    Journal of Finance 47(1), section on the Black-Scholes approximation.
    """

    claim: AbstractClaim
    pricer: AbstractBlackScholesPricer
    cost_rate: Scalar = eqx.field(converter=non_negative("cost_rate"))
    interval: Scalar = eqx.field(converter=positive("interval"))
    convex: bool = eqx.field(static=True, default=True)

    @property
    def scale(self) -> float:
        return 1.0

    @classmethod
    def example(cls) -> "BoyleVorst":
        """A typical member, for tests and documentation."""
        return cls(Call.example(), BlackScholesFormula.example(), cost_rate=0.001, interval=1 / 252)
