"""Options under a quoted level of volatility and a smile of a stated shape."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from deephedge.claims.base import AbstractClaim
from deephedge.claims.vanilla import Call, Forward, Put
from deephedge.claims.variance_swap import VarianceSwap
from deephedge.markets.base import Snapshot
from deephedge.numerics import safe
from deephedge.numerics.checks import between, positive, real
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.black_scholes import black_scholes_price
from deephedge.pricing.closed_form import refusal, time_left
from deephedge.pricing.ssvi import ssvi_variance
from deephedge.typing import Array, Float, Scalar

MONTH = 1.0 / 12.0
"""Years to the maturity that the level is quoted for."""

_GRID = np.linspace(-5.5, 5.5, 221)


class QuotedSurface(AbstractPricer):
    r"""Calls, puts and variance swaps on a surface of one shape, scaled by the level quoted.

    With q the level in `now.factors[column]`, decimal per year, as the VIX / 100,

    $$\theta(\tau) = (a\,q)^2\,\tau\,(12\tau)^{2b}, \qquad
    w(k, \theta) = \tfrac12\theta\Bigl(1 + \rho\varphi k
    + \sqrt{(\varphi k + \rho)^2 + 1 - \rho^2}\Bigr), \quad
    \varphi(\theta) = \frac{\eta}{\theta^\gamma(1 + \theta)^{1 - \gamma}}$$

    are the total variances at the money, and at $k = \log(K/F)$; the price is Black and Scholes'
    at the volatility $\sqrt{w/\tau}$. The slope of the smile at the money falls as
    $\tau^{-\gamma}$, but for b, and grows as $q^{1 - 2\gamma}$. A variance swap is worth what the
    options replicate,

    $$\bar v\,\tau = \int w\bigl(k(z)\bigr)\,n(z)\,dz, \qquad z = -k/\sqrt w - \sqrt w/2,$$

    with n the normal density.

    There is no static arbitrage at any level: with $b > -\tfrac12$, $0 < \gamma \le \tfrac12$,
    $\eta(1 + |\rho|) \le 4$ and $\eta^2(1 + |\rho|)\,c^c/(1 + c)^{1 + c} \le 4$,
    $c = 1 - 2\gamma$, which is checked, theorems 4.1 and 4.2 hold at every $\theta$.

    The shape left out is that of the SPY options of 15 July 2022, fitted once
    (`experiments/quoted_surface.py`: 427 quotes, three weeks to five months, 0.37 volatility points
    root mean square), and the same at all dates: what is known of a record is the level alone. The
    VIX is the strike of a 30-day variance swap, above the volatility at the money; `at_the_money`
    is their ratio on the fitted surface. Volatility at long dates follows the quote in full: it is
    too low in calm and too high after a crash, where the market expects a return to the mean.

    Delta is the slope at a fixed level, the smile moving with the price; vega that by the level.

    Args:
        at_the_money: a, volatility of one month at the money as a share of the level.
        term: b, the power by which volatility at the money rises with maturity.

    Reference: Gatheral and Jacquier (2014), equation 4.1, theorems 4.1 and 4.2; Gatheral (2006),
    The Volatility Surface, equation 11.5, for the variance swap.
    """

    at_the_money: Scalar = eqx.field(converter=positive("at_the_money"), default=0.947)
    term: Scalar = eqx.field(converter=real("term"), default=0.0271)
    rho: Scalar = eqx.field(converter=between("rho", -1.0, 1.0), default=-0.690)
    eta: Scalar = eqx.field(converter=positive("eta"), default=2.016)
    gamma: Scalar = eqx.field(converter=positive("gamma"), default=0.2516)
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)
    column: int = eqx.field(static=True, default=0)

    def __check_init__(self):
        parts = (self.term, self.rho, self.eta, self.gamma)
        if any(isinstance(x, Tracer) for x in parts):
            return
        term, rho, eta, gamma = (float(x) for x in parts)
        if term <= -0.5:
            raise ValueError(f"`term` must be above -1/2, got {term:g}.")
        if gamma > 0.5:
            raise ValueError(f"`gamma` must be at most 1/2, got {gamma:g}.")
        c, wings = 1.0 - 2.0 * gamma, 1.0 + abs(rho)
        most = min(4.0 / wings, 2.0 / np.sqrt(wings * c**c / (1.0 + c) ** (1.0 + c)))
        if eta > most * (1.0 + 8.0 * float(jnp.finfo(self.eta.dtype).eps)):
            raise ValueError(
                f"`eta` must be at most {most:.6g} at rho {rho:g} and gamma {gamma:g}, got "
                f"{eta:g}: the surface would have butterfly arbitrage."
            )

    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        if isinstance(claim, VarianceSwap):
            return self._swap(claim, now)
        if not isinstance(claim, Call | Put | Forward):
            raise refusal(self, "calls, puts, forwards and variance swaps", claim)
        tau, spot = claim.tau(now), now.prices[claim.asset]
        forward = spot * jnp.exp((self.rate - self.dividend) * tau)
        # A forward at a strike of 0 has no smile: any strike will do.
        k = jnp.where(claim.strike > 0, safe.log(claim.strike) - safe.log(forward), 0.0)
        return black_scholes_price(
            claim,
            spot=spot,
            tau=tau,
            vol=self.vol(k, tau, now),
            rate=self.rate,
            dividend=self.dividend,
        )

    def vol(self, k: Scalar, tau: Scalar, now: Snapshot) -> Scalar:
        """Black's volatility at log(strike / forward) k, with `tau` years left; 0 at none."""
        live = tau > 0
        years = jnp.where(live, tau, 1.0)
        total = self._total(k, self.theta(years, now))
        return jnp.where(live, safe.sqrt(total / years), 0.0)

    def theta(self, tau: Scalar, now: Snapshot) -> Scalar:
        """Total variance at the money for `tau` years, above zero."""
        level = self.at_the_money * now.factors[self.column]
        return level**2 * tau * (tau / MONTH) ** (2.0 * self.term)

    def fair_variance(self, tau: Scalar, now: Snapshot) -> Scalar:
        """A year's variance that a swap of `tau` years, above zero, is struck at for nothing."""
        theta = self.theta(tau, now)
        deviation = safe.sqrt(theta)

        def total(k: Scalar) -> Scalar:
            return self._total(k, theta)

        def weighed(y: Scalar) -> Scalar:
            k = 0.5 * deviation * jnp.sinh(y)
            w, slope = jax.jvp(total, (k,), (jnp.ones_like(k),))
            root = safe.sqrt(w)
            z = -safe.divide(k, root) - 0.5 * root
            turn = safe.divide(1.0 - 0.5 * slope * safe.divide(k, w) + 0.25 * slope, root)
            density = jnp.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi)
            return w * density * turn * 0.5 * deviation * jnp.cosh(y)

        grid = jnp.asarray(_GRID, theta.dtype)
        step = float(_GRID[1] - _GRID[0])
        return step * jnp.sum(jax.vmap(weighed)(grid)) / tau

    def _total(self, k: Float[Array, ""], theta: Scalar) -> Scalar:
        # At no level there is no smile: a theta that nobody reads keeps the powers finite.
        some = theta > 0
        shown = jnp.where(some, theta, 1.0)
        total = ssvi_variance(k, shown, rho=self.rho, eta=self.eta, gamma=self.gamma)
        return jnp.where(some, total, 0.0)

    def _swap(self, claim: VarianceSwap, now: Snapshot) -> Scalar:
        live, tau = time_left(claim, now)
        past = now.progress[0] if now.progress.shape[0] else jnp.zeros_like(now.time)
        to_come = tau / claim.maturity * self.fair_variance(tau, now)
        mean = past + jnp.where(live, to_come, 0.0)
        return jnp.exp(-self.rate * claim.tau(now)) * claim.notional * (mean - claim.strike)

    def shifted(
        self, now: Snapshot, *, vol: Scalar, rate: Scalar
    ) -> tuple["QuotedSurface", Snapshot]:
        factors = now.factors.at[self.column].add(vol)
        return (
            dataclasses.replace(self, rate=self.rate + rate),
            dataclasses.replace(now, factors=factors),
        )

    @classmethod
    def example(cls) -> "QuotedSurface":
        """A typical member, for tests and documentation."""
        return cls(rate=0.02, dividend=0.01)
