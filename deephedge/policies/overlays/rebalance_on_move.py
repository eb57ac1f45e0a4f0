"""Trade when the price has moved."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.markets.base import Snapshot
from deephedge.numerics import safe
from deephedge.numerics.checks import non_negative, positive
from deephedge.policies.base import AbstractPolicy
from deephedge.policies.classical.delta import DeltaHedge
from deephedge.policies.forecasts.base import AbstractForecast, Watched, saw, watch
from deephedge.policies.forecasts.ewma import EWMA
from deephedge.policies.overlays.triggered import AbstractTriggered
from deephedge.typing import Array, Bool, Float, Scalar


class RebalanceOnMove(AbstractTriggered):
    r"""Ask the wrapped policy when an asset is a share away from its price at the last trade.

    $|S/S_{\text{last}} - 1| >$ `move`, of asset number `asset`. Around a delta hedge this is the
    asset tolerance, or move-based, strategy.

    Reference: Henrotte (1993); Toft (1996); Martellini and Priaulet (2002), Competing methods for
    option hedging in the presence of transaction costs.
    """

    policy: AbstractPolicy
    move: Scalar = eqx.field(converter=non_negative("move"))
    asset: int = eqx.field(static=True, default=0)

    def begin(self) -> Scalar:
        return jnp.ones_like(self.move)

    def look(self, now: Snapshot) -> Scalar:
        return now.prices[self.asset]

    def due(
        self,
        seen: Scalar,
        wanted: Float[Array, " asset"],
        held: Float[Array, " asset"],
        memory: Scalar,
    ) -> tuple[Bool[Array, ""], Scalar, Scalar]:
        return jnp.abs(seen - memory) > self.move * memory, seen, memory

    @classmethod
    def example(cls) -> "RebalanceOnMove":
        """A typical member, for tests and documentation."""
        return cls(DeltaHedge.example(), move=0.02)


class RebalanceOnVolMove(AbstractTriggered):
    r"""As `RebalanceOnMove`, with a move that is large for the forecast volatility.

    $|\log(S/S_{\text{last}})| > c\,\hat\sigma_t\sqrt h$: c `deviations` of the log-price over h
    `interval` years, with $\hat\sigma_t$ the `forecast` from the prices of asset number `asset`.
    Tight in calm, wide in storms: about as many trades in either.
    """

    policy: AbstractPolicy
    forecast: AbstractForecast
    deviations: Scalar = eqx.field(converter=non_negative("deviations"))
    interval: Scalar = eqx.field(converter=positive("interval"))
    asset: int = eqx.field(static=True, default=0)

    def begin(self) -> tuple[Watched, Scalar]:
        return watch(self.forecast), jnp.zeros_like(self.interval)

    def look(self, now: Snapshot) -> Snapshot:
        return now

    def due(
        self,
        seen: Snapshot,
        wanted: Float[Array, " asset"],
        held: Float[Array, " asset"],
        memory: tuple[Watched, Scalar],
    ) -> tuple[Bool[Array, ""], tuple[Watched, Scalar], tuple[Watched, Scalar]]:
        watched, last = memory
        watched = saw(self.forecast, watched, seen, self.asset)
        limit = self.deviations * self.forecast.vol(watched.memory) * safe.sqrt(self.interval)
        moved = jnp.abs(watched.log_price - last) > limit
        return moved, (watched, watched.log_price), (watched, last)

    @classmethod
    def example(cls) -> "RebalanceOnVolMove":
        """A typical member, for tests and documentation."""
        return cls(DeltaHedge.example(), EWMA.example(), deviations=2.0, interval=1 / 252)
