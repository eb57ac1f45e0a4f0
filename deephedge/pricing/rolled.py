"""Instruments that are rolled: sold at a date, and replaced by a new one of the same kind."""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jax.core import Tracer

from deephedge.claims.base import AbstractClaim, AbstractEuropean
from deephedge.claims.vanilla import Call, Forward, Put
from deephedge.markets.base import Path, Snapshot
from deephedge.numerics import safe
from deephedge.numerics.checks import positive
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.instruments import (
    ON_TIME,
    AbstractInstrument,
    Column,
    Since,
    at_each_date,
)
from deephedge.typing import Array, Float, Scalar


class Rolls(NamedTuple):
    """At each date of a path: whether a new contract is bought, and when and what for."""

    now: Array
    """True where the contract is replaced."""
    bought: Float[Array, " time"]
    """Date at which the contract after any roll was bought."""
    spot: Float[Array, " time"]
    """Price of the asset at that date."""


class Rolled(AbstractInstrument):
    r"""An option that is re-struck and rolled: sold at its value, and a new one bought.

    At the first date at or after each multiple of `every` (years) a new option of strike
    `moneyness` times the asset's price and a life of `tenor` replaces the old one. The price is
    that of the option of the date, after a roll of the *new* one. A roll multiplies the accrual
    by $P_\text{old}/P_\text{new}$: for one old option one gets that many new ones. In the ledger,
    which pays accrual out in cash, a holding is a number of options of the date: at a roll as
    many are bought as were sold, and the difference in price is paid or received. So gains are
    self-financing over rolls. A roll is no decision of the policy, but the ledger charges what it
    costs: selling what was held of the old option, unless it expired, and buying what is then held
    of the new.

    A worthless option leaves no accrual, which would never recover: it is sold for at least
    $\epsilon P_\text{new}$, where $\epsilon$ is the type's smallest number to the power 0.9/n,
    with n rolls on the path: for 12 rolls 9e-24 in float64 and 1.4e-3 in float32, which gives
    money away: long histories of worthless options want float64.
    An option that expires between two dates is sold at its value at the last date before. The
    factors are the strike and the expiry (years).
    """

    moneyness: Scalar = eqx.field(converter=positive("moneyness"))
    tenor: Scalar = eqx.field(converter=positive("tenor"))
    every: Scalar = eqx.field(converter=positive("every"))
    put: bool = eqx.field(static=True, default=False)
    asset: int = eqx.field(static=True, default=0)

    def __check_init__(self):
        if isinstance(self.tenor, Tracer) or isinstance(self.every, Tracer):
            return
        tenor, every = float(self.tenor), float(self.every)
        if tenor < every * (1.0 - ON_TIME):
            raise ValueError(f"`tenor` must be at least `every`, {every:g}, got {tenor:g}.")

    @property
    def kind(self) -> AbstractClaim:
        return self._option(self.moneyness, self.tenor)

    def n_factors(self, start: Path) -> int:
        return 2

    @property
    def interval(self) -> Scalar:
        return self.every

    def mark(self, pricer: AbstractPricer, path: Path, since: Since | None) -> Column:
        spot = path.prices[:, self.asset]
        old = None if since is None else (since.factors[1] - self.tenor, since.factors[0])
        first = None if old is None else (old[0], old[1] / self.moneyness)
        rolls = rolled(path.time, spot, self.every, first)
        own = jnp.stack([self.moneyness * rolls.spot, rolls.bought + self.tenor], axis=1)
        prices = at_each_date(self.value, pricer, path, own)
        before = at_each_date(self.value, pricer, path, _before(own))
        # Expired since the last date: sold then, and kept as cash.
        late = path.time[1:] > own[:-1, 1] + ON_TIME * self.tenor
        cash = prices[:-1] * path.discount[:-1] / path.discount[1:]
        before = before.at[1:].set(jnp.where(late, cash, before[1:]))
        swap = rolls.now.at[0].set(False)
        ratio = jnp.where(swap, _ratio(before, prices, swap), 1.0)
        start = jnp.ones_like(spot[0]) if since is None else since.accrual
        return Column(prices, start * jnp.cumprod(ratio), own)

    def value(self, pricer: AbstractPricer, now: Snapshot, own: Float[Array, " factor"]) -> Scalar:
        return pricer.price(self._option(own[0], own[1]), now)

    def expiry(self, own: Float[Array, " factor"]) -> Scalar:
        return own[1]

    def _option(self, strike: Scalar, maturity: Scalar) -> AbstractEuropean:
        kind = Put if self.put else Call
        return kind(strike=strike, maturity=maturity, asset=self.asset)

    @classmethod
    def example(cls) -> "Rolled":
        """A typical member, for tests and documentation."""
        return cls(moneyness=1.0, tenor=0.25, every=0.05)


