"""An exposure that falls as the forecast volatility rises."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import non_negative, positive
from deephedge.policies.forecasts.base import AbstractForecast, taken_in
from deephedge.policies.forecasts.ewma import EWMA
from deephedge.policies.insurance.base import AbstractPortfolioPolicy, Past, mix
from deephedge.typing import Array, Float, PyTree, Scalar


class VolatilityTarget(AbstractPortfolioPolicy):
    r"""Hold the basket in the proportion that brings the portfolio's volatility to `target`.

    $$E_t = W_t\,\min\Bigl(\frac{\sigma^*}{\hat\sigma_t}, \ell\Bigr)$$

    with $\sigma^*$ `target` per year, $\hat\sigma_t$ the `forecast` for the basket from its
    returns so far, and $\ell$ `leverage`.

    Reference: Moreira and Muir (2017), Volatility-managed portfolios, equation 1, with volatility
    in place of variance; Hocquard, Ng and Papageorgiou (2013), A constant-volatility framework.
    """

    target: Scalar = eqx.field(converter=positive("target"))
    forecast: AbstractForecast
    weights: Float[Array, " asset"] = eqx.field(converter=mix, default=1.0)
    leverage: Scalar = eqx.field(converter=positive("leverage"), default=1.0)
    band: Scalar = eqx.field(converter=non_negative("band"), default=0.0)

    def begin(self) -> PyTree:
        return self.forecast.init()

    def exposure(
        self, now: Snapshot, wealth: Scalar, past: Past, own: PyTree
    ) -> tuple[Scalar, PyTree]:
        own = taken_in(self.forecast, past.begun, past.log_return, past.elapsed, own)
        # The same as the minimum above, with no pole where the forecast is zero.
        least = self.target / self.leverage
        return wealth * self.target / jnp.maximum(self.forecast.vol(own), least), own

    @classmethod
    def example(cls) -> "VolatilityTarget":
        """A typical member, for tests and documentation."""
        return cls(target=0.1, forecast=EWMA.example())
