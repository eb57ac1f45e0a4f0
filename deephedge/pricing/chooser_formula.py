"""Simple choosers in closed form."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim, AbstractEuropean
from deephedge.claims.chooser import Chooser
from deephedge.claims.vanilla import Call, Put
from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import non_negative, real
from deephedge.pricing.black_scholes import black_scholes_price
from deephedge.pricing.closed_form import AbstractClosedForm, refusal
from deephedge.typing import Scalar


class ChooserFormula(AbstractClosedForm):
    r"""A call, and puts on the forward that parity makes of the choice.

    $$V = C(K, T) + e^{-q(T - t_1)}\,P\bigl(K e^{-(r-q)(T-t_1)}, t_1\bigr)$$

    before the decision; after it, the option that was chosen.

    Reference: Rubinstein (1991), options for the undecided.
    """

    vol: Scalar = eqx.field(converter=non_negative("vol"))
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)

    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        if not isinstance(claim, Chooser):
            raise refusal(self, "choosers", claim)
        tau, wait = claim.tau(now), jnp.maximum(claim.decision - now.time, 0.0)
        after = tau - wait

        def worth(option: AbstractEuropean, tau: Scalar) -> Scalar:
            return black_scholes_price(
                option,
                spot=now.prices[claim.asset],
                tau=tau,
                vol=self.vol,
                rate=self.rate,
                dividend=self.dividend,
            )

        call, put = (
            worth(kind(strike=claim.strike, maturity=claim.maturity), tau) for kind in (Call, Put)
        )
        level = claim.strike * jnp.exp(-(self.rate - self.dividend) * after)
        choice = call + jnp.exp(-self.dividend * after) * worth(
            Put(strike=level, maturity=claim.maturity), wait
        )
        if not now.progress.shape[0]:
            return choice
        # What was remembered is the price at the decision in money of time 0, dividends in it.
        unit = now.discount * now.accrual[claim.asset]
        forward = now.progress[0] / unit * jnp.exp((self.rate - self.dividend) * tau)
        chosen = jnp.where(forward > claim.strike, call, put)
        return jnp.where(now.progress[0] > 0, chosen, choice)

    @classmethod
    def example(cls) -> "ChooserFormula":
        """A typical member, for tests and documentation."""
        return cls(vol=0.2, rate=0.02, dividend=0.01)
