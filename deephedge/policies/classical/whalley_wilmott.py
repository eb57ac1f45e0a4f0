"""The asymptotically optimal no-trade band for exponential utility and small costs."""

import equinox as eqx

from deephedge.claims.base import AbstractClaim
from deephedge.claims.vanilla import Call
from deephedge.markets.base import Snapshot
from deephedge.numerics import safe
from deephedge.numerics.checks import non_negative, positive
from deephedge.policies.base import AbstractClassicalBand
from deephedge.policies.greeks import model_delta_gamma
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.black_scholes import BlackScholesFormula
from deephedge.typing import Array, Float, Scalar


class WhalleyWilmott(AbstractClassicalBand):
    r"""Rehedge only outside a band around delta, and then only to its edge.

    The half-width, in units of the underlier, is

    $$\Bigl(\frac{3\,\varepsilon\,S\,\Gamma^2}{2\,\lambda\,D_t}\Bigr)^{1/3}$$

    with proportional cost $\varepsilon$ (`cost_rate`), and $D_t$ the discount. `aversion`
    $\lambda$ is per unit of *today's* money, like the P&L it judges; the paper's is per unit of
    cash at maturity, $\lambda D_T$, which turns $1/D_t$ into its $e^{-r\tau}$.

    Reference: Whalley and Wilmott (1997), equation 3.10.
    """

    claim: AbstractClaim
    pricer: AbstractPricer
    cost_rate: Scalar = eqx.field(converter=non_negative("cost_rate"))
    aversion: Scalar = eqx.field(converter=positive("aversion"))

    def observe(self, now: Snapshot) -> tuple[Float[Array, " asset"], Float[Array, " asset"]]:
        delta, gamma = model_delta_gamma(self.pricer, self.claim, now)
        half_width = small_cost_width(gamma, now, cost_rate=self.cost_rate, aversion=self.aversion)
        return delta - half_width, delta + half_width

    @classmethod
    def example(cls) -> "WhalleyWilmott":
        """A typical member, for tests and documentation."""
        return cls(Call.example(), BlackScholesFormula.example(), cost_rate=0.001, aversion=1.0)


def small_cost_width(
    gamma: Float[Array, " asset"], now: Snapshot, *, cost_rate: Scalar, aversion: Scalar
) -> Float[Array, " asset"]:
    """The half-width of `WhalleyWilmott` for a book with that gamma, in units of each asset."""
    cubed = 1.5 * cost_rate * now.prices * gamma**2 / (aversion * now.discount)
    # The root's slope is infinite where gamma vanishes: `safe.power` has slope 0 there.
    return safe.power(cubed, 1.0 / 3.0)
