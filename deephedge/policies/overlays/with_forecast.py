"""Let a policy see a volatility forecast."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.vanilla import Call
from deephedge.markets.base import Snapshot
from deephedge.policies.base import AbstractPolicy, Account
from deephedge.policies.classical.delta import DeltaHedge
from deephedge.policies.forecasts.base import AbstractForecast, Watched, saw, watch
from deephedge.policies.forecasts.ewma import EWMA
from deephedge.pricing.black_scholes import QuotedBlackScholes
from deephedge.typing import Array, Float, PyTree


class WithForecast(AbstractPolicy):
    """The wrapped policy, shown the forecast volatility as one more factor, after the market's.

    In a market with n factors the forecast is factor n: `QuotedBlackScholes(column=n)` then prices
    at the volatility forecast from the prices of asset number `asset` so far.
    """

    policy: AbstractPolicy
    forecast: AbstractForecast
    asset: int = eqx.field(static=True, default=0)

    def init(self) -> tuple[Watched, PyTree]:
        return watch(self.forecast), self.policy.init()

    def observe(self, now: Snapshot) -> Snapshot:
        return now

    def act(
        self, seen: Snapshot, account: Account, memory: tuple[Watched, PyTree]
    ) -> tuple[Float[Array, " asset"], tuple[Watched, PyTree]]:
        watched, inner = memory
        watched = saw(self.forecast, watched, seen, self.asset)
        vol = self.forecast.vol(watched.memory)
        shown = dataclasses.replace(seen, factors=jnp.append(seen.factors, vol))
        holdings, inner = self.policy.step(shown, account, inner)
        return holdings, (watched, inner)

    @classmethod
    def example(cls) -> "WithForecast":
        """A typical member, for tests and documentation."""
        return cls(DeltaHedge(Call.example(), QuotedBlackScholes.example()), EWMA.example())
