"""A basket, and far out-of-the-money options bought again and again."""

import dataclasses
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.core import Tracer

from deephedge.claims.vanilla import Call
from deephedge.markets.base import Snapshot
from deephedge.markets.black_scholes import BlackScholes
from deephedge.numerics import safe
from deephedge.numerics.checks import non_negative, optional, per_asset, positive, real
from deephedge.policies.base import AbstractPolicy, Account
from deephedge.policies.insurance.base import mix
from deephedge.pricing.instruments import ON_TIME, AbstractInstrument, Held
from deephedge.pricing.listed import AbstractListed, ListedModel
from deephedge.pricing.rolled import Rolled
from deephedge.typing import Array, Bool, Float, Scalar


class Programme(eqx.Module):
    """What a tail hedge remembers of its last purchase."""

    begun: Bool[Array, ""]
    expiry: Scalar
    """Of the options held (years)."""
    paid: Scalar
    """For a package, in cash of that date."""
    packages: Scalar
    """Bought then."""
    peak: Scalar
    """The highest price of a package since then, over what was paid."""
    kept: Scalar
    """Share of what was bought that has not been sold."""


class Seen(NamedTuple):
    """What the rule makes of a snapshot."""

    prices: Float[Array, " asset"]
    discount: Scalar
    expiry: Scalar


