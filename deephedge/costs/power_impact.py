"""Temporary price impact that is a power of the trade."""

import equinox as eqx
import jax.numpy as jnp
from jax.core import Tracer

from deephedge.costs.base import AbstractCost
from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import non_negative, per_asset, positive
from deephedge.typing import Array, Float, Scalar


class PowerImpact(AbstractCost):
    r"""Trading $n_j$ units costs $k_j S_j V_j (|n_j| / V_j)^p$; $p = 3/2$ is the square-root law.

    The price paid is off by $k_j (|n_j|/V_j)^{p-1}$, a share of the price, and recovers at once:
    later prices are not moved. `volume` $V$ is in units, the market's over the time of the trade,
    so that $|n|/V$ is the participation; 1 unless given, and `coefficient` $k$ is then per unit
    traded to the power $p - 1$. Both are a single number or one per asset. With $p = 2$ and
    $V = 1$ this is `QuadraticImpact`.

    Reference: Almgren, Thum, Hauptmann and Li (2005), Direct estimation of equity market impact:
    $p = 8/5$ and $k = 0.142$ times the volatility of a day, with $V$ what is traded over the time
    that the trade takes; $p = 3/2$ is the square-root law that they compare with.
    """

    coefficient: Float[Array, " asset"] = eqx.field(
        converter=per_asset(non_negative("coefficient"))
    )
    exponent: Scalar = eqx.field(converter=positive("exponent"), default=1.5)
    volume: Float[Array, " asset"] = eqx.field(converter=per_asset(positive("volume")), default=1.0)

    def __check_init__(self):
        if not isinstance(self.exponent, Tracer) and float(self.exponent) < 1.0:
            raise ValueError(f"`exponent` must be at least 1, got {float(self.exponent):g}.")

    def __call__(self, trade: Float[Array, " asset"], now: Snapshot) -> Scalar:
        participation = jnp.abs(trade) / self.volume
        return jnp.sum(self.coefficient * self.volume * participation**self.exponent * now.prices)

    @classmethod
    def example(cls) -> "PowerImpact":
        """A typical member, for tests and documentation."""
        return cls(coefficient=0.002)
