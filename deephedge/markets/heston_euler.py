"""Heston's model by the Euler scheme with full truncation."""

import jax.numpy as jnp

from deephedge.markets.heston_law import AbstractHeston
from deephedge.numerics import safe
from deephedge.typing import Array, Float, Scalar


class HestonEuler(AbstractHeston):
    r"""Heston's model, simulated by Euler steps in which only $v^+ = \max(v, 0)$ enters.

    The discounted price is an exact martingale; the law of the variance is biased by the step,
    far more than that of `Heston`. It is here for comparison with papers that use it. Where the
    scheme's own variance goes below zero, which the factor does not show, second-order Greeks by
    Monte Carlo, and any of a payoff that jumps, are not a number.

    Reference: Lord, Koekkoek and van Dijk (2010), Quantitative Finance 10(2), section 3.2.
    """

    def advance(
        self, variance: Scalar, dt: Scalar, normals: Float[Array, " normal"]
    ) -> tuple[Scalar, Scalar]:
        used = jnp.maximum(variance, 0.0)
        deviation = safe.sqrt(used * dt)
        rho = self.correlation
        shock = jnp.sqrt(1.0 - rho**2) * normals[0] + rho * normals[1]
        pull = self.mean_reversion * (self.long_variance - used) * dt
        after = variance + pull + self.vol_of_variance * deviation * normals[1]
        return deviation * shock - 0.5 * used * dt, after

    @classmethod
    def example(cls) -> "HestonEuler":
        """A typical member, for tests and documentation."""
        return cls(
            spot=100.0,
            variance=0.04,
            mean_reversion=1.5,
            long_variance=0.05,
            vol_of_variance=0.3,
            correlation=-0.5,
            rate=0.02,
            dividend=0.01,
        )
