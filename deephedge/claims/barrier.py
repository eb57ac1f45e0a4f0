"""Barrier options."""

import equinox as eqx
import jax.numpy as jnp
from jax.core import Tracer

from deephedge.claims.base import AbstractClaim
from deephedge.claims.lookback import running_maximum
from deephedge.markets.base import Path
from deephedge.numerics.checks import positive
from deephedge.typing import Array, Float, Scalar


class UpAndOutCall(AbstractClaim):
    r"""Pays $(S_T - K)^+$ unless the price has reached the barrier $B$ at one of the dates.

    Monitored at the path's dates, the start included; more dates make it worth less. No rebate.
    `progress` is the running maximum: the claim is dead once it is at $B$ or above.

    Reference: Merton (1973); Broadie, Glasserman and Kou (1997) for monitoring at dates.
    """

    strike: Scalar = eqx.field(converter=positive("strike"))
    barrier: Scalar = eqx.field(converter=positive("barrier"))
    maturity: Scalar = eqx.field(converter=positive("maturity"))
    asset: int = eqx.field(static=True, default=0)

    def __check_init__(self):
        if any(isinstance(x, Tracer) for x in (self.strike, self.barrier)):
            return
        if not self.barrier > self.strike:
            raise ValueError(
                f"`barrier` must be above the strike {float(self.strike):g}, "
                f"got {float(self.barrier):g}."
            )

    def payoff(self, path: Path) -> Scalar:
        alive = self.progress(path)[-1, 0] < self.barrier
        owed = jnp.maximum(path.prices[-1, self.asset] - self.strike, 0.0)
        return jnp.where(alive, owed, 0.0)

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        return running_maximum(path, self.asset)

    @classmethod
    def example(cls) -> "UpAndOutCall":
        """A typical member, for tests and documentation."""
        return cls(strike=100.0, barrier=120.0, maturity=0.25)
