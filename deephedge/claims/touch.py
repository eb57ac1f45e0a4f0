"""Cash if the price reaches a barrier, or if it never does."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.claims.dates import discount_at_hit
from deephedge.markets.base import Path
from deephedge.numerics.checks import positive
from deephedge.typing import Array, Float, Scalar


class OneTouch(AbstractClaim):
    r"""Pays `cash` if the price reaches the barrier at one of the dates, the start included.

    Paid at maturity, or `at_hit`: then with interest to maturity, $\text{cash}\,D_{hit}/D_T$.
    `progress` is the discount factor of the date of the hit, 0 before. The payoff jumps at the
    barrier, see `jumps`.

    Reference: Rubinstein and Reiner (1991), binary barrier options.
    """

    barrier: Scalar = eqx.field(converter=positive("barrier"))
    maturity: Scalar = eqx.field(converter=positive("maturity"))
    cash: Scalar = eqx.field(converter=positive("cash"), default=1.0)
    up: bool = eqx.field(static=True, kw_only=True)
    at_hit: bool = eqx.field(static=True, kw_only=True, default=False)
    asset: int = eqx.field(static=True, default=0)

    def payoff(self, path: Path) -> Scalar:
        hit = self.progress(path)[-1, 0]
        if self.at_hit:
            return self.cash * hit / path.discount[-1]
        return jnp.where(hit > 0, self.cash, 0.0)

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        return discount_at_hit(path, self.reached(path.prices[:, self.asset]))

    def reached(self, price: Array) -> Array:
        """Whether a price is at the barrier or beyond."""
        return price >= self.barrier if self.up else price <= self.barrier

    def jumps(self, path: Path) -> list[tuple[int, Float[Array, " time"]]]:
        return [(self.asset, jnp.full_like(path.time, self.barrier))]

    @classmethod
    def example(cls) -> "OneTouch":
        """A typical member, for tests and documentation."""
        return cls(112.0, 0.25, up=True, at_hit=True)


class NoTouch(AbstractClaim):
    """Pays `cash` at maturity if the price never reaches the barrier. See `OneTouch`."""

    barrier: Scalar = eqx.field(converter=positive("barrier"))
    maturity: Scalar = eqx.field(converter=positive("maturity"))
    cash: Scalar = eqx.field(converter=positive("cash"), default=1.0)
    up: bool = eqx.field(static=True, kw_only=True)
    asset: int = eqx.field(static=True, default=0)

    def payoff(self, path: Path) -> Scalar:
        return jnp.where(self.progress(path)[-1, 0] > 0, 0.0, self.cash)

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        return discount_at_hit(path, self.reached(path.prices[:, self.asset]))

    def reached(self, price: Array) -> Array:
        """Whether a price is at the barrier or beyond."""
        return price >= self.barrier if self.up else price <= self.barrier

    def jumps(self, path: Path) -> list[tuple[int, Float[Array, " time"]]]:
        return [(self.asset, jnp.full_like(path.time, self.barrier))]

    @classmethod
    def example(cls) -> "NoTouch":
        """A typical member, for tests and documentation."""
        return cls(90.0, 0.25, up=False)
