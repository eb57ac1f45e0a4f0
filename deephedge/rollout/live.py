"""A hedge as quotes arrive: the rollout's own step, one date at a time."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp

from deephedge.markets.base import Path, Snapshot, at_start
from deephedge.policies.base import AbstractPolicy, Account
from deephedge.policies.overlays.triggers import AbstractTrigger
from deephedge.rollout.pressure import two_rows
from deephedge.rollout.problem import HedgingProblem
from deephedge.rollout.step import Aside, Deal, Standing, fill, opened, settle
from deephedge.typing import Array, Bool, Float, PyTree, Scalar

Limits = tuple[AbstractTrigger, ...]


class Quote(eqx.Module):
    """What the market says at one date."""

    time: Scalar
    """Years since the start."""
    prices: Float[Array, " asset"]
    factors: Float[Array, " factor"]
    rate: Scalar
    """Interest from this date on, a year, continuously compounded."""


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
    fresh = problem.claim.progress(two_rows(now, now))
    now = dataclasses.replace(now, progress=fresh[0])
    account = Account(holdings, cash + jnp.sum(holdings * quote.prices))
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
    before, path, standing, gain, carry = _arrived(problem, live, quote, dividend)
    now = path.at(1)
    filled, deal = fill(
        problem, policy, standing, policy.observe(now), now, Aside(None, None, None)
    )
    watched = [
        limit.measure(limit.observe(now), filled.account, memory)
        for limit, memory in zip(limits, live.limits, strict=True)
    ]
    done = Tick(
        before=before,
        now=now,
        held=standing.account.holdings,
        trade=deal.trade,
        holdings=filled.account.holdings,
        gain=gain,
        carry=carry,
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
    before, path, standing, gain, carry = _arrived(problem, live, quote, dividend)
    account, now = standing.account, path.at(1)
    trade = -account.holdings if problem.close_out else jnp.zeros_like(account.holdings)
    cost = now.discount * problem.charge(trade, now)
    return Tick(
        before=before,
        now=now,
        held=account.holdings,
        trade=trade,
        holdings=account.holdings + trade,
        gain=gain,
        carry=carry,
        cost=cost,
        wealth=account.wealth - cost,
        payoff=now.discount * problem.claim.payoff(path),
        limits=tuple(jnp.zeros_like(cost) for _ in live.limits),
        breached=tuple(jnp.asarray(False) for _ in live.limits),
    )


def _arrived(
    problem: HedgingProblem, live: Live, quote: Quote, dividend: Scalar
) -> tuple[Snapshot, Path, Standing, Scalar, Scalar]:
    """The quote before, the path from it to this one, and the account once the step is over."""
    before, filled = live.now, live.standing
    years = quote.time - before.time
    now = dataclasses.replace(
        before,
        time=quote.time,
        prices=quote.prices,
        factors=quote.factors,
        discount=before.discount * jnp.exp(-live.rate * years),
        accrual=before.accrual * jnp.exp(dividend * years),
    )
    path = two_rows(before, now)
    grown = problem.claim.progress(path)
    progress = jnp.where(live.begun, grown, jnp.broadcast_to(before.progress, grown.shape))
    path = dataclasses.replace(path, progress=progress)
    kept = now.discount * now.prices * now.accrual / before.accrual
    gain = jnp.sum(filled.account.holdings * (kept - before.discount * before.prices))
    aside = Aside(None, None if problem.financing is None else years, None)
    nothing = Deal(jnp.zeros_like(filled.account.holdings), jnp.zeros_like(gain))
    standing, steps = settle(problem, filled, filled, nothing, gain, before, aside)
    carry = jnp.zeros_like(gain) if steps.carry is None else steps.carry
    return before, path, standing, gain, carry
