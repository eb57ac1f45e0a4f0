"""Kirk's approximation for spread options."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.claims.spread import SpreadOption
from deephedge.markets.base import Snapshot
from deephedge.numerics import safe
from deephedge.numerics.checks import correlation, non_negative, optional, per_asset, real
from deephedge.pricing.lognormal import AbstractLognormalPricer
from deephedge.pricing.margrabe import exchange_value
from deephedge.typing import Array, Float, Scalar


class KirkFormula(AbstractLognormalPricer):
    r"""The spread option with $F_2 + K$ taken for lognormal: an approximation.

    $$V \approx e^{-r\tau}\bigl(F_1\Phi(d_1) - (F_2 + K)\Phi(d_2)\bigr), \quad
    \sigma^2 = \sigma_1^2 - 2\rho\sigma_1\sigma_2 w + \sigma_2^2 w^2, \quad
    w = \frac{F_2}{F_2 + K}$$

    with $d_{1,2}$ those of Margrabe. Exact at strike 0. A negative strike is priced by parity as
    the put on the opposite spread. Measured against quadrature at the money, at 20 to 30 %
    volatility, up to one year, strikes up to a fifth of the spot and correlations from -0.5 to
    0.8, the error is below 0.2 % of the price; it doubles at a correlation of 0.95.

    Reference: Kirk (1995), Correlation in the energy markets.
    """

    effort = 1
    vol: Float[Array, " asset"] = eqx.field(converter=per_asset(non_negative("vol")))
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Float[Array, " yield"] = eqx.field(converter=per_asset(real("dividend")), default=0.0)
    correlation: Float[Array, "asset asset"] | None = eqx.field(
        converter=optional(correlation("correlation")), default=None
    )

    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        if not isinstance(claim, SpreadOption):
            raise TypeError(
                f"KirkFormula prices a SpreadOption, got {type(claim).__name__}; "
                "use `MonteCarlo(model, n_paths=..., n_steps=..., key=...)`."
            )
        tau = claim.tau(now)
        long, short = (self.forward(now, asset, tau) for asset in (claim.long, claim.short))
        straight = self._call(long, short, claim.strike, claim.long, claim.short, tau)
        opposite = self._call(short, long, -claim.strike, claim.short, claim.long, tau)
        parity = long - short - claim.strike + opposite
        return jnp.exp(-self.rate * tau) * jnp.where(claim.strike >= 0, straight, parity)

    def _call(
        self, long: Scalar, short: Scalar, strike: Scalar, first: int, second: int, tau: Scalar
    ) -> Scalar:
        """The undiscounted call at a strike of 0 or more; below, a harmless number."""
        paid = short + jnp.maximum(strike, 0.0)
        weight = safe.divide(short, paid)
        variance = (
            self.covariance(first, first)
            - 2.0 * weight * self.covariance(first, second)
            + weight**2 * self.covariance(second, second)
        )
        return exchange_value(long, paid, safe.sqrt(variance * tau))

    @classmethod
    def example(cls) -> "KirkFormula":
        """A typical member, for tests and documentation."""
        return cls(
            vol=[0.3, 0.2], rate=0.02, dividend=[0.01, 0.0], correlation=[[1, 0.5], [0.5, 1]]
        )
