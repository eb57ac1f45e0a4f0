"""Where the P&L of hedged paths comes from, step by step."""

import dataclasses
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from deephedge.claims.no_claim import NoClaim
from deephedge.markets.base import Path
from deephedge.numerics.checks import at_least_one
from deephedge.numerics.draws import AbstractSource, Draws, pseudo
from deephedge.policies.base import AbstractPolicy
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.listed import AbstractListed
from deephedge.reports.attribution import Attribution, Book, attribute_step
from deephedge.rollout.ledger import Ledger, rollout
from deephedge.rollout.problem import HedgingProblem
from deephedge.rollout.sample import at_once
from deephedge.typing import Array, Float, PRNGKeyArray, PyTree

Keep = Callable[[Attribution], PyTree]


def every_step(parts: Attribution) -> Attribution:
    """Keep everything: a number a part and step."""
    return parts


def whole_path(parts: Attribution) -> Attribution:
    """Keep the sums over the path: a number a part."""
    return jax.tree.map(jnp.sum, parts)


def attribute(
    problem: HedgingProblem, ledger: Ledger, path: Path, pricer: AbstractPricer | None
) -> Attribution:
    """Split the P&L of one hedged path: the parts of all steps add up to `ledger.pnl`.

    The book of a step is the claim, sold, and the ledger's holdings; see `attribute_step`.
    Instruments that a `Listed` market lists are split by their own pricers. Under permanent
    impact the path is the one that the trades made of `path`. The cost of closing the hedge is
    one of the last step. The book's parts are those that `pricer` sees: another pricer moves
    P&L between the premium's edge, the Greeks and the residual, never the sum.

    Args:
        problem: that was hedged.
        ledger: of that path.
        path: the market's, as it was given to the rollout.
        pricer: of the claim; `None` where nothing is sold.
    """
    path = _as_traded(problem, ledger, path)
    rows, heavy = path.snapshots(), _is_heavy(problem, pricer)
    before, after = (jax.tree.map(lambda x, s=s: x[s], rows) for s in (slice(-1), slice(1, None)))
    sold = None if isinstance(problem.claim, NoClaim) else pricer
    marks = jnp.zeros_like(ledger.gains)
    if sold is not None:
        marks = _each(lambda now: now.discount * sold.price(problem.claim, now), before, heavy)
    gains = ledger.gains - jnp.diff(jnp.append(marks, ledger.payoff))
    costs = ledger.costs[:-1].at[-1].add(ledger.costs[-1])

    def one(row: tuple) -> Attribution:
        holdings, gain, cost, financing, start, end = row
        book = _book(problem, holdings, sold)
        return attribute_step(book, start, end, gain=gain, cost=cost, financing=financing)

    parts = _each(one, (ledger.holdings, gains, costs, ledger.carry, before, after), heavy)
    edge = parts.edge.at[0].set(ledger.premium - marks[0])
    return dataclasses.replace(parts, edge=edge)


def attribute_paths(
    problem: HedgingProblem,
    ledgers: Ledger,
    paths: Path,
    pricer: AbstractPricer | None,
    *,
    keep: Keep = every_step,
    batch_size: int | None = None,
) -> PyTree:
    """Split the P&L of many paths with their ledgers, `batch_size` in memory at a time.

    `keep` says what of each path is returned: `every_step`, `whole_path`, or your own function.
    """
    size = at_once(problem, paths.time.shape[0], batch_size)
    return _attributed(problem, ledgers, paths, pricer, keep, size)


@eqx.filter_jit
def _attributed(
    problem: HedgingProblem,
    ledgers: Ledger,
    paths: Path,
    pricer: AbstractPricer | None,
    keep: Keep,
    batch_size: int,
) -> PyTree:
    def one(inputs: tuple[Ledger, Path]) -> PyTree:
        return keep(attribute(problem, *inputs, pricer))

    return lax.map(one, (ledgers, paths), batch_size=batch_size)


def sample_attribution(
    problem: HedgingProblem,
    policy: AbstractPolicy,
    pricer: AbstractPricer,
    n_paths: int,
    *,
    key: PRNGKeyArray,
    draws: Draws = pseudo,
    keep: Keep = whole_path,
    batch_size: int | None = None,
) -> PyTree:
    """Hedge along fresh paths, those of `sample` with the same key, and split their P&L."""
    at_least_one(n_paths=n_paths)
    dtype = problem.times.dtype
    source = draws(key, n_paths, problem.n_steps, problem.normals_per_step, dtype)
    size = at_once(problem, n_paths, batch_size)
    return _sampled(problem, policy, pricer, source, n_paths, keep, size)


@eqx.filter_jit
def _sampled(
    problem: HedgingProblem,
    policy: AbstractPolicy,
    pricer: AbstractPricer,
    source: AbstractSource,
    n_paths: int,
    keep: Keep,
    batch_size: int,
) -> PyTree:
    own = problem.market.normals_per_step

    def one(index: Array) -> PyTree:
        normals = source(index)
        path = problem.market.path(problem.times, normals[:, :own])
        ledger = rollout(problem, policy, path, problem.slips(normals[:, own:]))
        return keep(attribute(problem, ledger, path, pricer))

    return lax.map(one, jnp.arange(n_paths), batch_size=batch_size)


def _as_traded(problem: HedgingProblem, ledger: Ledger, path: Path) -> Path:
    """The path with the prices that the trades have moved, and what the claim remembers."""
    if problem.impact is not None:
        shift = jnp.cumsum(jax.vmap(problem.impact.shift)(ledger.trades[:-1]), axis=0)
        prices = path.prices.at[1:].multiply(jnp.exp(shift))
        path = dataclasses.replace(path, prices=prices)
    return dataclasses.replace(path, progress=problem.claim.progress(path))


def _book(
    problem: HedgingProblem, holdings: Float[Array, " asset"], pricer: AbstractPricer | None
) -> Book:
    listed = problem.market if isinstance(problem.market, AbstractListed) else None
    if pricer is None:
        return Book(holdings, listed=listed)
    sold = -jnp.ones_like(holdings[:1])
    return Book(holdings, (problem.claim,), sold, (pricer,), listed=listed)


def _is_heavy(problem: HedgingProblem, pricer: AbstractPricer | None) -> bool:
    """Whether a pricer is too heavy to price all dates at once."""
    listed = problem.market.pricers() if isinstance(problem.market, AbstractListed) else ()
    return any(p.effort >= 2 for p in (pricer, *listed) if p is not None)


def _each(function: Callable, rows: PyTree, heavy: bool) -> PyTree:
    """The function of every date: all at once, or one after another."""
    return lax.map(function, rows) if heavy else jax.vmap(function)(rows)
