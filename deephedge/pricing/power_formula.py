"""Options on a power of the price in closed form."""

import equinox as eqx

from deephedge.claims.base import AbstractClaim
from deephedge.claims.power import PowerOption
from deephedge.claims.vanilla import Call, Put
from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import non_negative, real
from deephedge.pricing.black_scholes import black_scholes_price
from deephedge.pricing.closed_form import AbstractClosedForm, refusal
from deephedge.typing import Scalar


class PowerFormula(AbstractClosedForm):
    r"""The Black-Scholes formula on $S^a$, which is lognormal too.

    $$E\,S_T^a = S^a e^{a(r - q)\tau + \frac12 a(a - 1)\sigma^2\tau},$$ with volatility $a\sigma$.

    Reference: Heynen and Kat (1996); Haug (2007), section 4.4.
    """

    vol: Scalar = eqx.field(converter=non_negative("vol"))
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)

    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        if not isinstance(claim, PowerOption):
            raise refusal(self, "options on a power", claim)
        a, tau = claim.power, claim.tau(now)
        carry = a * (self.rate - self.dividend) + 0.5 * a * (a - 1.0) * self.vol**2
        return black_scholes_price(
            (Call if claim.call else Put)(strike=claim.strike, maturity=claim.maturity),
            spot=now.prices[claim.asset] ** a,
            tau=tau,
            vol=a * self.vol,
            rate=self.rate,
            dividend=self.rate - carry,
        )

    @classmethod
    def example(cls) -> "PowerFormula":
        """A typical member, for tests and documentation."""
        return cls(vol=0.2, rate=0.02, dividend=0.01)
