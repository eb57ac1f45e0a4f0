"""Baskets by a lognormal law with the right mean and variance."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from deephedge.claims.base import AbstractClaim
from deephedge.claims.basket import BasketCall, BasketPut
from deephedge.markets.base import Snapshot
from deephedge.numerics import safe
from deephedge.numerics.checks import correlation, non_negative, optional, per_asset, real
from deephedge.pricing.lognormal import AbstractLognormalPricer
from deephedge.pricing.margrabe import exchange_value
from deephedge.typing import Array, Float, Scalar


class BasketFormula(AbstractLognormalPricer):
    r"""Baskets with no negative weight, the sum taken for lognormal: an approximation.

    $$M_1 = \sum_j w_j F_j, \quad
    M_2 = \sum_{jk} w_j w_k F_j F_k e^{\rho_{jk}\sigma_j\sigma_k\tau}, \quad
    V \approx e^{-r\tau}\,\text{Black}\bigl(M_1, K, \sqrt{\log(M_2/M_1^2)}\bigr)$$

    Exact for one asset. Measured against quadrature for two assets at 20 to 30 % volatility, up
    to a year and at the money, the error is at most 2.2 % of the price at a correlation of -0.5,
    1.0 % at 0, 0.42 % at 0.5 and 0.21 % at 0.9; it grows with the variance and in the wings.

    Reference: Levy (1992), Pricing European average rate currency options.
    """

    effort = 1
    vol: Float[Array, " asset"] = eqx.field(converter=per_asset(non_negative("vol")))
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Float[Array, " yield"] = eqx.field(converter=per_asset(real("dividend")), default=0.0)
    correlation: Float[Array, "asset asset"] | None = eqx.field(
        converter=optional(correlation("correlation")), default=None
    )

    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        if not isinstance(claim, BasketCall | BasketPut):
            raise TypeError(
                f"BasketFormula prices a BasketCall or BasketPut, got {type(claim).__name__}; "
                "use `MonteCarlo(model, n_paths=..., n_steps=..., key=...)`."
            )
        if not isinstance(claim.weights, Tracer) and np.any(np.asarray(claim.weights) < 0):
            raise ValueError(
                f"`weights` must be zero or positive in BasketFormula, got {claim.weights}; "
                "use `MonteCarlo(model, n_paths=..., n_steps=..., key=...)`."
            )
        tau = claim.tau(now)
        mean, deviation = self._law(claim.weights, now, tau)
        strike = jnp.maximum(claim.strike, 0.0)
        if isinstance(claim, BasketCall):
            value = exchange_value(mean, strike, deviation) + strike - claim.strike
        else:
            value = exchange_value(strike, mean, deviation)
        return jnp.exp(-self.rate * tau) * value

    def _law(
        self, weights: Float[Array, " asset"], now: Snapshot, tau: Scalar
    ) -> tuple[Scalar, Scalar]:
        """Mean of the basket, and deviation of the logarithm of the lognormal that replaces it."""
        n_assets = weights.shape[0]
        means = [weights[j] * self.forward(now, j, tau) for j in range(n_assets)]
        mean = jnp.sum(jnp.stack(means))
        shares = [safe.divide(m, mean) for m in means]
        excess = [
            shares[j] * shares[k] * jnp.expm1(self.covariance(j, k) * tau)
            for j in range(n_assets)
            for k in range(n_assets)
        ]
        return mean, safe.sqrt(jnp.log1p(jnp.sum(jnp.stack(excess))))

    @classmethod
    def example(cls) -> "BasketFormula":
        """A typical member, for tests and documentation."""
        return cls(
            vol=[0.3, 0.2], rate=0.02, dividend=[0.01, 0.0], correlation=[[1, 0.5], [0.5, 1]]
        )
