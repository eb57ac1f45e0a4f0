"""Trades that move the price for good."""

import math

import equinox as eqx
import jax.numpy as jnp

from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import non_negative, per_asset
from deephedge.typing import Array, Float, Scalar


class PermanentImpact(eqx.Module):
    r"""Buying $n_j$ units raises the log-price of asset j by $\lambda_j n_j$, for good.

    `rate` $\lambda$ is per unit traded, a single number or one per asset. The trade itself walks
    up the price it pushes: it costs $S_j(e^{\lambda_j n_j} - 1)/\lambda_j$, half of the impact on
    average, so that a round trip costs exactly nothing and no sequence of trades can earn from its
    own impact. (Almgren and Chriss let the trade go at the price before it. Then a round trip
    earns $\lambda n^2 S$, unless a temporary impact of at least half as much is charged.)

    Not a cost: the market's later prices move, and with them what the claim pays.

    Reference: Huberman and Stanzl (2004), Price manipulation and quasi-arbitrage, for what
    excludes manipulation; Kyle (1985); Almgren and Chriss (2001), permanent impact.
    """

    rate: Float[Array, " asset"] = eqx.field(converter=per_asset(non_negative("rate")))

    def shift(self, trade: Float[Array, " asset"]) -> Float[Array, " asset"]:
        """What is added to the log-prices of all later dates."""
        return jnp.broadcast_to(self.rate, trade.shape) * trade

    def slippage(self, trade: Float[Array, " asset"], now: Snapshot) -> Scalar:
        """Cash paid over the price before the trade: never negative."""
        return jnp.sum(now.prices * trade * _mean_rise(self.shift(trade)))

    @classmethod
    def example(cls) -> "PermanentImpact":
        """A typical member, for tests and documentation."""
        return cls(rate=0.001)


def _mean_rise(x: Array) -> Array:
    r"""$(e^x - 1)/x - 1$: how far above its start a price is, on average, while its log rises."""
    large = jnp.abs(x) > 0.5
    far, near = jnp.where(large, x, 1.0), jnp.where(large, 0.0, x)
    series = jnp.zeros_like(x)
    for n in range(15, 1, -1):
        series = (series + 1.0 / math.factorial(n)) * near
    return jnp.where(large, jnp.expm1(far) / far - 1.0, series)
