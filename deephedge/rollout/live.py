"""A hedge as quotes arrive: the rollout's own step, one date at a time."""

import dataclasses
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from deephedge.markets.base import Contracts, Path, Snapshot, at_start
from deephedge.policies.base import AbstractPolicy, Account
from deephedge.policies.overlays.triggers import AbstractTrigger
from deephedge.pricing.listed import AbstractListed
from deephedge.rollout.marks import marked
from deephedge.rollout.pressure import two_rows
from deephedge.rollout.problem import HedgingProblem
from deephedge.rollout.step import Aside, Deal, Standing, charged, fill, legs, opened, settle
from deephedge.typing import Array, Bool, Float, PyTree, Scalar

Limits = tuple[AbstractTrigger, ...]


class Quote(eqx.Module):
    """What the market says at one date."""

    time: Scalar
    """Years since the start."""
    prices: Float[Array, " asset"]
    """Of the assets, without what is listed beside them."""
    factors: Float[Array, " factor"]
    rate: Scalar
    """Interest from this date on, a year, continuously compounded."""
    marks: Float[Array, " instrument"]
    """Quotes of what the market lists; not a number where there is none."""


class Live(eqx.Module):
    """A book between two quotes: all that the next one needs."""

    begun: Bool[Array, ""]
    now: Snapshot
    """The market at the last quote."""
    rate: Scalar
    standing: Standing
    """After trading at the last quote."""
    limits: PyTree
    """What the watched limits remember."""


class Tick(eqx.Module):
    """What one quote did; cash amounts in today's money, that of the first quote."""

    before: Snapshot
    now: Snapshot
    held: Float[Array, " asset"]
    """Units held since the quote before."""
    trade: Float[Array, " asset"]
    holdings: Float[Array, " asset"]
    """After the trade."""
    gain: Scalar
    """Of what was held, since the quote before."""
    carry: Scalar
    """What financing charged since the quote before."""
    cost: Scalar
    """Of the trade."""
    wealth: Scalar
    """After the trade."""
    payoff: Scalar
    """Paid at this quote; 0 before the maturity."""
    limits: tuple[Scalar, ...]
    """What the watched limits measure after the trade."""
    breached: tuple[Bool[Array, ""], ...]
    """Whether that is beyond them."""


def open_book(
    problem: HedgingProblem,
    policy: AbstractPolicy,
    limits: Limits,
    quote: Quote,
    *,
    holdings: Float[Array, " asset"],
    cash: Scalar,
) -> Live:
    """The book at its first quote, before `tick` has looked at that quote."""
    now = dataclasses.replace(at_start(quote.prices, quote.factors), time=quote.time)
    if isinstance(problem.market, AbstractListed):
        now = marked(problem.market, now, quote.marks)
    fresh = problem.claim.progress(two_rows(now, now))
    now = dataclasses.replace(now, progress=fresh[0])
    account = Account(holdings, cash + jnp.sum(holdings * now.prices))
    return Live(
        begun=jnp.asarray(False),
        now=now,
        rate=quote.rate,
        standing=opened(problem, policy, account),
        limits=tuple(limit.init() for limit in limits),
    )


def tick(
    problem: HedgingProblem,
    policy: AbstractPolicy,
    limits: Limits,
    live: Live,
    quote: Quote,
    dividend: Scalar,
) -> tuple[Live, Tick]:
    r"""Settle the step that ends at a quote, then decide and trade at it.

    The numbers are those of `rollout` on the path of the quotes, with the discount
    $D' = D e^{-r\Delta}$ and the accrual $A' = A e^{q\Delta}$ of a step of $\Delta$ years, r the
    rate at its start. Trades are taken as filled at the quote, at the problem's cost.
    """
    come = _arrived(problem, live, quote, dividend)
    now, standing = come.path.at(1), come.standing
    aside = Aside(None, None, come.contracts)
    filled, deal = fill(problem, policy, standing, policy.observe(now), now, aside)
    watched = [
        limit.measure(limit.observe(now), filled.account, memory)
        for limit, memory in zip(limits, live.limits, strict=True)
    ]
    done = Tick(
        before=live.now,
        now=now,
        held=standing.account.holdings,
        trade=deal.trade,
        holdings=filled.account.holdings,
        gain=come.gain,
        carry=come.carry,
        cost=deal.cost,
        wealth=filled.account.wealth,
        payoff=jnp.zeros_like(deal.cost),
        limits=tuple(value for value, _ in watched),
        breached=tuple(x.fires(value) for x, (value, _) in zip(limits, watched, strict=True)),
    )
    memories = tuple(memory for _, memory in watched)
    return Live(jnp.asarray(True), now, quote.rate, filled, memories), done


