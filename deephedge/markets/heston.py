"""Heston's model by Andersen's quadratic-exponential scheme."""

import jax.numpy as jnp

from deephedge.markets.heston_law import AbstractHeston
from deephedge.numerics import normal, safe
from deephedge.typing import Array, Float, Scalar

_SWITCH = 1.5


class Heston(AbstractHeston):
    r"""Heston's model, simulated by QE-M: accurate at few steps, with an exact martingale.

    The new variance matches the exact conditional mean m and variance $s^2$: for
    $\psi = s^2/m^2 \le 1.5$ it is $a(b + Z)^2$, above that it is 0 or exponential. The log-price
    takes the variance's integral by the trapezoidal rule, and a constant that makes
    $E[S_{t+dt}|S_t]$ exact (where the moment it needs exists; elsewhere the uncorrected one).

    Reference: Andersen (2008), Journal of Computational Finance 11(3), sections 3.2 and 4.3.
    """

    def advance(
        self, variance: Scalar, dt: Scalar, normals: Float[Array, " normal"]
    ) -> tuple[Scalar, Scalar]:
        kappa, theta = self.mean_reversion, self.long_variance
        sigma, rho = self.vol_of_variance, self.correlation
        decay = jnp.exp(-kappa * dt)
        mean = theta + (variance - theta) * decay
        spread = sigma**2 * (1.0 - decay) / kappa
        psi = spread * (variance * decay + 0.5 * theta * (1.0 - decay)) / mean**2

        slope = dt * 0.5 * (kappa * rho / sigma - 0.5)
        k1, k2 = slope - rho / sigma, slope + rho / sigma
        k3 = k4 = 0.5 * dt * (1.0 - rho**2)
        exponent = k2 + 0.5 * k4
        quadratic = _quadratic(mean, jnp.minimum(psi, _SWITCH), normals[1], exponent)
        exponential = _exponential(mean, jnp.maximum(psi, _SWITCH), normals[1], exponent)
        after, log_moment, exists = (
            jnp.where(psi <= _SWITCH, a, b) for a, b in zip(quadratic, exponential, strict=True)
        )
        corrected = -log_moment - (k1 + 0.5 * k3) * variance
        k0 = jnp.where(exists, corrected, -rho * kappa * theta * dt / sigma)
        shock = safe.sqrt(k3 * variance + k4 * after) * normals[0]
        return k0 + k1 * variance + k2 * after + shock, after

    @classmethod
    def example(cls) -> "Heston":
        """A typical member, for tests and documentation."""
        return cls(
            spot=100.0,
            variance=0.04,
            mean_reversion=1.5,
            long_variance=0.05,
            vol_of_variance=0.5,
            correlation=-0.7,
            rate=0.02,
            dividend=0.01,
        )


def _quadratic(
    mean: Scalar, psi: Scalar, z: Scalar, exponent: Scalar
) -> tuple[Scalar, Scalar, Array]:
    """New variance a(b + z)^2, log E exp(exponent * variance), and whether that exists."""
    ratio = 2.0 / psi
    b2 = ratio - 1.0 + jnp.sqrt(ratio) * safe.sqrt(ratio - 1.0)
    a = mean / (1.0 + b2)
    left = 1.0 - 2.0 * exponent * a
    exists = left > 0
    left = jnp.where(exists, left, 1.0)
    log_moment = exponent * b2 * a / left - 0.5 * jnp.log(left)
    return a * (safe.sqrt(b2) + z) ** 2, log_moment, exists


def _exponential(
    mean: Scalar, psi: Scalar, z: Scalar, exponent: Scalar
) -> tuple[Scalar, Scalar, Array]:
    """New variance 0 with probability p, else exponential; the rest as in `_quadratic`."""
    p = (psi - 1.0) / (psi + 1.0)
    beta = (1.0 - p) / mean
    # 1 - U as the distribution function of -z: no cancellation in the tail that matters.
    upper = jnp.maximum(normal.cdf(-z), 1e-30)
    after = jnp.maximum(jnp.log((1.0 - p) / upper), 0.0) / beta
    exists = exponent < beta
    gap = jnp.where(exists, beta - exponent, 1.0)
    moment = jnp.where(exists, p + beta * (1.0 - p) / gap, 1.0)
    return after, jnp.log(moment), exists
