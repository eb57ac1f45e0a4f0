"""The normal model of prices."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim, AbstractEuropean
from deephedge.markets.base import Snapshot
from deephedge.numerics import normal, safe
from deephedge.numerics.checks import non_negative, real
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.black_scholes import european
from deephedge.pricing.lognormal import distance
from deephedge.typing import Array, Float, Scalar

Values = Float[Array, "..."]


def bachelier_price(
    *, forward: Values, strike: Values, tau: Values, vol: Values, sign: Values
) -> Values:
    r"""Undiscounted call (`sign` 1) or put (`sign` -1) of a normal price, element by element.

    $$s(F - K)\,\Phi(sd) + \sigma\sqrt\tau\,\varphi(d), \quad d = \frac{F - K}{\sigma\sqrt\tau}$$

    `vol` is in currency per square root of a year. Forward and strike may have any sign.

    Reference: Bachelier (1900), Théorie de la spéculation.
    """
    deviation = vol * safe.sqrt(tau)
    gain = sign * (forward - strike)
    d = distance(gain, deviation)
    return gain * normal.cdf(d) + deviation * normal.pdf(d)


class BachelierFormula(AbstractPricer):
    r"""European claims on a price whose forward has normal increments.

    $$dF = \sigma\,dW, \quad F = S e^{(r - q)\tau}$$

    For each piece $(c + mS)\,1\{s(S - K) > 0\}$ of the payoff, with $d$ as in `bachelier_price`,
    $(c + mF)\,\Phi(sd) + m\,s\,\sigma\sqrt\tau\,\varphi(d)$. A piece from a strike of 0 upwards
    is the whole line here, since the price may be negative. `vol` is in currency per square root
    of a year.

    Reference: Bachelier (1900), Théorie de la spéculation.
    """

    vol: Scalar = eqx.field(converter=non_negative("vol"))
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)

    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        claim = european(claim, "BachelierFormula")
        tau = claim.tau(now)
        forward = now.prices[claim.asset] * jnp.exp((self.rate - self.dividend) * tau)
        value = _european(claim, forward, self.vol * safe.sqrt(tau))
        return jnp.exp(-self.rate * tau) * value

    def shifted(
        self, now: Snapshot, *, vol: Scalar, rate: Scalar
    ) -> tuple["BachelierFormula", Snapshot]:
        return dataclasses.replace(self, vol=self.vol + vol, rate=self.rate + rate), now

    @classmethod
    def example(cls) -> "BachelierFormula":
        """A typical member, for tests and documentation."""
        return cls(vol=20.0, rate=0.02, dividend=0.01)


def _european(claim: AbstractEuropean, forward: Scalar, deviation: Scalar) -> Scalar:
    pieces = claim.pieces()
    d = distance(forward - pieces.strike, deviation)
    whole = (pieces.strike == 0) & (pieces.sign > 0)
    owed = jnp.where(whole, 1.0, normal.cdf(pieces.sign * d))
    spread = jnp.where(whole, 0.0, pieces.sign * deviation * normal.pdf(d))
    return jnp.sum((pieces.cash + pieces.shares * forward) * owed + pieces.shares * spread)
