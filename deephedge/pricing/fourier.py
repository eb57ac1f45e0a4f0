"""European claims by the Fourier-cosine (COS) method, given a characteristic function."""

import dataclasses
import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from deephedge.claims.base import AbstractClaim
from deephedge.markets.base import AbstractAffineModel, AbstractMarket, Snapshot
from deephedge.markets.heston import Heston
from deephedge.numerics import safe
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.black_scholes import european
from deephedge.typing import Array, Float, Scalar


class Fourier(AbstractPricer):
    r"""Value of $\sum_i (c_i + m_i S)\,1\{s_i(S - K_i) > 0\}$ from the characteristic function.

    With $X = \log(S_T/F)$, $u_j = j\pi/(b - a)$ and $A_j = \frac{2}{b-a}
    \mathrm{Re}\{\varphi(u_j) e^{-iu_ja}\}$ (halved for j = 0), for $k = \log(K/F)$

    $$P(X < k) = \sum_j A_j \int_a^k \cos u_j(x - a)\,dx, \qquad
    E[e^X 1\{X < k\}] = \sum_j A_j \int_a^k e^x \cos u_j(x - a)\,dx.$$

    The side above a strike is the whole line less the side below it, so the growth of $e^x$ at
    the far end never enters. $[a, b] = c_1 \mp w\sqrt{c_2 + \sqrt{c_4}}$ with the cumulants
    $c_n$ of X. Under `vmap` over strikes the characteristic function is evaluated once.

    Args:
        model: a one-asset model with a characteristic function.
        n_terms: terms of the series. The default suits a delta inside a simulation; where the
            law is far from normal (a day, a violated Feller condition, correlation near one) a
            reference price wants thousands: `Fourier(model, n_terms=8192, width=24.0)`.
        width: $w$, half the interval in deviations.

    Reference: Fang and Oosterlee (2008), equations 11, 22, 23 and 49.
    """

    effort = 2
    model: AbstractAffineModel
    n_terms: int = eqx.field(static=True, default=256)
    width: float = eqx.field(static=True, default=12.0)

    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        claim = european(claim, "Fourier")
        pieces, tau = claim.pieces(), claim.tau(now)
        model = self.model
        forward = now.prices[claim.asset] * jnp.exp((model.rate - model.dividend) * tau)
        live = tau > 0
        log_strike = safe.log(pieces.strike / forward)
        cash, shares = self._below(log_strike, jnp.where(live, tau, 1.0), now.factors)
        expired = (log_strike > 0).astype(tau.dtype)
        cash, shares = (jnp.where(live, below, expired) for below in (cash, shares))
        above = pieces.sign > 0
        cash = jnp.where(above, 1.0 - cash, cash)
        shares = jnp.where(above, 1.0 - shares, shares)
        value = pieces.cash * cash + pieces.shares * forward * shares
        return jnp.exp(-model.rate * tau) * jnp.sum(value)

    def _below(
        self, log_strike: Float[Array, " piece"], tau: Scalar, factors: Float[Array, " factor"]
    ) -> tuple[Float[Array, " piece"], Float[Array, " piece"]]:
        """P(X < k) and E[exp(X) 1{X < k}]."""
        low, high = self._interval(tau, factors)
        length = high - low
        u = jnp.arange(self.n_terms, dtype=tau.dtype) * (jnp.pi / length)
        log_phi = self.model.log_characteristic(lax.complex(u, 0.0 * u), tau, factors)
        amplitude, phase = jnp.exp(jnp.real(log_phi)), jnp.imag(log_phi) - u * low
        weight = amplitude * jnp.cos(phase) * (2.0 / length)
        weight = weight.at[0].multiply(0.5)
        k = jnp.clip(log_strike, min=low, max=high)
        over_u = jnp.where(u > 0, weight / jnp.where(u > 0, u, 1.0), 0.0)
        damped = weight / (1.0 + u * u)
        cosines, sines = _series(k - low, u, jnp.stack([over_u, damped, u * damped], axis=1))
        below = weight[0] * (k - low) + sines[:, 0]
        tilted = jnp.exp(k) * (cosines[:, 1] + sines[:, 2]) - jnp.exp(low) * jnp.sum(damped)
        return below, tilted

    def _interval(self, tau: Scalar, factors: Float[Array, " factor"]) -> tuple[Scalar, Scalar]:
        """An interval that holds all but a negligible part of the law of X, fixed for Greeks."""
        # Stopped at the inputs: Greeks then do not trace the derivatives of an interval.
        model, tau, factors = lax.stop_gradient((self.model, tau, factors))
        first, second, fourth = _cumulants(model, tau, factors)
        spread = jnp.abs(second) + safe.sqrt(jnp.abs(fourth))
        half = jnp.maximum(self.width * safe.sqrt(spread), 1e-6)
        return first - half, first + half

    def shifted(self, now: Snapshot, *, vol: Scalar, rate: Scalar) -> tuple["Fourier", Snapshot]:
        model, now = self.model.shifted(now, vol=vol, rate=rate)
        return dataclasses.replace(self, model=model), now

    @classmethod
    def for_model(cls, model: AbstractMarket, asset: int = 0) -> "Fourier | None":
        if not isinstance(model, AbstractAffineModel) or model.start().prices.shape[0] > 1:
            return None
        return cls(model)

    @classmethod
    def example(cls) -> "Fourier":
        """A typical member, for tests and documentation."""
        return cls(Heston.example())


def _cumulants(
    model: AbstractAffineModel, tau: Scalar, factors: Float[Array, " factor"]
) -> tuple[Scalar, Scalar, Scalar]:
    r"""Cumulants 1, 2 and 4 of X: the derivatives at 0 of $K(s) = \log E[e^{sX}]$.

    By Cauchy's formula on a circle, $c_n = \frac{n!}{N r^n}\sum_j K(r e^{i\theta_j})
    e^{-in\theta_j}$, so that the characteristic function is evaluated at N points, not
    differentiated four times. Moments of order $\pm r = \pm 1/2$ exist in any sound model.
    """
    radius, n_points = 0.5, 16
    angle = 2.0 * jnp.pi * jnp.arange(n_points, dtype=tau.dtype) / n_points
    s = lax.complex(radius * jnp.cos(angle), radius * jnp.sin(angle))
    values = model.log_characteristic(-1j * s, tau, factors)

    def cumulant(n: int) -> Scalar:
        rotation = lax.complex(jnp.cos(n * angle), -jnp.sin(n * angle))
        return jnp.real(jnp.mean(values * rotation)) * (math.factorial(n) / radius**n)

    return cumulant(1), cumulant(2), cumulant(4)


@jax.custom_jvp
def _series(
    x: Float[Array, " piece"], u: Float[Array, " term"], weights: Float[Array, "term series"]
) -> tuple[Float[Array, "piece series"], Float[Array, "piece series"]]:
    r"""$\sum_j w_j \cos u_jx$ and $\sum_j w_j \sin u_jx$ for several weights, u being fixed.

    The slopes are stated to be such sums with other weights. Then value and Greeks of any order
    are products of one table of cosines and sines with several weights, in place of tables anew.
    """
    angle = x[:, None] * u[None, :]
    return jnp.cos(angle) @ weights, jnp.sin(angle) @ weights


@_series.defjvp
def _series_jvp(primals, tangents):
    (x, u, weights), (dx, _, change) = primals, tangents
    cosines, sines = _series(x, u, u[:, None] * weights)
    more_cosines, more_sines = _series(x, u, change)
    dx = dx[:, None]
    return _series(x, u, weights), (more_cosines - sines * dx, more_sines + cosines * dx)
