"""Options with a barrier on each side."""

import equinox as eqx
import jax.numpy as jnp
from jax.core import Tracer

from deephedge.claims.base import AbstractClaim
from deephedge.claims.dates import discount_at_hit
from deephedge.markets.base import Path
from deephedge.numerics.checks import positive
from deephedge.typing import Array, Float, Scalar


class DoubleBarrierOption(AbstractClaim):
    r"""A call or put that starts (`knock_in`) or ends when the price leaves $(L, U)$.

    Watched at the path's dates, the start included. No rebate. `progress` is the discount factor
    of the date of the hit, 0 before. The payoff jumps at both barriers, see `jumps`.

    Reference: Kunitomo and Ikeda (1992).
    """

    strike: Scalar = eqx.field(converter=positive("strike"))
    lower: Scalar = eqx.field(converter=positive("lower"))
    upper: Scalar = eqx.field(converter=positive("upper"))
    maturity: Scalar = eqx.field(converter=positive("maturity"))
    call: bool = eqx.field(static=True, kw_only=True)
    knock_in: bool = eqx.field(static=True, kw_only=True)
    asset: int = eqx.field(static=True, default=0)

    def __check_init__(self):
        if any(isinstance(x, Tracer) for x in (self.lower, self.upper)):
            return
        if not float(self.lower) < float(self.upper):
            raise ValueError(
                f"`lower` must be below `upper`, {float(self.upper):g}, got {float(self.lower):g}."
            )

    def payoff(self, path: Path) -> Scalar:
        hit = self.progress(path)[-1, 0] > 0
        gain = path.prices[-1, self.asset] - self.strike
        owed = jnp.maximum(gain if self.call else -gain, 0.0)
        return jnp.where(hit == self.knock_in, owed, 0.0)

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        return discount_at_hit(path, self.reached(path.prices[:, self.asset]))

    def reached(self, price: Array) -> Array:
        """Whether a price is at a barrier or beyond."""
        return (price <= self.lower) | (price >= self.upper)

    def jumps(self, path: Path) -> list[tuple[int, Float[Array, " time"]]]:
        return [(self.asset, jnp.full_like(path.time, x)) for x in (self.lower, self.upper)]

    @classmethod
    def example(cls) -> "DoubleBarrierOption":
        """A typical member, for tests and documentation."""
        return cls(100.0, 85.0, 120.0, 0.25, call=True, knock_in=False)