class RolledFuture(AbstractInstrument):
    r"""A future that is rolled at its expiry, or at the last date of the path before that.

    The price F is the futures price, on which costs are charged. A future costs nothing and pays
    its change in cash; the accrual pays what a buyer who puts down F in cash would earn on it:

    $$\frac{A_{k+1}}{A_k} = \frac{F^\text{old}_{k+1} - F_k + F_k D_k/D_{k+1}}{F_{k+1}}, \qquad
    D_{k+1}F_{k+1}\frac{A_{k+1}}{A_k} - D_k F_k = D_{k+1}(F^\text{old}_{k+1} - F_k),$$

    so that the gain of a step is the change of the price, and nothing is gained at a roll; the
    ledger charges the cost of buying the new one.
    Futures prices are forward prices: interest does not depend on the path. The factors are the
    expiry (years).
    """

    tenor: Scalar = eqx.field(converter=positive("tenor"))
    asset: int = eqx.field(static=True, default=0)

    @property
    def kind(self) -> AbstractClaim:
        return Forward(strike=0.0, maturity=self.tenor, asset=self.asset)

    def n_factors(self, start: Path) -> int:
        return 1

    @property
    def interval(self) -> Scalar:
        return self.tenor

    def mark(self, pricer: AbstractPricer, path: Path, since: Since | None) -> Column:
        spot = path.prices[:, self.asset]
        first = None if since is None else (since.factors[0] - self.tenor, spot[0])
        rolls = rolled(path.time, spot, self.tenor, first)
        own = (rolls.bought + self.tenor)[:, None]
        prices = at_each_date(self.value, pricer, path, own)
        before = at_each_date(self.value, pricer, path, _before(own))
        return Column(
            prices, future_accrual(path, prices, before, own[:, 0], self.tenor, since), own
        )

    def value(self, pricer: AbstractPricer, now: Snapshot, own: Float[Array, " factor"]) -> Scalar:
        r"""The strike at which a forward costs nothing: values are linear in the strike."""
        spot = lax.stop_gradient(now.prices[self.asset])
        free = Forward(strike=0.0 * spot, maturity=own[0], asset=self.asset)
        at_spot = Forward(strike=spot, maturity=own[0], asset=self.asset)
        prepaid = pricer.price(free, now)
        return prepaid * spot / (prepaid - pricer.price(at_spot, now))

    def expiry(self, own: Float[Array, " factor"]) -> Scalar:
        return own[0]

    @classmethod
    def example(cls) -> "RolledFuture":
        """A typical member, for tests and documentation."""
        return cls(tenor=0.04)


def future_accrual(
    path: Path,
    prices: Float[Array, " time"],
    before: Float[Array, " time"],
    expiry: Float[Array, " time"],
    tenor: Scalar,
    since: Since | None,
) -> Float[Array, " time"]:
    """The accrual of futures: of their prices, and of those of the contracts they replaced."""
    # Expired since the last date: closed then, at its price.
    late = path.time[1:] > expiry[:-1] + ON_TIME * tenor
    change = jnp.where(late, 0.0, before[1:] - prices[:-1])
    interest = path.discount[:-1] / path.discount[1:]
    ratio = (change + prices[:-1] * interest) / prices[1:]
    start = jnp.ones_like(prices[:1]) if since is None else since.accrual[None]
    return jnp.cumprod(jnp.concatenate([start, ratio]))


def rolled(
    times: Float[Array, " time"],
    spot: Float[Array, " time"],
    every: Scalar,
    first: tuple[Scalar, Scalar] | None,
) -> Rolls:
    """Rolls at the first date at or after each multiple of `every`; at the start, unless `first`.

    `first` is when the contract of the start was bought, and the asset's price then.
    """
    number = jnp.floor(times / every + ON_TIME)
    new = jnp.concatenate([jnp.full(1, first is None), number[1:] > number[:-1]])
    dates = jnp.arange(times.shape[0])
    latest = lax.cummax(jnp.where(new, dates, -1))
    bought, struck = times[latest], spot[latest]
    if first is not None:
        bought = jnp.where(latest < 0, first[0], bought)
        struck = jnp.where(latest < 0, first[1], struck)
    return Rolls(new, bought, struck)


def _before(own: Float[Array, "time factor"]) -> Float[Array, "time factor"]:
    """The factors of the date before, which tell the contract that comes into each date."""
    return jnp.concatenate([own[:1], own[:-1]])


def _ratio(
    old: Float[Array, " time"], new: Float[Array, " time"], swap: Array
) -> Float[Array, " time"]:
    tiny = float(jnp.finfo(new.dtype).tiny)
    n_rolls = jnp.maximum(jnp.sum(swap).astype(new.dtype), 1.0)
    # As many worthless rolls as there are still leave a number that is not 0.
    least = jnp.exp(0.9 * jnp.log(jnp.asarray(tiny, new.dtype)) / n_rolls)
    return jnp.clip(safe.divide(old, new, 1.0), min=least, max=1.0 / least)