def expire(problem: HedgingProblem, live: Live, quote: Quote, dividend: Scalar) -> Tick:
    """Settle the last step and the claim; the hedge is closed if the problem charges for that."""
    come = _arrived(problem, live, quote, dividend)
    account, now = come.standing.account, come.path.at(1)
    trade = -account.holdings if problem.close_out else jnp.zeros_like(account.holdings)
    parts = legs(account.holdings, account.holdings + trade, trade, come.contracts)
    cost = charged(problem, parts, now, None, come.contracts)
    return Tick(
        before=live.now,
        now=now,
        held=account.holdings,
        trade=trade,
        holdings=account.holdings + trade,
        gain=come.gain,
        carry=come.carry,
        cost=cost,
        wealth=account.wealth - cost,
        payoff=now.discount * problem.claim.payoff(come.path),
        limits=tuple(jnp.zeros_like(cost) for _ in live.limits),
        breached=tuple(jnp.asarray(False) for _ in live.limits),
    )


class _Arrived(NamedTuple):
    """A quote once the step that ends there is settled, before any trade at it."""

    path: Path
    """From the quote before to this one."""
    standing: Standing
    gain: Scalar
    carry: Scalar
    contracts: Contracts | None
    """That the columns are at the quote."""


def _arrived(problem: HedgingProblem, live: Live, quote: Quote, dividend: Scalar) -> _Arrived:
    before, filled = live.now, live.standing
    now = _next(problem, live, quote, dividend)
    path = two_rows(before, now)
    grown = problem.claim.progress(path)
    progress = jnp.where(live.begun, grown, jnp.broadcast_to(before.progress, grown.shape))
    path = dataclasses.replace(path, progress=progress)
    kept = now.discount * now.prices * now.accrual / before.accrual
    gain = jnp.sum(filled.account.holdings * (kept - before.discount * before.prices))
    years = None if problem.financing is None else now.time - before.time
    aside = Aside(None, years, None)
    nothing = Deal(jnp.zeros_like(filled.account.holdings), jnp.zeros_like(gain))
    standing, steps = settle(problem, filled, filled, nothing, gain, before, aside)
    carry = jnp.zeros_like(gain) if steps.carry is None else steps.carry
    contracts = problem.market.contracts(path)
    contracts = None if contracts is None else jax.tree.map(lambda x: x[1], contracts)
    return _Arrived(path, standing, gain, carry, contracts)


def _next(problem: HedgingProblem, live: Live, quote: Quote, dividend: Scalar) -> Snapshot:
    """The market at a quote, before the claim has looked at it."""
    before = live.now
    listed = problem.market if isinstance(problem.market, AbstractListed) else None
    assets = before if listed is None else listed.assets_at(before)
    years = quote.time - before.time
    now = dataclasses.replace(
        assets,
        time=quote.time,
        prices=quote.prices,
        factors=quote.factors,
        discount=before.discount * jnp.exp(-live.rate * years),
        accrual=assets.accrual * jnp.exp(dividend * years),
    )
    if listed is None:
        return now
    now = marked(listed, now, quote.marks, before)
    # The first quote opens the book: no contract has remembered anything since.
    return jax.tree.map(lambda new, old: jnp.where(live.begun, new, old), now, before)
