"""Bonds that their holder may turn into shares."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer

from deephedge.claims.base import AbstractClaim
from deephedge.claims.dates import on_or_after, period_ends
from deephedge.markets.base import Path
from deephedge.numerics.checks import non_negative, optional, positive
from deephedge.typing import Array, Float, Scalar

_Date = tuple[Array, ...]


class ConvertibleBond(AbstractClaim):
    r"""A bond with coupons that the holder may convert, and sell back, and the issuer may call.

    At any date the holder may take `ratio` shares for it, $\kappa S$. From `call_start` on the
    issuer may end it by paying the larger of `call_price` and $\kappa S$. At each of `put_dates`
    the holder may sell it back for `put_price`. At maturity it pays the larger of the notional and
    $\kappa S_T$; on default, the larger of `recovery` of the notional and the shares' worth then.
    Coupons are paid first where dates meet; none accrues between them.

    When either side acts depends on the model: `boundary` states the price at or above which the
    bond ends, at equally spaced dates from 0 to maturity joined by straight lines, and
    `put_boundary` the price at or below which it is sold back, at each of `put_dates`. Both come
    from `ConvertibleDifference(...).exercised(claim)`; the pricer itself does not read them.
    Cash paid early waits in the money-market account. `progress` is whether the bond lives (1 or
    0) and today's value of the cash paid so far.

    Args:
        coupon: share of the notional, at each of `n_coupons` equally spaced dates, the last of
            which is the maturity.
        default_factor: the market's factor that is 1 after default, as in `Defaultable`.

    Reference: Ayache, Forsyth and Vetzal (2003), The valuation of convertible bonds with credit
    risk.
    """

    ratio: Scalar = eqx.field(converter=non_negative("ratio"))
    maturity: Scalar = eqx.field(converter=positive("maturity"))
    notional: Scalar = eqx.field(converter=positive("notional"), default=100.0)
    coupon: Scalar = eqx.field(converter=non_negative("coupon"), default=0.0)
    recovery: Scalar = eqx.field(converter=non_negative("recovery"), default=0.0)
    call_price: Scalar | None = eqx.field(converter=optional(positive("call_price")), default=None)
    call_start: Scalar = eqx.field(converter=non_negative("call_start"), default=0.0)
    put_price: Scalar = eqx.field(converter=non_negative("put_price"), default=0.0)
    put_dates: Float[Array, " put"] = eqx.field(converter=positive("put_dates"), default=())
    boundary: Float[Array, " date"] | None = eqx.field(
        converter=optional(positive("boundary")), default=None
    )
    put_boundary: Float[Array, " put"] | None = eqx.field(
        converter=optional(non_negative("put_boundary")), default=None
    )
    n_coupons: int = eqx.field(static=True, default=0)
    default_factor: int | None = eqx.field(static=True, default=None)
    asset: int = eqx.field(static=True, default=0)

    def __check_init__(self):
        if isinstance(self.maturity, Tracer):
            return
        if self.n_coupons < 0 or (self.n_coupons == 0 and float(self.coupon) > 0):
            raise ValueError(
                f"`n_coupons` must be at least 1 where there is a coupon, got {self.n_coupons}."
            )
        if np.any(np.asarray(self.put_dates) >= float(self.maturity)):
            raise ValueError(
                f"`put_dates` must be before the maturity {float(self.maturity):g}, "
                f"got {np.asarray(self.put_dates).tolist()}."
            )

    def payoff(self, path: Path) -> Scalar:
        lives, paid = self.progress(path)[-1]
        worth = jnp.maximum(self.notional, self.ratio * path.prices[-1, self.asset])
        return paid / path.discount[-1] + lives * worth

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        dates = self._dates(path)

        def step(memory: Array, date: _Date) -> tuple[Array, Array]:
            memory = self._observe(memory, date)
            return memory, memory

        if path.progress.shape[-1] == 0:
            fresh = jnp.asarray([1.0, 0.0], path.prices.dtype)
            start = self._observe(fresh, tuple(x[0] for x in dates))
        else:
            start = path.progress[0]
        _, later = lax.scan(step, start, tuple(x[1:] for x in dates))
        return jnp.concatenate([start[None], later])

    def _dates(self, path: Path) -> _Date:
        """At each date: price, discount, whether in default, the coupon, the two boundaries."""
        if self.boundary is None or (self.put_boundary is None and self.put_dates.shape[0]):
            raise ValueError(
                "`boundary` and `put_boundary` must say when the ConvertibleBond ends; "
                "use `ConvertibleDifference(...).exercised(claim)`."
            )
        never = jnp.zeros(path.time.shape, bool)
        column = self.default_factor
        defaulted = never if column is None else path.factors[:, column] > 0.5
        due = period_ends(path, self.maturity / self.n_coupons) if self.n_coupons else never
        fractions = jnp.linspace(0.0, 1.0, self.boundary.shape[0], dtype=self.boundary.dtype)
        upper = jnp.interp(path.time, self.maturity * fractions, self.boundary)
        lower = jnp.zeros_like(path.time)
        if self.put_boundary is not None:
            for i in range(self.put_dates.shape[0]):
                past = on_or_after(path, self.put_dates[i])
                first = past & ~jnp.concatenate([past[:1], past[:-1]])
                lower = jnp.where(first, self.put_boundary[i], lower)
        callable_now = on_or_after(path, self.call_start) if self.call_price is not None else never
        called = jnp.where(callable_now, self._call_price(), 0.0)
        last = on_or_after(path, self.maturity)
        price = path.prices[:, self.asset]
        return price, path.discount, defaulted, due, lower, jnp.where(last, jnp.inf, upper), called

    def _observe(self, memory: Array, date: _Date) -> Array:
        """The memory after a date."""
        price, discount, defaulted, due, lower, upper, called = date
        lives, paid = memory
        shares = self.ratio * price
        ends = defaulted | (price <= lower) | (price >= upper)
        sold = jnp.where(price >= upper, jnp.maximum(shares, called), self.put_price)
        broken = jnp.maximum(shares, self.recovery * self.notional)
        cash = jnp.where(due & ~defaulted, self.coupon * self.notional, 0.0)
        cash = cash + jnp.where(defaulted, broken, jnp.where(ends, sold, 0.0))
        return jnp.stack([jnp.where(ends, 0.0, lives), paid + lives * cash * discount])

    def _call_price(self) -> Scalar:
        return jnp.zeros_like(self.maturity) if self.call_price is None else self.call_price

    @classmethod
    def example(cls) -> "ConvertibleBond":
        """A typical member, for tests and documentation."""
        return cls(
            ratio=1.0,
            maturity=0.25,
            coupon=0.02,
            n_coupons=2,
            recovery=0.4,
            call_price=112.0,
            call_start=0.1,
            put_price=99.0,
            put_dates=[0.175],
            boundary=[120.0, 115.0, 112.0],
            put_boundary=[85.0],
        )
