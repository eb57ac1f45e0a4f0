"""Calls on calls in closed form."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
from jax import lax

from deephedge.claims.base import AbstractClaim
from deephedge.claims.compound import CompoundOption
from deephedge.claims.vanilla import Call
from deephedge.markets.base import Snapshot
from deephedge.numerics import bivariate_normal, normal
from deephedge.numerics.checks import non_negative, real
from deephedge.pricing.black_scholes import black_scholes_price
from deephedge.pricing.closed_form import LEAST_VOL, AbstractClosedForm, refusal
from deephedge.typing import Array, Int, Scalar


class CompoundFormula(AbstractClosedForm):
    r"""A call on a call whose holder buys where the price is above b.

    With $d_b$, $d_K$ the normal distances of the price from b at the decision, after $\tau_1$,
    and from K at maturity, after $\tau$, and $\rho = \sqrt{\tau_1/\tau}$,

    $$V = S e^{-q\tau}\Phi_2(d_b + \sigma\sqrt{\tau_1}, d_K + \sigma\sqrt\tau; \rho)
    - K e^{-r\tau}\Phi_2(d_b, d_K; \rho) - P e^{-r\tau_1}\Phi(d_b)$$

    before the decision; after it the call less the premium carried on, or nothing. Geske's value
    is that of the best rule, `best_rule`. A volatility under 0.01 % counts as that.

    Reference: Geske (1979), equation 4.
    """

    vol: Scalar = eqx.field(converter=non_negative("vol"))
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)

    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        if not isinstance(claim, CompoundOption):
            raise refusal(self, "calls on calls", claim)
        spot, tau = now.prices[claim.asset], claim.tau(now)
        wait = jnp.maximum(claim.decision - now.time, 0.0)
        seen = now.progress if now.progress.shape[0] else jnp.zeros(2, spot.dtype)
        ahead = (wait > 0) & (seen[0] == 0)
        fixed = jnp.where(seen[0] > 0, seen[0], spot)
        call = self._call(claim, spot, tau)
        owed = claim.premium * jnp.where(seen[1] > 0, seen[1] / now.discount, 1.0)
        bought = jnp.where(fixed > claim.buy_above, call - owed, 0.0)
        before = self._before(claim, spot, jnp.where(ahead, wait, 0.5), jnp.where(ahead, tau, 1.0))
        return jnp.where(ahead, before, bought)

    def _before(self, claim: CompoundOption, spot: Scalar, wait: Scalar, tau: Scalar) -> Scalar:
        """The value while the decision is to come."""
        vol = jnp.maximum(self.vol, LEAST_VOL)
        drift = self.rate - self.dividend - 0.5 * vol**2

        def distance(level: Scalar, time: Scalar) -> tuple[Scalar, Scalar]:
            deviation = vol * jnp.sqrt(time)
            d2 = (jnp.log(spot / level) + drift * time) / deviation
            return d2 + deviation, d2

        (b1, b2), (k1, k2) = distance(claim.buy_above, wait), distance(claim.strike, tau)
        rho = jnp.sqrt(wait / tau)
        return (
            spot * jnp.exp(-self.dividend * tau) * bivariate_normal.cdf(b1, k1, rho)
            - claim.strike * jnp.exp(-self.rate * tau) * bivariate_normal.cdf(b2, k2, rho)
            - claim.premium * jnp.exp(-self.rate * wait) * normal.cdf(b2)
        )

    def best_rule(self, claim: CompoundOption) -> CompoundOption:
        """The same contract with the price above which the call is worth its premium."""
        after = claim.maturity - claim.decision

        def halve(_: Int[Array, ""] | int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
            low, high = ends
            middle = jnp.sqrt(low * high)
            worth = self._call(claim, middle, after) > claim.premium
            return jnp.where(worth, low, middle), jnp.where(worth, middle, high)

        wide = 1e4 * (claim.strike + claim.premium)
        low, high = lax.fori_loop(0, 80, halve, (1e-6 * claim.strike, wide))
        return dataclasses.replace(claim, buy_above=jnp.sqrt(low * high))

    def _call(self, claim: CompoundOption, spot: Scalar, tau: Scalar) -> Scalar:
        return black_scholes_price(
            Call(strike=claim.strike, maturity=claim.maturity),
            spot=spot,
            tau=tau,
            vol=self.vol,
            rate=self.rate,
            dividend=self.dividend,
        )

    @classmethod
    def example(cls) -> "CompoundFormula":
        """A typical member, for tests and documentation."""
        return cls(vol=0.2, rate=0.02, dividend=0.01)
