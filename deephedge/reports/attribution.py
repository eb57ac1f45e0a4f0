"""Where the P&L of one step of a book comes from: Greeks times moves, carry, costs, and a rest."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.markets.base import Snapshot
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.greeks import GREEKS, derivative
from deephedge.pricing.listed import AbstractListed
from deephedge.typing import Array, Float, Scalar


class Book(eqx.Module):
    """Positions that stand still over a step.

    Args:
        holdings: units of each column of the market's prices.
        claims: other contracts.
        units: how many of each claim; negative: sold.
        pricers: that values each claim.
        listed: the market, if some of its columns are listed instruments: they are then valued by
            its own pricers and have Greeks of their own. Left out, every column is an asset whose
            price is its value.
    """

    holdings: Float[Array, " asset"]
    claims: tuple[AbstractClaim, ...] = ()
    units: Float[Array, " claim"] | None = None
    pricers: tuple[AbstractPricer, ...] = ()
    listed: AbstractListed | None = None

    def __check_init__(self):
        n_units = 0 if self.units is None else self.units.shape[0]
        if not len(self.claims) == n_units == len(self.pricers):
            raise ValueError(
                "`claims` must each have one of `units` and one of `pricers`, got "
                f"{len(self.claims)} claims, {n_units} units and {len(self.pricers)} pricers."
            )

    def value(self, now: Snapshot, since: Snapshot) -> Scalar:
        """Worth at `now`, in its cash, of the book as it was at `since`.

        Dividends paid since are reinvested, rolled instruments are the contracts of `since`, and
        one that had expired by then is left out: it is cash. A claim is priced at `now.progress`.
        """
        grown = self.holdings * now.accrual / since.accrual
        if self.listed is None:
            worth = jnp.sum(grown * now.prices)
        else:
            assets = self.listed.assets_at(now)
            worth = jnp.sum(grown[: assets.prices.shape[0]] * assets.prices)
            held = self.holdings[assets.prices.shape[0] :]
            worth = worth + self.listed.worth(held, assets, since)
        for i, (claim, pricer) in enumerate(zip(self.claims, self.pricers, strict=True)):
            assert self.units is not None  # checked at construction
            worth = worth + self.units[i] * pricer.price(claim, now)
        return worth

    def gain(self, before: Snapshot, after: Snapshot) -> Scalar:
        """What the book earns over a step, in today's money, dividends included."""
        earned = after.discount * self.value(after, before)
        return earned - before.discount * self.value(before, before)


class Attribution(eqx.Module):
    """The parts of a P&L, in today's money; they add up to `total`. A gain is positive.

    Several steps or paths add leading axes to every field.
    """

    edge: Float[Array, "*step"]
    """At the first date: the premium above what the pricer says the claim is worth."""
    carry: Float[Array, "*step"]
    """Dividends, and interest on what the book is worth."""
    theta: Float[Array, "*step"]
    """Slope in time, times the time."""
    delta: Float[Array, "*step"]
    """Slopes in the prices, times their moves."""
    gamma: Float[Array, "*step"]
    """Half of the second derivatives in the prices, cross ones included, times the moves twice."""
    vega: Float[Array, "*step"]
    """Slopes in the factors (variance, quoted vol), times their moves."""
    vanna: Float[Array, "*step"]
    """Cross derivatives in prices and factors, times both moves."""
    volga: Float[Array, "*step"]
    """Half of the second derivatives in the factors, times the moves twice."""
    cost: Float[Array, "*step"]
    """What trades cost: never above 0 but for slippage."""
    financing: Float[Array, "*step"]
    """What financing charges beyond interest at the market's rate."""
    residual: Float[Array, "*step"]
    """All else: higher orders, new memory of the claim, and a market that left the model."""

    @property
    def total(self) -> Float[Array, "*step"]:
        """The sum of the parts."""
        return jnp.sum(jnp.stack(list(vars(self).values())), axis=0)


def attribute_step(
    book: Book,
    before: Snapshot,
    after: Snapshot,
    *,
    gain: Scalar | None = None,
    cost: Scalar | float = 0.0,
    financing: Scalar | float = 0.0,
) -> Attribution:
    r"""Split what a book earned between two dates, in today's money.

    With $F(S, x, t)$ the worth of the book at prices S, factors x and time t, and discount D,

    $$\begin{aligned}
    D'F' - DF - \text{cost} - \text{financing} ={}& (D' - D)F + D'\,\text{dividends}
    + D'\bigl(F_t\,\delta t + F_S\,\delta S + \tfrac12 F_{SS}\,\delta S^2 \\
    &+ F_x\,\delta x + F_{Sx}\,\delta S\,\delta x + \tfrac12 F_{xx}\,\delta x^2\bigr)
    - \text{cost} - \text{financing} + \text{residual},
    \end{aligned}$$

    derivatives taken at `before`. The residual is what is left, so that the parts add up.
    In a model with a constant vol nothing is vega; where the vol is a factor, as that of
    `QuotedBlackScholes`, the change of the quote is.

    Args:
        book: as it stood over the step, after trading at `before`.
        before: the market at its start.
        after: the market at its end.
        gain: what the book earned, in today's money, before costs; `book.gain` unless given.
        cost: what trades of the step cost, in today's money.
        financing: what carrying the book cost, in today's money.
    """
    start = dataclasses.replace(before, accrual=after.accrual)
    value = book.value(before, before)
    if gain is None:
        gain = book.gain(before, after)
    zero = jnp.zeros_like(value)
    parts = {
        "edge": zero,
        "carry": after.discount * book.value(start, before) - before.discount * value,
        **dict.fromkeys(("vega", "vanna", "volga"), zero),
        **_by_greeks(book, before, after),
    }
    residual = gain - jnp.sum(jnp.stack(list(parts.values())))
    return Attribution(**parts, cost=zero - cost, financing=zero - financing, residual=residual)


def _by_greeks(book: Book, before: Snapshot, after: Snapshot) -> dict[str, Scalar]:
    """Greeks times moves, in today's money; those of the factors where there are any."""
    start = dataclasses.replace(before, accrual=after.accrual)
    moves = after.prices - before.prices, after.factors - before.factors, after.time - before.time

    def worth(shares: tuple[Scalar, Scalar, Scalar, Scalar]) -> Scalar:
        """Once shares of the moves of the step have happened, in the order of `VARIABLES`."""
        spot, vol, _, time = shares
        moved = dataclasses.replace(
            start,
            prices=start.prices + spot * moves[0],
            factors=start.factors + vol * moves[1],
            time=start.time + time * moves[2],
        )
        return book.value(moved, before)

    def part(greek: str) -> Scalar:
        weight = 0.5 if greek in ("gamma", "volga") else 1.0
        return weight * after.discount * derivative(worth, start, GREEKS[greek])

    moving = ("theta", "delta", "gamma")
    if _factors(book, before):
        moving = (*moving, "vega", "vanna", "volga")
    return {greek: part(greek) for greek in moving}


def _factors(book: Book, now: Snapshot) -> int:
    """How many factors the model has; those of listed contracts stand still over a step."""
    assets = now if book.listed is None else book.listed.assets_at(now)
    return assets.factors.shape[0]
