"""Options with one barrier."""

import equinox as eqx
import jax.numpy as jnp
from jax.core import Tracer

from deephedge.claims.base import AbstractClaim
from deephedge.claims.dates import discount_at_hit
from deephedge.claims.lookback import running_maximum
from deephedge.markets.base import Path
from deephedge.numerics import safe
from deephedge.numerics.checks import non_negative, positive
from deephedge.typing import Array, Float, Scalar

BARRIER_SHIFT = 0.5826
"""$-\\zeta(1/2)/\\sqrt{2\\pi}$: how far a random walk overshoots, in deviations of a step."""


class BarrierOption(AbstractClaim):
    r"""A call or put that starts (`knock_in`) or ends when the price reaches the barrier $B$.

    It pays $(S_T - K)^+$ or $(K - S_T)^+$ if the barrier was reached (in) or never was (out) at
    the path's dates, the start included; else the rebate. A knock-out pays its rebate at the
    date of the hit, here with interest to maturity, $R\,D_{hit}/D_T$; a knock-in at maturity.
    `progress` is the discount factor of the date of the hit, 0 before.

    The payoff jumps at the barrier, see `jumps`.

    Reference: Reiner and Rubinstein (1991).
    """

    strike: Scalar = eqx.field(converter=positive("strike"))
    barrier: Scalar = eqx.field(converter=positive("barrier"))
    maturity: Scalar = eqx.field(converter=positive("maturity"))
    rebate: Scalar = eqx.field(converter=non_negative("rebate"), default=0.0)
    call: bool = eqx.field(static=True, kw_only=True)
    up: bool = eqx.field(static=True, kw_only=True)
    knock_in: bool = eqx.field(static=True, kw_only=True)
    asset: int = eqx.field(static=True, default=0)

    def payoff(self, path: Path) -> Scalar:
        hit = self.progress(path)[-1, 0]
        gain = path.prices[-1, self.asset] - self.strike
        owed = jnp.maximum(gain if self.call else -gain, 0.0)
        if self.knock_in:
            return jnp.where(hit > 0, owed, self.rebate)
        return jnp.where(hit > 0, self.rebate * hit / path.discount[-1], owed)

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        return discount_at_hit(path, self.reached(path.prices[:, self.asset]))

    def reached(self, price: Array) -> Array:
        """Whether a price is at the barrier or beyond."""
        return price >= self.barrier if self.up else price <= self.barrier

    def jumps(self, path: Path) -> list[tuple[int, Float[Array, " time"]]]:
        return [(self.asset, jnp.full_like(path.time, self.barrier))]

    @classmethod
    def example(cls) -> "BarrierOption":
        """A typical member, for tests and documentation."""
        return cls(100.0, 92.0, 0.25, rebate=1.0, call=False, up=False, knock_in=False)


def shifted_barrier(barrier: Array, *, vol: Array, dt: Array, up: bool) -> Array:
    r"""The continuously watched barrier that prices like one watched every `dt` years.

    $$B\,e^{\pm 0.5826\,\sigma\sqrt{dt}}$$, away from the price: up if the barrier is above it.

    Reference: Broadie, Glasserman and Kou (1997), theorem 1.1.
    """
    return barrier * jnp.exp((1.0 if up else -1.0) * BARRIER_SHIFT * vol * safe.sqrt(dt))


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
        if not float(self.barrier) > float(self.strike):
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

    def jumps(self, path: Path) -> list[tuple[int, Float[Array, " time"]]]:
        return [(self.asset, jnp.full_like(path.time, self.barrier))]

    @classmethod
    def example(cls) -> "UpAndOutCall":
        """A typical member, for tests and documentation."""
        return cls(strike=100.0, barrier=120.0, maturity=0.25)
