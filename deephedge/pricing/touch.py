"""One-touch and no-touch options in closed form."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.claims.touch import NoTouch, OneTouch
from deephedge.markets.base import Snapshot
from deephedge.numerics import safe
from deephedge.numerics.checks import non_negative, real
from deephedge.pricing.closed_form import LEAST_VOL, AbstractClosedForm, refusal, time_left
from deephedge.pricing.passage import hit_probability, hit_value
from deephedge.typing import Scalar


class TouchFormula(AbstractClosedForm):
    r"""Cash at a barrier watched continuously: the law of the first passage, discounted.

    At maturity $e^{-r\tau}P(\text{hit})$ or $e^{-r\tau}(1 - P)$; at the hit
    $E[e^{-r\,\text{hit}}]$. A volatility under 0.01 % counts as that.

    Reference: Rubinstein and Reiner (1991), unscrambling the binary code.
    """

    vol: Scalar = eqx.field(converter=non_negative("vol"))
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)

    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        if not isinstance(claim, OneTouch | NoTouch):
            raise refusal(self, "one-touch and no-touch options", claim)
        spot = now.prices[claim.asset]
        seen = now.progress[0] if now.progress.shape[0] else jnp.zeros_like(now.discount)
        hit = (seen > 0) | claim.reached(spot)
        live, tau = time_left(claim, now)
        vol = jnp.maximum(self.vol, LEAST_VOL)
        drift = self.rate - self.dividend - 0.5 * vol**2
        living = jnp.where(hit, claim.barrier * (0.9 if claim.up else 1.1), spot)
        gap = jnp.log(claim.barrier / living)
        discount = jnp.exp(-self.rate * claim.tau(now))
        if isinstance(claim, OneTouch) and claim.at_hit:
            earned = jnp.where(seen > 0, safe.divide(seen, now.discount), 1.0)
            paid = hit_value(gap, tau, vol, drift, self.rate, up=claim.up)
            return claim.cash * jnp.where(hit, earned, jnp.where(live, paid, 0.0))
        touched = jnp.where(live, hit_probability(gap, tau, vol, drift, up=claim.up), 0.0)
        touched = jnp.where(hit, 1.0, touched)
        odds = touched if isinstance(claim, OneTouch) else 1.0 - touched
        return claim.cash * discount * odds

    @classmethod
    def example(cls) -> "TouchFormula":
        """A typical member, for tests and documentation."""
        return cls(vol=0.2, rate=0.02, dividend=0.01)
