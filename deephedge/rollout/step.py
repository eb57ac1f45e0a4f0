"""One date of a hedge: an order is decided and filled, and the step after it settled."""

import dataclasses
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp

from deephedge.markets.base import Contracts, Snapshot
from deephedge.policies.base import AbstractPolicy, Account
from deephedge.rollout.problem import HedgingProblem
from deephedge.typing import Array, Float, PyTree, Scalar


class Standing(eqx.Module):
    """What the hedger carries from date to date."""

    account: Account
    memory: PyTree
    """The policy's."""
    order: Float[Array, " asset"] | None
    """Under delay, the holdings that were decided at the date before and are not traded yet."""


class Aside(NamedTuple):
    """What some problems need at a date beside the snapshot; `None` where they do not."""

    normals: Float[Array, " asset"] | None
    """That slippage draws."""
    years: Scalar | None
    """Until the next date: what financing is charged for."""
    contracts: Contracts | None
    """That the columns are at the date."""


class Deal(NamedTuple):
    """What was traded at a date, and what that cost in today's money."""

    trade: Float[Array, " asset"]
    cost: Scalar


class Steps(NamedTuple):
    """What a step did; stacked, what each did."""

    holdings: Float[Array, "*step asset"]
    trades: Float[Array, "*step asset"]
    gains: Float[Array, "*step"]
    costs: Float[Array, "*step"]
    carry: Float[Array, "*step"] | None
    wealth: Float[Array, "*step"]
    """Before trading."""


class Legs(NamedTuple):
    """The units that change hands at a date: a roll sells one contract and buys another."""

    units: Float[Array, "*time asset"]
    """Of the contracts of the date, bought."""
    old: Float[Array, "*time asset"] | None
    """Of those that they replaced, bought: what was held of them, with the other sign."""


def legs(
    held: Float[Array, "*time asset"],
    wanted: Float[Array, "*time asset"],
    trade: Float[Array, "*time asset"],
    contracts: Contracts | None,
) -> Legs:
    """A trade as the contracts make it; a contract that has been paid out is not sold."""
    if contracts is None:
        return Legs(trade, None)
    if contracts.new is None:
        return Legs(jnp.where(contracts.cash, 0.0, trade), None)
    bought = jnp.where(contracts.new, wanted, trade)
    sold = jnp.where(contracts.new & (contracts.old > 0), -held, 0.0)
    return Legs(jnp.where(contracts.cash, 0.0, bought), sold)


def charged(
    problem: HedgingProblem,
    legs: Legs,
    now: Snapshot,
    normals: Float[Array, " asset"] | None,
    contracts: Contracts | None,
) -> Scalar:
    """What a trade and the rolls of its date cost, in today's money."""
    cost = problem.charge(legs.units, now, normals)
    if contracts is not None and legs.old is not None:
        before = dataclasses.replace(now, prices=now.prices * contracts.old)
        cost = cost + problem.charge(legs.old, before, normals)
    return now.discount * cost


def opened(problem: HedgingProblem, policy: AbstractPolicy, account: Account) -> Standing:
    """Where a hedge begins: no order waits."""
    return Standing(account, policy.init(), account.holdings if problem.delayed else None)


def fill(
    problem: HedgingProblem,
    policy: AbstractPolicy,
    before: Standing,
    seen: PyTree,
    now: Snapshot,
    aside: Aside,
) -> tuple[Standing, Deal]:
    """Decide and trade; under delay, trade what waits and then decide what to trade next."""
    account, memory, order = before.account, before.memory, before.order
    if order is None:
        holdings, memory = policy.act(seen, account, memory)
        if holdings.shape != account.holdings.shape:
            raise ValueError(
                f"`policy` must say what to hold of each of the market's "
                f"{account.holdings.shape[0]} assets, got shape {holdings.shape}."
            )
    else:
        holdings = order
    holdings, trade = problem.traded(account.holdings, holdings)
    parts = legs(account.holdings, holdings, trade, aside.contracts)
    cost = charged(problem, parts, now, aside.normals, aside.contracts)
    filled = Account(holdings=holdings, wealth=account.wealth - cost)
    if order is not None:
        order, memory = policy.act(seen, filled, memory)
    return Standing(filled, memory, order), Deal(trade, cost)


def settle(
    problem: HedgingProblem,
    before: Standing,
    filled: Standing,
    deal: Deal,
    gain: Scalar,
    now: Snapshot,
    aside: Aside,
) -> tuple[Standing, Steps]:
    """The account at the next date, and what the step did."""
    holdings, carry = filled.account.holdings, None
    wealth = before.account.wealth + gain - deal.cost
    if aside.years is not None:
        carry = now.discount * problem.carry(filled.account, now, aside.years)
        wealth = wealth - carry
    account = Account(holdings=holdings, wealth=wealth)
    steps = Steps(holdings, deal.trade, gain, deal.cost, carry, before.account.wealth)
    return Standing(account, filled.memory, filled.order), steps
