"""Single-barrier options in closed form."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.barrier import BarrierOption, UpAndOutCall, shifted_barrier
from deephedge.claims.base import AbstractClaim
from deephedge.claims.vanilla import Call, Put
from deephedge.markets.base import Snapshot
from deephedge.numerics import normal, safe
from deephedge.numerics.checks import non_negative, real
from deephedge.pricing.black_scholes import black_scholes_price
from deephedge.pricing.closed_form import LEAST_VOL, AbstractClosedForm, refusal, time_left
from deephedge.pricing.passage import hit_probability, hit_value, tilted
from deephedge.typing import Array, Scalar


class BarrierFormula(AbstractClosedForm):
    r"""All eight single-barrier options with rebate, watched continuously.

    With A and B the option's value cut at the strike and at the barrier, C and D their mirror
    images in the barrier, $(H/S)^{2\nu/\sigma^2}$ times the option on $H^2/S$, the in-option is

    | | $K > H$ | $K \le H$ |
    |---|---|---|
    | down call | C | A - B + D |
    | up call | A | B - C + D |
    | down put | B - C + D | A |
    | up put | A - B + D | C |

    An out-option is the option less its in-option, plus the rebate paid at the hit.
    A volatility under 0.01 % counts as that.

    Args:
        monitoring: years between the dates at which the barrier is watched, 0 for continuously:
            the barrier moves away by `shifted_barrier`.

    Reference: Reiner and Rubinstein (1991); Haug (2007), section 4.17.1.
    """

    vol: Scalar = eqx.field(converter=non_negative("vol"))
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)
    monitoring: Scalar = eqx.field(converter=non_negative("monitoring"), default=0.0)

    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        if not isinstance(claim, BarrierOption | UpAndOutCall):
            raise refusal(self, "options with one barrier", claim)
        claim, hit, earned = standing(claim, now)
        return self._price(claim, now, hit, earned)

    def _price(self, claim: BarrierOption, now: Snapshot, hit: Array, earned: Scalar) -> Scalar:
        """The value, given what `standing` says."""
        spot = now.prices[claim.asset]
        live, tau = time_left(claim, now)
        vanilla = self._vanilla(claim, spot, claim.tau(now))
        # Past the barrier the formula is not read; a price on the living side keeps it finite.
        living = jnp.where(hit, claim.barrier * (0.9 if claim.up else 1.1), spot)
        vol = jnp.maximum(self.vol, LEAST_VOL)
        drift = self.rate - self.dividend - 0.5 * vol**2
        barrier = shifted_barrier(claim.barrier, vol=vol, dt=self.monitoring, up=claim.up)
        gap = jnp.log(barrier / living)
        starts = self._starts(claim, living, barrier, tau, vol)
        if claim.knock_in:
            survival = 1.0 - hit_probability(gap, tau, vol, drift, up=claim.up)
            alive = starts + claim.rebate * jnp.exp(-self.rate * tau) * survival
            return jnp.where(hit, vanilla, jnp.where(live, alive, claim.rebate))
        paid = hit_value(gap, tau, vol, drift, self.rate, up=claim.up)
        whole = self._vanilla(claim, living, tau, vol)
        alive = whole - starts + claim.rebate * paid
        return jnp.where(hit, claim.rebate * earned, jnp.where(live, alive, vanilla))

    def _vanilla(
        self, claim: BarrierOption, spot: Scalar, tau: Scalar, vol: Scalar | None = None
    ) -> Scalar:
        """The call or put without a barrier."""
        option = (Call if claim.call else Put)(strike=claim.strike, maturity=claim.maturity)
        return black_scholes_price(
            option,
            spot=spot,
            tau=tau,
            vol=self.vol if vol is None else vol,
            rate=self.rate,
            dividend=self.dividend,
        )

    def _starts(
        self, claim: BarrierOption, spot: Scalar, barrier: Scalar, tau: Scalar, vol: Scalar
    ) -> Scalar:
        """Value of the in-option without rebate."""
        strike, kind = claim.strike, 1.0 if claim.call else -1.0
        side = -1.0 if claim.up else 1.0
        deviation, gap = vol * jnp.sqrt(tau), jnp.log(barrier / spot)
        drift = self.rate - self.dividend - 0.5 * vol**2
        shares, cash = spot * jnp.exp(-self.dividend * tau), strike * jnp.exp(-self.rate * tau)

        def plain(level: Scalar) -> Scalar:
            x = kind * ((jnp.log(spot / level) + drift * tau) / deviation)
            return kind * (shares * normal.cdf(x + kind * deviation) - cash * normal.cdf(x))

        def mirrored(log_level: Scalar) -> Scalar:
            y = side * ((log_level + drift * tau) / deviation)
            power = 2.0 * drift * gap / vol**2
            image = shares * tilted(power + 2.0 * gap, y + side * deviation)
            return kind * (image - cash * tilted(power, y))

        a, b = plain(strike), plain(barrier)
        c, d = mirrored(2.0 * gap + jnp.log(spot / strike)), mirrored(gap)
        above = strike > barrier
        if claim.call != claim.up:
            return jnp.where(above == claim.call, c, a - b + d)
        return jnp.where(above == claim.call, a, b - c + d)

    @classmethod
    def example(cls) -> "BarrierFormula":
        """A typical member, for tests and documentation."""
        return cls(vol=0.2, rate=0.02, dividend=0.01)


def standing(
    claim: BarrierOption | UpAndOutCall, now: Snapshot
) -> tuple[BarrierOption, Array, Scalar]:
    """The claim in its general form, whether its barrier was hit, and the interest since then."""
    seen = now.progress[0] if now.progress.shape[0] else None
    if isinstance(claim, UpAndOutCall):
        hit_before = jnp.zeros(()) > 0 if seen is None else seen >= claim.barrier
        earned = jnp.ones_like(now.discount)
        claim = BarrierOption(
            claim.strike,
            claim.barrier,
            claim.maturity,
            call=True,
            up=True,
            knock_in=False,
            asset=claim.asset,
        )
    else:
        hit_before = jnp.zeros(()) > 0 if seen is None else seen > 0
        since = jnp.zeros_like(now.discount) if seen is None else seen
        earned = jnp.where(hit_before, safe.divide(since, now.discount), 1.0)
    return claim, hit_before | claim.reached(now.prices[claim.asset]), earned
