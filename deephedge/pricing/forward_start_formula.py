"""Forward-start options in closed form."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.claims.forward_start import ForwardStartCall
from deephedge.claims.vanilla import Call
from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import non_negative, real
from deephedge.pricing.black_scholes import black_scholes_price
from deephedge.pricing.closed_form import AbstractClosedForm, refusal
from deephedge.typing import Scalar


class ForwardStartFormula(AbstractClosedForm):
    r"""Before the start $S e^{-q(t_1 - t)}$ calls on a price of 1; after it a call.

    Once the date has passed, the strike is read from `now.progress`; without it the price of
    `now` is taken for the one fixed.

    Reference: Rubinstein (1991), pay now, choose later.
    """

    vol: Scalar = eqx.field(converter=non_negative("vol"))
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)

    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        if not isinstance(claim, ForwardStartCall):
            raise refusal(self, "forward-start calls", claim)
        spot = now.prices[claim.asset]
        seen = now.progress[0] if now.progress.shape[0] else jnp.zeros_like(spot)
        wait = jnp.where(seen > 0, 0.0, jnp.maximum(claim.start - now.time, 0.0))
        fixed = jnp.where(seen > 0, seen, spot)
        ahead = wait > 0
        option = Call(strike=jnp.where(ahead, spot, fixed) * claim.ratio, maturity=claim.maturity)
        value = black_scholes_price(
            option,
            spot=spot,
            tau=jnp.where(ahead, claim.maturity - claim.start, claim.tau(now)),
            vol=self.vol,
            rate=self.rate,
            dividend=self.dividend,
        )
        return jnp.exp(-self.dividend * wait) * value

    @classmethod
    def example(cls) -> "ForwardStartFormula":
        """A typical member, for tests and documentation."""
        return cls(vol=0.2, rate=0.02, dividend=0.01)
