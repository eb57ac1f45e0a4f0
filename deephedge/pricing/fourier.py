"""European claims by the Fourier-cosine (COS) method, given a characteristic function."""

import math

import equinox as eqx
import jax.numpy as jnp
from jax import lax

from deephedge.markets.base import AbstractAffineModel, AbstractMarket
from deephedge.markets.heston import Heston
from deephedge.numerics import safe
from deephedge.numerics.trigonometric import trigonometric_sums
from deephedge.pricing.transform import FAR, AbstractTransform, halfway
from deephedge.typing import Array, Float, Scalar


class Fourier(AbstractTransform):
    r"""European claims by a cosine series of the law of $X = \log(S_T/F)$.

    The density under the measure $dQ \propto e^{X/2}dP$ is expanded. With $u_j = j\pi/(b - a)$
    and $A_j = \frac{2}{b-a}\mathrm{Re}\{\varphi(u_j - \tfrac{i}{2}) e^{-iu_ja}\}$ (halved for
    j = 0)

    $$P(X > k) = \sum_j A_j \int_k^b e^{-x/2}\cos u_j(x - a)\,dx, \qquad
    E[e^X 1\{X < k\}] = \sum_j A_j \int_a^k e^{x/2}\cos u_j(x - a)\,dx.$$

    $[a, b] = c_1 \mp w\sqrt{c_2 + \sqrt{c_4}}$, cut at $\pm 28$, with the cumulants $c_n$ of X
    under Q. Under `vmap` over strikes the characteristic function is evaluated once.

    Args:
        model: a one-asset model with a characteristic function.
        n_terms: terms of the series. The default suits a delta inside a simulation; where the
            law is far from normal (a violated Feller condition, correlation near one) a reference
            price wants thousands: `Fourier(model, n_terms=32768, width=32.0)`.
        width: $w$, half the interval in deviations.

    Reference: Fang and Oosterlee (2008), equations 11, 22, 23 and 49, who expand the density
    under P. Under Q no price is lost to a heavy tail.
    """

    effort = 2
    model: AbstractAffineModel
    n_terms: int = eqx.field(static=True, default=256)
    width: float = eqx.field(static=True, default=12.0)

    def halves(
        self, log_strike: Float[Array, " piece"], tau: Scalar, factors: Float[Array, " factor"]
    ) -> tuple[Float[Array, " piece"], Float[Array, " piece"]]:
        low, high = self._interval(tau, factors)
        spacing = jnp.pi / (high - low)
        order = jnp.arange(self.n_terms, dtype=tau.dtype)
        u = spacing * order
        log_modulus, argument = halfway(self.model, u, tau, factors)
        density = jnp.exp(log_modulus) * jnp.cos(argument - u * low) * (2.0 / (high - low))
        weight = density.at[0].multiply(0.5) / (0.25 + u * u)
        k = jnp.clip(log_strike, min=low, max=high)
        cosines, _ = trigonometric_sums(k - low, spacing, weight)
        _, sines = trigonometric_sums(k - low, spacing, u * weight)
        half, root = 0.5 * cosines, jnp.exp(0.5 * k)
        at_low, at_high = jnp.sum(weight), jnp.sum(jnp.where(order % 2 == 0, weight, -weight))
        above = (half - sines) / root - 0.5 * jnp.exp(-0.5 * high) * at_high
        below = (half + sines) * root - 0.5 * jnp.exp(0.5 * low) * at_low
        # Beyond the interval the series has said all it can.
        outside, right = (log_strike < low) | (log_strike > high), log_strike > high
        return (
            jnp.where(outside, jnp.where(right, 0.0, 1.0), above),
            jnp.where(outside, jnp.where(right, 1.0, 0.0), below),
        )

    def _interval(self, tau: Scalar, factors: Float[Array, " factor"]) -> tuple[Scalar, Scalar]:
        """An interval that holds all but a negligible part of the law, fixed for Greeks."""
        # Stopped at the inputs: Greeks then do not trace the derivatives of an interval.
        model, tau, factors = lax.stop_gradient((self.model, tau, factors))
        first, second, fourth = halfway_cumulants(model, tau, factors)
        spread = jnp.abs(second) + safe.sqrt(jnp.abs(fourth))
        half = jnp.maximum(self.width * safe.sqrt(spread), 1e-6)
        return jnp.maximum(first - half, -FAR), jnp.minimum(first + half, FAR)

    @classmethod
    def for_model(cls, model: AbstractMarket, asset: int = 0) -> "Fourier | None":
        del asset
        if not isinstance(model, AbstractAffineModel) or model.start().prices.shape[0] > 1:
            return None
        return cls(model)

    @classmethod
    def example(cls) -> "Fourier":
        """A typical member, for tests and documentation."""
        return cls(Heston.example())


def halfway_cumulants(
    model: AbstractAffineModel, tau: Scalar, factors: Float[Array, " factor"]
) -> tuple[Scalar, Scalar, Scalar]:
    r"""Cumulants 1, 2 and 4 of X under Q: the derivatives of $K(s) = \log E[e^{sX}]$ at 1/2.

    By Cauchy's formula on a circle, $c_n = \frac{n!}{N r^n}\sum_j K(\tfrac12 + re^{i\theta_j})
    e^{-in\theta_j}$, so that the characteristic function is evaluated at N points, not
    differentiated four times. With $r \le \tfrac12$ only moments of order 0 to 1 are asked for,
    which exist in any model; for a wide law, r is small enough that no logarithm turns around 0.
    """
    n_points = 16
    angle = 2.0 * jnp.pi * jnp.arange(n_points, dtype=tau.dtype) / n_points
    log_root_moment, _ = halfway(model, jnp.zeros(1, tau.dtype), tau, factors)
    variance = jnp.maximum(-8.0 * log_root_moment[0], 0.0)
    radius = 0.5 / jnp.sqrt(1.0 + variance)
    s = lax.complex(0.5 + radius * jnp.cos(angle), radius * jnp.sin(angle))
    values = model.log_characteristic(-1j * s, tau, factors)

    def cumulant(n: int) -> Scalar:
        rotation = lax.complex(jnp.cos(n * angle), -jnp.sin(n * angle))
        return jnp.real(jnp.mean(values * rotation)) * (math.factorial(n) / radius**n)

    return cumulant(1), cumulant(2), cumulant(4)
