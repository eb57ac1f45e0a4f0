"""European claims under SABR by the formula of Hagan and others."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from deephedge.claims.base import AbstractClaim
from deephedge.markets.base import AbstractMarket, Snapshot
from deephedge.markets.sabr import SABR
from deephedge.numerics import normal, safe
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.black_scholes import european
from deephedge.typing import Scalar

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)


def hagan_vol(
    *,
    forward: Scalar,
    strike: Scalar,
    tau: Scalar,
    alpha: Scalar,
    exponent: Scalar,
    vol_of_vol: Scalar,
    correlation: Scalar,
) -> Scalar:
    r"""Black's volatility of an option under SABR, to first order in $\tau$.

    With $m = (FK)^{(1 - \beta)/2}$, $x = \log(F/K)$, $z = \frac{\nu}{\alpha} m x$ and
    $\chi(z) = \log\frac{\sqrt{1 - 2\rho z + z^2} + z - \rho}{1 - \rho}$,

    $$\sigma = \frac{\alpha}{m\,[1 + \frac{(1 - \beta)^2}{24} x^2 + \frac{(1 - \beta)^4}{1920} x^4]}
    \, \frac{z}{\chi(z)} \Bigl\{1 + \Bigl[\frac{(1 - \beta)^2 \alpha^2}{24\, m^2}
    + \frac{\rho\beta\nu\alpha}{4 m} + \frac{2 - 3\rho^2}{24} \nu^2\Bigr] \tau\Bigr\}.$$

    Zero where the last bracket would make it negative. The expansion admits arbitrage far from
    the money and at long maturities.

    Reference: Hagan, Kumar, Lesniewski and Woodward (2002), equation 2.17.
    """
    lack = 1.0 - exponent
    x = safe.log(forward) - safe.log(strike)
    m = jnp.exp(0.5 * lack * (safe.log(forward) + safe.log(strike)))
    flat = 1.0 + lack**2 * x**2 / 24.0 + lack**4 * x**4 / 1920.0
    # At alpha = 0 the value is 0 whatever z.
    z = vol_of_vol * m * x * safe.divide(jnp.ones_like(alpha), alpha)
    skew = 0.25 * correlation * exponent * vol_of_vol * alpha / m
    level = lack**2 * alpha**2 / (24.0 * m**2)
    convexity = (2.0 - 3.0 * correlation**2) * vol_of_vol**2 / 24.0
    growth = jnp.maximum(1.0 + (level + skew + convexity) * tau, 0.0)
    return alpha / (m * flat) * growth / _distance(z, correlation)


def _distance(z: Scalar, correlation: Scalar) -> Scalar:
    r"""$\chi(z)/z = \int_0^1 (1 - 2\rho zu + z^2u^2)^{-1/2} du$, by quadrature near z = 0."""
    near = jnp.abs(z) < 0.3
    small = jnp.where(near, z, 0.0) * jnp.asarray(0.5 * (_NODES + 1.0), z.dtype)
    values = 1.0 / jnp.sqrt(1.0 - 2.0 * correlation * small + small**2)
    mean = jnp.sum(jnp.asarray(0.5 * _WEIGHTS, z.dtype) * values)
    far = jnp.where(near, 1.0, z)
    root = jnp.sqrt(1.0 - correlation**2)
    angle = jnp.arcsinh((far - correlation) / root) + jnp.arcsinh(correlation / root)
    return jnp.where(near, mean, angle / far)


class HaganFormula(AbstractPricer):
    r"""Every European claim under `SABR` on the smile of `hagan_vol`.

    With $o(K)$ Black's price at $\sigma(K)$ of the option on $s(S_T - K)^+$, undiscounted,

    $$P(s(S_T - K) > 0) = -s\,o'(K), \quad E[S_T 1\{s(S_T - K) > 0\}] = s\,o(K) + K P,$$

    so that a digital is worth what the tightest call spread is, the slope of the smile included.

    Reference: Hagan, Kumar, Lesniewski and Woodward (2002), equations 2.16 and 2.17.
    """

    effort = 1
    model: SABR

    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        claim = european(claim, "HaganFormula")
        pieces, tau, model = claim.pieces(), claim.tau(now), self.model
        carry = (model.rate - model.dividend) * tau
        forward = now.prices[claim.asset] * jnp.exp(carry)
        alpha = now.factors[0] * jnp.exp((1.0 - model.exponent) * carry)

        def option(strike: Scalar, sign: Scalar) -> Scalar:
            vol = hagan_vol(
                forward=forward,
                strike=strike,
                tau=tau,
                alpha=alpha,
                exponent=model.exponent,
                vol_of_vol=model.vol_of_vol,
                correlation=model.correlation,
            )
            return _black(forward, strike, vol * safe.sqrt(tau), sign)

        def reached(strike: Scalar, sign: Scalar) -> tuple[Scalar, Scalar]:
            positive = strike > 0
            value, slope = jax.value_and_grad(option)(jnp.where(positive, strike, forward), sign)
            # The price is above 0 for certain.
            certain = jnp.where(sign > 0, 1.0, 0.0)
            cash = jnp.where(positive, -sign * slope, certain)
            return cash, jnp.where(positive, sign * value + strike * cash, certain * forward)

        cash, shares = jax.vmap(reached)(pieces.strike, pieces.sign)
        return jnp.exp(-model.rate * tau) * jnp.sum(pieces.cash * cash + pieces.shares * shares)

    def shifted(
        self, now: Snapshot, *, vol: Scalar, rate: Scalar
    ) -> tuple["HaganFormula", Snapshot]:
        model, now = self.model.shifted(now, vol=vol, rate=rate)
        return dataclasses.replace(self, model=model), now

    @classmethod
    def for_model(cls, model: AbstractMarket, asset: int = 0) -> "HaganFormula | None":
        return cls(model) if isinstance(model, SABR) else None

    @classmethod
    def example(cls) -> "HaganFormula":
        """A typical member, for tests and documentation."""
        return cls(SABR.example())


def _black(forward: Scalar, strike: Scalar, deviation: Scalar, sign: Scalar) -> Scalar:
    """Black's undiscounted price, with finite slopes also where nothing is uncertain."""
    x = safe.log(forward) - safe.log(strike)
    live = deviation > 0
    distance = jnp.where(live, x / jnp.where(live, deviation, 1.0), 1e3 * jnp.sign(x))
    d1, d2 = distance + 0.5 * deviation, distance - 0.5 * deviation
    return sign * (forward * normal.cdf(sign * d1) - strike * normal.cdf(sign * d2))
