"""Trade as often as costs and risk together ask for."""

import math

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.claims.vanilla import Call
from deephedge.markets.base import Snapshot
from deephedge.numerics import safe
from deephedge.numerics.checks import non_negative, positive
from deephedge.policies.base import AbstractPolicy
from deephedge.policies.classical.delta import DeltaHedge
from deephedge.policies.forecasts.base import AbstractForecast, Watched, saw, watch
from deephedge.policies.forecasts.ewma import EWMA
from deephedge.policies.greeks import model_delta_gamma
from deephedge.policies.overlays.triggered import AbstractTriggered
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.black_scholes import BlackScholesFormula
from deephedge.typing import Array, Bool, Float, Scalar

LONGEST = 1e3
"""Years between trades where there is no gamma: never."""


class RebalanceAtOptimum(AbstractTriggered):
    r"""Ask the wrapped delta hedge once the best interval for gamma, volatility and cost is over.

    Over h years delta moves by $|\Gamma| S \sigma\sqrt h\,|Z|$, so that trading it costs, per
    year and at the one-way rate $\varepsilon$,

    $$\varepsilon S \cdot |\Gamma| S\sigma\sqrt{2h/\pi} \,/\, h;$$

    the hedging error of the interval, $\frac12\Gamma S^2\sigma^2 h\,(Z^2 - 1)$, has variance
    $\frac12\Gamma^2 S^4\sigma^4 h$ per year. Cost plus half of `aversion` $\lambda$ times variance,
    both in today's money ($D_t$ the discount), is least at

    $$h^* = \Bigl(\sqrt{\frac{2}{\pi}}\,
    \frac{2\varepsilon}{\lambda D_t\,|\Gamma|\,S^2\,\hat\sigma^3}\Bigr)^{2/3}.$$

    Trade once the time since the last trade is the $h^*$ of that trade or of today, whichever is
    shorter, with $\hat\sigma$ the `forecast` from the prices so far: a move that takes gamma away
    must not leave the delta of before it standing. One asset, number `asset`.

    Reference: the trade-off is that of Leland (1985) and Toft (1996), On the mean-variance
    tradeoff in option replication with transactions costs; the minimum is worked out here.
    """

    policy: AbstractPolicy
    claim: AbstractClaim
    pricer: AbstractPricer
    forecast: AbstractForecast
    cost_rate: Scalar = eqx.field(converter=non_negative("cost_rate"))
    aversion: Scalar = eqx.field(converter=positive("aversion"))
    asset: int = eqx.field(static=True, default=0)

    def interval(self, now: Snapshot, vol: Scalar) -> Scalar:
        """Years between trades, at that volatility."""
        return self._interval(self.look(now)[1], now.discount, vol)

    def _interval(self, cash_gamma: Scalar, discount: Scalar, vol: Scalar) -> Scalar:
        risk = self.aversion * discount * cash_gamma * vol**3
        ratio = safe.divide(math.sqrt(8.0 / math.pi) * self.cost_rate, risk, otherwise=LONGEST)
        return jnp.minimum(safe.power(ratio, 2.0 / 3.0), LONGEST)

    def begin(self) -> tuple[Watched, Scalar, Scalar]:
        none = jnp.zeros_like(self.aversion)
        return watch(self.forecast), none, none

    def look(self, now: Snapshot) -> tuple[Snapshot, Scalar]:
        _, gamma = model_delta_gamma(self.pricer, self.claim, now)
        return now, jnp.abs(gamma[self.asset]) * now.prices[self.asset] ** 2

    def due(
        self,
        seen: tuple[Snapshot, Scalar],
        wanted: Float[Array, " asset"],
        held: Float[Array, " asset"],
        memory: tuple[Watched, Scalar, Scalar],
    ) -> tuple[Bool[Array, ""], tuple[Watched, Scalar, Scalar], tuple[Watched, Scalar, Scalar]]:
        now, cash_gamma = seen
        watched, last, planned = memory
        watched = saw(self.forecast, watched, now, self.asset)
        wait = self._interval(cash_gamma, now.discount, self.forecast.vol(watched.memory))
        # Dates are sums of steps: a wait that ends at a date must not miss it by rounding.
        over = now.time - last >= jnp.minimum(wait, planned) * (1.0 - 1e-5)
        return over, (watched, now.time, wait), (watched, last, planned)

    @classmethod
    def example(cls) -> "RebalanceAtOptimum":
        """A typical member, for tests and documentation."""
        return cls(
            DeltaHedge.example(),
            Call.example(),
            BlackScholesFormula.example(),
            EWMA.example(),
            cost_rate=0.001,
            aversion=1.0,
        )
