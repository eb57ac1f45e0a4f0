"""Puts that are bought when volatility is forecast to rise, and released in calm."""

import equinox as eqx
import jax.numpy as jnp
from jax.core import Tracer

from deephedge.markets.base import Snapshot
from deephedge.numerics import safe
from deephedge.numerics.checks import non_negative, positive
from deephedge.policies.base import AbstractPolicy, Account
from deephedge.policies.forecasts.base import AbstractForecast, Watched, saw, watch
from deephedge.policies.forecasts.ewma import EWMA
from deephedge.typing import Array, Bool, Float, Scalar


class ScaledProtection(AbstractPolicy):
    r"""A stock and as many puts on it as the forecast volatility asks for.

    Puts for each share:

    $$c_t = \bar c\,\min\Bigl(\max\Bigl(
    \frac{\hat\sigma_t - \sigma_\text{calm}}{\sigma_\text{alarm} - \sigma_\text{calm}},
    0\Bigr), 1\Bigr)$$

    with $\hat\sigma_t$ the `forecast` from the stock's returns so far and $\bar c$ `cover`. With
    c puts for each share the whole wealth is $n(S_t + c\,P_t)$, which says n. Nothing is traded
    while the puts held for each share are within `band` of $c_t$; outside, the trade is to $c_t$.
    Meant for a short-dated put near the money that the market rolls, which gains most from a
    rise of volatility for its price, and decays fastest where none comes. What trading costs is
    borrowed until the next trade.

    The rule pays up: in a market where puts are quoted at the volatility that is forecast, it
    buys dear and sells cheap. `asset` and `put` are columns of the prices.

    Args:
        forecast: of the volatility a year.
        calm: at and below this volatility there are no puts.
        alarm: at and above it, `cover` puts for each share.

    Reference: Moreira and Muir (2017), Volatility-managed portfolios, whose exposure is scaled
    here by puts in place of sales; Bhansali (2014), Tail Risk Hedging, for active hedges.
    """

    forecast: AbstractForecast
    calm: Scalar = eqx.field(converter=non_negative("calm"))
    alarm: Scalar = eqx.field(converter=positive("alarm"))
    cover: Scalar = eqx.field(converter=positive("cover"), default=1.0)
    band: Scalar = eqx.field(converter=non_negative("band"), default=0.0)
    asset: int = eqx.field(static=True, default=0)
    put: int = eqx.field(static=True, default=1)

    def __check_init__(self):
        if isinstance(self.calm, Tracer) or isinstance(self.alarm, Tracer):
            return
        calm, alarm = float(self.calm), float(self.alarm)
        if alarm <= calm:
            raise ValueError(f"`alarm` must be above `calm`, {calm:g}, got {alarm:g}.")

    def init(self) -> tuple[Bool[Array, ""], Watched]:
        return jnp.asarray(False), watch(self.forecast)

    def observe(self, now: Snapshot) -> Snapshot:
        if not 0 <= max(self.asset, self.put) < now.prices.shape[0]:
            raise ValueError(
                f"`asset` and `put` must be columns of the prices, below {now.prices.shape[0]}, "
                f"got {self.asset} and {self.put}."
            )
        return now

    def act(
        self, seen: Snapshot, account: Account, memory: tuple[Bool[Array, ""], Watched]
    ) -> tuple[Float[Array, " asset"], tuple[Bool[Array, ""], Watched]]:
        begun, watched = memory
        watched = saw(self.forecast, watched, seen, self.asset)
        wanted = self._cover(self.forecast.vol(watched.memory))
        stock, puts = account.holdings[self.asset], account.holdings[self.put]
        held = safe.divide(puts, stock)
        trades = ~begun | (jnp.abs(wanted - held) > self.band)

        wealth = jnp.maximum(account.wealth / seen.discount, 0.0)
        each = seen.prices[self.asset] + wanted * seen.prices[self.put]
        units = safe.divide(wealth, each)
        package = jnp.zeros_like(account.holdings)
        package = package.at[self.asset].set(units).at[self.put].set(wanted * units)
        return jnp.where(trades, package, account.holdings), (jnp.asarray(True), watched)

    def _cover(self, vol: Scalar) -> Scalar:
        """Puts for each share at a forecast."""
        share = safe.divide(vol - self.calm, self.alarm - self.calm)
        return self.cover * jnp.clip(share, min=0.0, max=1.0)

    @classmethod
    def example(cls) -> "ScaledProtection":
        """A typical member, for tests and documentation."""
        return cls(forecast=EWMA.example(), calm=0.12, alarm=0.3, band=0.05)
