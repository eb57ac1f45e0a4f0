"""Lookback options in closed form."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deephedge.claims.base import AbstractClaim
from deephedge.claims.lookback import (
    FloatingLookbackCall,
    FloatingLookbackPut,
    LookbackCall,
    LookbackPut,
)
from deephedge.markets.base import Snapshot
from deephedge.numerics import normal
from deephedge.numerics.checks import non_negative, real
from deephedge.pricing.closed_form import LEAST_VOL, AbstractClosedForm, refusal, time_left
from deephedge.pricing.passage import tilted
from deephedge.typing import Array, Scalar

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)


class LookbackFormula(AbstractClosedForm):
    r"""Fixed- and floating-strike lookbacks, the extreme taken over all times.

    Each is a forward and an option on the extreme. With M the maximum so far or the strike,
    whichever is higher, $b = r - q$, $\beta = 2b/\sigma^2$, $l = \log(S/M)$ and
    $d = (l + (b + \sigma^2/2)\tau)/\sigma\sqrt\tau$,

    $$e^{-r\tau}E(\max_u S_u - M)^+ = S e^{-q\tau}\Phi(d) - M e^{-r\tau}\Phi(d - \sigma\sqrt\tau)
    + S e^{-r\tau}\,\frac{e^{b\tau}\Phi(d) - e^{-\beta l}\Phi(d - 2b\sqrt\tau/\sigma)}{\beta},$$

    and for minima the same mirrored. The quotient is smooth at $\beta = 0$, where its numerator
    vanishes: near it the mean slope of the numerator is taken by Gauss-Legendre quadrature. A
    volatility under 0.01 % counts as that.

    Reference: Goldman, Sosin and Gatto (1979); Conze and Viswanathan (1991).
    """

    vol: Scalar = eqx.field(converter=non_negative("vol"))
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)

    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        if not isinstance(
            claim, LookbackCall | LookbackPut | FloatingLookbackCall | FloatingLookbackPut
        ):
            raise refusal(self, "lookback options", claim)
        spot = now.prices[claim.asset]
        seen = now.progress[0] if now.progress.shape[0] else spot
        high = isinstance(claim, LookbackCall | FloatingLookbackPut)
        extreme = _further(seen, spot, high)
        tau = claim.tau(now)
        cash, shares = jnp.exp(-self.rate * tau), spot * jnp.exp(-self.dividend * tau)
        if isinstance(claim, LookbackCall | LookbackPut):
            level = _further(claim.strike, extreme, high)
            gain = level - claim.strike
            return cash * (gain if high else -gain) + self._beyond(claim, now, level, high)
        beyond = self._beyond(claim, now, extreme, high)
        owed = cash * extreme - shares
        return (owed if high else -owed) + beyond

    def _beyond(self, claim: AbstractClaim, now: Snapshot, level: Scalar, high: bool) -> Scalar:
        """Value of how far the extreme will yet go beyond `level`, which it has not passed."""
        side = 1.0 if high else -1.0
        spot = now.prices[claim.asset]  # pyright: ignore[reportAttributeAccessIssue]
        live, tau = time_left(claim, now)
        vol = jnp.maximum(self.vol, LEAST_VOL)
        carry, deviation = self.rate - self.dividend, vol * jnp.sqrt(tau)
        beta, log_ratio = 2.0 * carry / vol**2, jnp.log(spot / level)
        d = side * ((log_ratio + carry * tau) / deviation + 0.5 * deviation)
        shares, cash = spot * jnp.exp(-self.dividend * tau), level * jnp.exp(-self.rate * tau)
        option = side * (shares * normal.cdf(d) - cash * normal.cdf(d - side * deviation))
        quotient = _quotient(beta, log_ratio, deviation, side)
        return jnp.where(live, option + spot * jnp.exp(-self.rate * tau) * quotient, 0.0)

    @classmethod
    def example(cls) -> "LookbackFormula":
        """A typical member, for tests and documentation."""
        return cls(vol=0.2, rate=0.02, dividend=0.01)


def _further(level: Scalar, price: Scalar, high: bool) -> Scalar:
    """The price where it is beyond the level, else the level.

    At a tie, where gamma jumps, its slopes are those of a price about to turn back.
    """
    return jnp.where(price > level if high else price < level, price, level)


def _quotient(beta: Scalar, log_ratio: Scalar, deviation: Scalar, side: float) -> Scalar:
    """The premium of the extreme over an option, in units of the spot, before discounting."""

    def numerator(beta: Scalar) -> Scalar:
        middle, tilt = log_ratio / deviation + 0.5 * deviation, 0.5 * beta * deviation
        plain = tilted(0.5 * beta * deviation**2, side * (middle + tilt))
        return side * (plain - tilted(-beta * log_ratio, side * (middle - tilt)))

    scale = 1.0 + 0.5 * deviation**2 + jnp.abs(log_ratio)
    small = jnp.abs(beta) * scale < 0.1
    nodes = jnp.asarray(0.5 * (_NODES + 1.0), beta.dtype) * jnp.where(small, beta, 0.0)
    weights: Array = jnp.asarray(0.5 * _WEIGHTS, beta.dtype)
    mean_slope = weights @ jax.vmap(jax.grad(numerator))(nodes)
    large = jnp.where(small, 1.0, beta)
    return jnp.where(small, mean_slope, numerator(large) / large)