class TailHedge(AbstractPolicy):
    r"""All in a basket, but for a budget spent at each roll on a package of rolled options.

    At the start and whenever the market rolls the options, $n$ packages are held,

    $$n_k = b\,\Delta\,\frac{W_k}{Q_k}, \qquad Q_k = \sum_i u_i P_i,$$

    with $b$ `budget`, the share of wealth spent on options in a year, $\Delta$ the years from roll
    to roll, $u_i$ `units` of the options in `columns` that a package has, and $Q_k$ its price.
    The rest, $W_k - n_k Q_k$, is in the basket. One column with one unit is a put; two with
    (1, -1) a put spread; of a `RolledVariance` the budget is all that is put down for it, and so
    the most that can be lost. Options that still have value are sold at the roll: less than
    the budget is lost where they live longer than $\Delta$.

    **Monetisation**: once the package has been worth `multiples` times what was paid for it, a
    share `sold` of it is sold, until the next roll; with several levels, more at each. What it
    brings goes into the basket at once (`reinvest`), or waits in cash for the next roll.

    What trading and rolling cost is borrowed until the next roll.

    Args:
        market: that lists the options; those of a package must roll at the same dates.
        budget: share of wealth spent in a year.
        columns: of the prices, where the options of a package are; 1 is the first listed beside
            one asset.
        units: of each of them in a package.
        weights: shares of the assets in the basket.
        multiples: levels of the package's price at which it is sold; nothing is unless given.
        sold: the share of the purchase that has been sold from each level on.

    Reference: Bhansali (2014), Tail Risk Hedging, for budgets and monetisation; Ilmanen, Thapar,
    Tummala and Villalon (2021), Tail risk hedging: contrasting put and trend strategies, for what
    the budget loses.
    """

    market: AbstractListed
    budget: Scalar = eqx.field(converter=non_negative("budget"))
    columns: tuple[int, ...] = eqx.field(static=True, converter=tuple, default=(1,))
    units: Float[Array, " option"] = eqx.field(converter=per_asset(real("units")), default=1.0)
    weights: Float[Array, " asset"] = eqx.field(converter=mix, default=1.0)
    multiples: Float[Array, " level"] | None = eqx.field(
        converter=optional(per_asset(positive("multiples"))), default=None
    )
    sold: Float[Array, " level"] = eqx.field(converter=per_asset(non_negative("sold")), default=1.0)
    reinvest: bool = eqx.field(static=True, default=True)

    def __check_init__(self):
        n_listed = len(self.market.instruments)
        n_assets = self.weights.shape[0]
        listed = range(n_assets, n_assets + n_listed)
        if not self.columns or any(j not in listed for j in self.columns):
            raise ValueError(
                f"`columns` must be columns of the listed options, {listed[0]} to {listed[-1]} "
                f"beside {n_assets} assets with `weights`, got {list(self.columns)}."
            )
        if self.units.shape[0] != len(self.columns):
            raise ValueError(
                f"`units` must be one number for each of the {len(self.columns)} columns, got "
                f"{self.units.shape[0]}."
            )
        n_levels = 1 if self.multiples is None else self.multiples.shape[0]
        if self.sold.shape[0] not in (1, n_levels):
            raise ValueError(
                f"`sold` must be one share, or one for each of the {n_levels} multiples, got "
                f"{self.sold.shape[0]}."
            )
        if not isinstance(self.sold, Tracer) and float(jnp.max(self.sold)) > 1.0:
            raise ValueError(f"`sold` must be at most 1, got {float(jnp.max(self.sold)):g}.")
        intervals = [x.interval for x in self._package()]
        if any(x is None for x in intervals) or not _equal(intervals):
            raise ValueError(
                "`columns` must be of instruments that are rolled, at the same dates; list them "
                "as `Rolled(moneyness, tenor=..., every=..., put=True)` of the same `every`."
            )

    def _package(self) -> list[AbstractInstrument]:
        n_assets = self.weights.shape[0]
        return [self.market.instruments[j - n_assets] for j in self.columns]

    def init(self) -> Programme:
        one = jnp.ones_like(self.budget)
        return Programme(jnp.asarray(False), -one, one, 0.0 * one, one, one)

    def observe(self, now: Snapshot) -> Seen:
        own = self.market.own_factors(now)[self.columns[0] - self.weights.shape[0]]
        return Seen(now.prices, now.discount, self._package()[0].expiry(own))

    def act(
        self, seen: Seen, account: Account, memory: Programme
    ) -> tuple[Float[Array, " asset"], Programme]:
        n_assets, columns = self.weights.shape[0], jnp.asarray(self.columns)
        wealth = account.wealth / seen.discount
        price = jnp.sum(self.units * seen.prices[columns])
        memory, buys = self._bought(memory, seen.expiry, wealth, price)
        memory, sells = self._monetised(memory, price)
        packages = memory.packages * memory.kept

        invested = wealth - packages * price
        basket = self.weights * safe.divide(invested, seen.prices[:n_assets])
        rebalances = buys | sells if self.reinvest else buys
        assets = jnp.where(rebalances, basket, account.holdings[:n_assets])
        options = jnp.zeros_like(account.holdings[n_assets:])
        options = options.at[columns - n_assets].set(packages * self.units)
        return jnp.concatenate([assets, options]), memory

    def _bought(
        self, memory: Programme, expiry: Scalar, wealth: Scalar, price: Scalar
    ) -> tuple[Programme, Bool[Array, ""]]:
        """The memory after a purchase, if today is one; whether it is."""
        interval = self._package()[0].interval
        assert interval is not None  # as checked when it was built
        buys = ~memory.begun | (expiry != memory.expiry)
        spent = self.budget * interval * jnp.maximum(wealth, 0.0)
        # A package that is worth nothing, or owes money, cannot be bought for a budget.
        worth = jnp.where(price > 0, price, 0.0)
        new = Programme(
            begun=jnp.asarray(True),
            expiry=expiry,
            paid=worth,
            packages=safe.divide(spent, worth),
            peak=jnp.ones_like(price),
            kept=jnp.ones_like(price),
        )
        return jax.tree.map(lambda a, b: jnp.where(buys, a, b), new, memory), buys

    def _monetised(self, memory: Programme, price: Scalar) -> tuple[Programme, Bool[Array, ""]]:
        """The memory after a sale, if the price calls for one; whether it does."""
        if self.multiples is None:
            return memory, jnp.asarray(False)
        peak = jnp.maximum(memory.peak, safe.divide(price, memory.paid))
        kept = jnp.min(jnp.where(peak >= self.multiples, 1.0 - self.sold, 1.0))
        after = dataclasses.replace(memory, peak=peak, kept=kept)
        return after, kept < memory.kept

    @classmethod
    def example(cls) -> "TailHedge":
        """A typical member, for tests and documentation."""
        options = (
            Rolled(0.95, tenor=0.125, every=0.1, put=True),
            Rolled(0.9, tenor=0.125, every=0.1, put=True),
            Held(Call(strike=105.0, maturity=0.25)),
        )
        market = ListedModel(BlackScholes.example(), options)
        return cls(market, budget=0.05, columns=(1, 2), units=(1.0, -0.5), multiples=(1.5, 3.0))


def _equal(intervals: list[Scalar | None]) -> bool:
    known = [float(x) for x in intervals if x is not None and not isinstance(x, Tracer)]
    return not known or max(known) - min(known) <= ON_TIME * max(known)
