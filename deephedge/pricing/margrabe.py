"""The exchange option in closed form."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.claims.exchange import ExchangeOption
from deephedge.markets.base import Snapshot
from deephedge.numerics import normal, safe
from deephedge.numerics.checks import correlation, non_negative, optional, per_asset, real
from deephedge.pricing.lognormal import AbstractLognormalPricer, distance, log_ratio
from deephedge.typing import Array, Float, Scalar


class MargrabeFormula(AbstractLognormalPricer):
    r"""The option to exchange lognormal assets: a call on their ratio.

    $$V = e^{-r\tau}\bigl(F_1\Phi(d_1) - \kappa F_2\Phi(d_2)\bigr), \quad
    d_{1,2} = \frac{\log(F_1/\kappa F_2)}{\sigma\sqrt\tau} \pm \tfrac12\sigma\sqrt\tau, \quad
    \sigma^2 = \sigma_1^2 + \sigma_2^2 - 2\rho\sigma_1\sigma_2$$

    for the right to give $\kappa$ units of asset 2 for one of asset 1. The rate cancels.

    Reference: Margrabe (1978), equation 7.
    """

    vol: Float[Array, " asset"] = eqx.field(converter=per_asset(non_negative("vol")))
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Float[Array, " yield"] = eqx.field(converter=per_asset(real("dividend")), default=0.0)
    correlation: Float[Array, "asset asset"] | None = eqx.field(
        converter=optional(correlation("correlation")), default=None
    )

    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        if not isinstance(claim, ExchangeOption):
            raise TypeError(
                f"MargrabeFormula prices an ExchangeOption, got {type(claim).__name__}; "
                "use `MonteCarlo(model, n_paths=..., n_steps=..., key=...)`."
            )
        tau, first, second = claim.tau(now), claim.receive, claim.give
        return jnp.exp(-self.rate * tau) * exchange_value(
            self.forward(now, first, tau),
            claim.ratio * self.forward(now, second, tau),
            safe.sqrt(ratio_variance(self, first, second) * tau),
        )

    @classmethod
    def example(cls) -> "MargrabeFormula":
        """A typical member, for tests and documentation."""
        return cls(
            vol=[0.3, 0.2], rate=0.02, dividend=[0.01, 0.0], correlation=[[1, 0.5], [0.5, 1]]
        )


def ratio_variance(pricer: AbstractLognormalPricer, first: int, second: int) -> Scalar:
    """The variance per year of the log of one price over another."""
    both = pricer.covariance(first, first) + pricer.covariance(second, second)
    return both - 2.0 * pricer.covariance(first, second)


def exchange_value(received: Scalar, given: Scalar, deviation: Scalar) -> Scalar:
    """E (X - Y)^+ of lognormal X and Y by their means and the deviation of log(X / Y)."""
    centre = distance(log_ratio(received, given), deviation)
    plus, minus = centre + 0.5 * deviation, centre - 0.5 * deviation
    return received * normal.cdf(plus) - given * normal.cdf(minus)
