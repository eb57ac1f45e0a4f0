"""Calls on the dearer or the cheaper of two assets in closed form."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.claims.rainbow import BestOfCall, WorstOfCall
from deephedge.markets.base import Snapshot
from deephedge.numerics import bivariate_normal, normal, safe
from deephedge.numerics.checks import correlation, non_negative, optional, per_asset, real
from deephedge.pricing.lognormal import FAR, AbstractLognormalPricer, distance, log_ratio
from deephedge.pricing.margrabe import ratio_variance
from deephedge.typing import Array, Float, Scalar


class StulzFormula(AbstractLognormalPricer):
    r"""Calls on the minimum and on the maximum of two lognormal prices.

    $$C_{\min} = e^{-r\tau}\bigl(F_1\Phi_2(y_1, -d_1; \rho_1) + F_2\Phi_2(y_2, -d_2; \rho_2)
    - K\Phi_2(y_1 - s_1, y_2 - s_2; \rho)\bigr)$$

    $$y_j = \frac{\log(F_j/K)}{s_j} + \tfrac12 s_j, \quad
    d_1 = \frac{\log(F_1/F_2)}{s} + \tfrac12 s, \quad d_2 = s - d_1, \quad
    \rho_j = \frac{\rho s_k - s_j}{s}$$

    with $s_j = \sigma_j\sqrt\tau$ and $s$ the deviation of $\log(F_1/F_2)$. The maximum and the
    minimum together are the two assets: $C_{\max} = C_1 + C_2 - C_{\min}$.

    Reference: Stulz (1982), Options on the minimum or the maximum of two risky assets.
    """

    vol: Float[Array, " asset"] = eqx.field(converter=per_asset(non_negative("vol")))
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Float[Array, " yield"] = eqx.field(converter=per_asset(real("dividend")), default=0.0)
    correlation: Float[Array, "asset asset"] | None = eqx.field(
        converter=optional(correlation("correlation")), default=None
    )

    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        if not isinstance(claim, BestOfCall | WorstOfCall) or len(claim.assets) != 2:
            raise TypeError(
                "StulzFormula prices a BestOfCall or WorstOfCall on two assets, got a "
                f"{type(claim).__name__} on others; "
                "use `MonteCarlo(model, n_paths=..., n_steps=..., key=...)`."
            )
        tau = claim.tau(now)
        cheaper, first, second = self._calls(claim, now, tau)
        best = isinstance(claim, BestOfCall)
        return jnp.exp(-self.rate * tau) * (first + second - cheaper if best else cheaper)

    def _calls(
        self, claim: BestOfCall | WorstOfCall, now: Snapshot, tau: Scalar
    ) -> tuple[Scalar, Scalar, Scalar]:
        """Undiscounted calls on the cheaper asset, the first and the second."""
        first, second = claim.assets
        root, strike = safe.sqrt(tau), claim.strike
        forwards = [self.forward(now, asset, tau) for asset in claim.assets]
        deviations = [self.vol[asset] * root for asset in claim.assets]
        tilts = self._tilts(first, second)
        between = safe.sqrt(ratio_variance(self, first, second) * tau)
        centre = distance(log_ratio(*forwards), between)
        shared = self.correlated(first, second)
        terms, calls, below = [], [], []
        for one, sign in ((0, 1.0), (1, -1.0)):
            forward, deviation = forwards[one], deviations[one]
            middle = jnp.where(strike > 0, distance(log_ratio(forward, strike), deviation), FAR)
            above, under = middle + 0.5 * deviation, middle - 0.5 * deviation
            beaten = -sign * centre - 0.5 * between
            terms.append(forward * bivariate_normal.cdf(above, beaten, tilts[one]))
            calls.append(forward * normal.cdf(above) - strike * normal.cdf(under))
            below.append(under)
        cheaper = terms[0] + terms[1] - strike * bivariate_normal.cdf(below[0], below[1], shared)
        return cheaper, calls[0], calls[1]

    def _tilts(self, first: int, second: int) -> tuple[Scalar, Scalar]:
        """Correlation of each log-price with the log-ratio in which it is the divisor."""
        shared, between = self.correlated(first, second), ratio_variance(self, first, second)
        moving = between > 0
        # Without any noise the outcome is certain; equal vols then keep ties consistent.
        one, other = (jnp.where(moving, self.vol[asset], 1.0) for asset in (first, second))
        root = jnp.sqrt(jnp.where(moving, between, 2.0 - 2.0 * shared))
        return (shared * other - one) / root, (shared * one - other) / root

    @classmethod
    def example(cls) -> "StulzFormula":
        """A typical member, for tests and documentation."""
        return cls(
            vol=[0.3, 0.2], rate=0.02, dividend=[0.01, 0.0], correlation=[[1, 0.5], [0.5, 1]]
        )
