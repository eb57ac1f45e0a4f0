"""Notes that redeem themselves early."""

import equinox as eqx
import jax.numpy as jnp
from jax import lax

from deephedge.claims.base import AbstractClaim, carried
from deephedge.claims.dates import at_end, period_ends
from deephedge.markets.base import Path
from deephedge.numerics.checks import at_least_one, non_negative, positive
from deephedge.typing import Array, Float, Scalar


class Autocallable(AbstractClaim):
    r"""A note with memory coupons, called when the price is high enough on an observation date.

    At each of `n_observations` equally spaced dates, the last of which is the maturity, while the
    note lives: if $S \ge$ `coupon_level` it pays the coupon of this date and all missed before;
    if $S \ge$ `call_level` it pays back the notional and ends. If it lives at maturity it pays
    the notional if $S_T \ge$ `protection_level`, else $N S_T/S_{\text{initial}}$.

    Levels are prices; `coupon` is a share of the notional per observation. Cash paid early
    earns interest to maturity, $D_{paid}/D_T$. An observation falls on the path's first date on
    or after it. `progress` is whether the note lives (1 or 0), the number of missed coupons,
    and today's value of the cash paid so far.

    The payoff jumps at every level, see `jumps`.

    Reference: Deng, Mallett and McCann (2011), modeling autocallable structured products.
    """

    initial: Scalar = eqx.field(converter=positive("initial"))
    coupon: Scalar = eqx.field(converter=non_negative("coupon"))
    call_level: Scalar = eqx.field(converter=positive("call_level"))
    coupon_level: Scalar = eqx.field(converter=positive("coupon_level"))
    protection_level: Scalar = eqx.field(converter=positive("protection_level"))
    n_observations: int = eqx.field(static=True)
    maturity: Scalar = eqx.field(converter=positive("maturity"))
    notional: Scalar = eqx.field(converter=positive("notional"), default=100.0)
    asset: int = eqx.field(static=True, default=0)

    def __check_init__(self):
        at_least_one(n_observations=self.n_observations)

    def payoff(self, path: Path) -> Scalar:
        lives, _, paid = self.progress(path)[-1]
        price = path.prices[-1, self.asset]
        share = jnp.where(price >= self.protection_level, 1.0, price / self.initial)
        return paid / path.discount[-1] + lives * self.notional * share

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        fresh = jnp.asarray([1.0, 0.0, 0.0], path.prices.dtype)
        observed = period_ends(path, self.maturity / self.n_observations)
        dates = (path.prices[:, self.asset], path.discount, observed)

        def step(memory: Array, date: tuple[Array, Array, Array]) -> tuple[Array, Array]:
            price, discount, now = date
            memory = jnp.where(now, self._observe(memory, price, discount), memory)
            return memory, memory

        return lax.scan(step, carried(path, fresh), dates)[1]

    def _observe(self, memory: Array, price: Scalar, discount: Scalar) -> Array:
        """The memory after an observation date."""
        lives, missed, paid = memory
        earns, called = price >= self.coupon_level, price >= self.call_level
        coupons = jnp.where(earns, self.coupon * (missed + 1.0), 0.0)
        cash = lives * self.notional * (coupons + jnp.where(called, 1.0, 0.0))
        missed = jnp.where(earns, 0.0, missed + lives)
        return jnp.stack([jnp.where(called, 0.0, lives), missed, paid + cash * discount])

    def jumps(self, path: Path) -> list[tuple[int, Float[Array, " time"]]]:
        observed = period_ends(path, self.maturity / self.n_observations)
        levels = (self.call_level, self.coupon_level)
        during = [(self.asset, jnp.where(observed, level, jnp.inf)) for level in levels]
        return [*during, (self.asset, at_end(path, self.protection_level))]

    @classmethod
    def example(cls) -> "Autocallable":
        """A typical member, for tests and documentation."""
        return cls(
            initial=100.0,
            coupon=0.02,
            call_level=104.0,
            coupon_level=95.0,
            protection_level=90.0,
            n_observations=4,
            maturity=0.25,
        )
