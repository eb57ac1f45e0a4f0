"""Swaps of the variance realised while the price is within a corridor."""

import equinox as eqx
import jax.numpy as jnp
from jax.core import Tracer

from deephedge.claims.base import AbstractClaim
from deephedge.claims.variance_swap import accumulated, squared_returns
from deephedge.markets.base import Path
from deephedge.numerics.checks import non_negative, positive
from deephedge.typing import Array, Float, Scalar


class CorridorVarianceSwap(AbstractClaim):
    r"""Pays $N(V_T - K)$ on the variance of returns that begin inside the corridor $(L, U)$.

    $$V_t = \frac{1}{T}\sum_{t_k \le t} 1\{L < S_{t_{k-1}} < U\}\log^2(S_{t_k}/S_{t_{k-1}})$$

    `progress` is $V_t$. Discontinuous in the path, by one squared return.

    Reference: Carr and Lewis (2004), corridor variance swaps.
    """

    strike: Scalar = eqx.field(converter=non_negative("strike"))
    lower: Scalar = eqx.field(converter=non_negative("lower"))
    upper: Scalar = eqx.field(converter=positive("upper"))
    maturity: Scalar = eqx.field(converter=positive("maturity"))
    notional: Scalar = eqx.field(converter=positive("notional"), default=1.0)
    asset: int = eqx.field(static=True, default=0)

    def __check_init__(self):
        if any(isinstance(x, Tracer) for x in (self.lower, self.upper)):
            return
        if not float(self.lower) < float(self.upper):
            raise ValueError(
                f"`lower` must be below `upper`, {float(self.upper):g}, got {float(self.lower):g}."
            )

    def payoff(self, path: Path) -> Scalar:
        return self.notional * (self.progress(path)[-1, 0] - self.strike)

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        before = path.prices[:-1, self.asset]
        inside = (before > self.lower) & (before < self.upper)
        counted = jnp.where(inside, squared_returns(path, self.asset), 0.0)
        return accumulated(path, counted / self.maturity)

    def jumps(self, path: Path) -> list[tuple[int, Float[Array, " time"]]]:
        return [(self.asset, jnp.full_like(path.time, x)) for x in (self.lower, self.upper)]

    @classmethod
    def example(cls) -> "CorridorVarianceSwap":
        """A typical member, for tests and documentation."""
        return cls(strike=0.03, lower=95.0, upper=110.0, maturity=0.25, notional=1000.0)
