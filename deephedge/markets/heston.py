"""Heston's model by Andersen's quadratic-exponential scheme."""

import jax.numpy as jnp

from deephedge.markets.heston_law import AbstractHeston
from deephedge.markets.square_root import quadratic_exponential
from deephedge.numerics import safe
from deephedge.typing import Array, Float, Scalar


class Heston(AbstractHeston):
    r"""Heston's model, simulated by QE-M: accurate at few steps, with an exact martingale.

    The new variance matches the exact conditional mean m and variance $s^2$: for
    $\psi = s^2/m^2 \le 1.5$ it is $a(b + Z)^2$, above that it is 0 or exponential. The log-price
    takes the variance's integral by the trapezoidal rule, and a constant that makes
    $E[S_{t+dt}|S_t]$ exact (where the moment it needs exists; elsewhere the uncorrected one).
    Of weak order 2 in the step: that of the second moment of the log-price, measured at the
    example, is 2.00 at a day, 1.99 at a month, and 1.92 at a year and 1.91 at five between steps
    of 1/16 and 1/32, and of 5/64 and 5/128, of a year; its error there is 0.05 and 0.09 %.

    Reference: Andersen (2008), Journal of Computational Finance 11(3), sections 3.2 and 4.3.
    """

    def advance(
        self, variance: Scalar, dt: Scalar, normals: Float[Array, " normal"]
    ) -> tuple[Scalar, Scalar]:
        kappa, theta = self.mean_reversion, self.long_variance
        sigma, rho = self.vol_of_variance, self.correlation
        slope = dt * 0.5 * (kappa * rho / sigma - 0.5)
        k1, k2 = slope - rho / sigma, slope + rho / sigma
        k3 = k4 = 0.5 * dt * (1.0 - rho**2)
        exponent = k2 + 0.5 * k4
        after, log_moment, exists = quadratic_exponential(
            variance, dt, normals[1], exponent, mean_reversion=kappa, long_run=theta, vol=sigma
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
