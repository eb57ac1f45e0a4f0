"""Hedging along a path whose prices the hedger's own trades push."""

import dataclasses

import jax
import jax.numpy as jnp
from jax import lax

from deephedge.markets.base import Path, Snapshot
from deephedge.policies.base import AbstractPolicy, Account
from deephedge.rollout.problem import HedgingProblem
from deephedge.rollout.step import Aside, Standing, Steps, fill, settle
from deephedge.typing import Array, Float, PyTree


def pressed(
    problem: HedgingProblem,
    policy: AbstractPolicy,
    path: Path,
    opening: Standing,
    asides: Aside,
    keep: bool,
) -> tuple[Path, Account, Steps, PyTree]:
    r"""The path that the trades made of `path`, the account at its end, and what each step did.

    Then the policy's memory after each decision, if it is to be kept.

    With $I_k$ the shift of the log-prices by the trades of the dates before k, the price at date
    k is $S_k e^{I_k}$: the market's own returns are kept, and its factors, also where a model's
    volatility depends on the price. The policy observes, and the claim remembers, inside the scan:
    `progress` goes on from row to row, as on a path in mid-life.
    """
    assert problem.impact is not None  # `rollout` calls this for no other problem
    impact, dates = problem.impact, path.snapshots()

    def step(carry, rows: tuple[Snapshot, Snapshot, Aside]):
        standing, shift, progress = carry
        before, after, aside = rows
        now = dataclasses.replace(before, prices=before.prices * jnp.exp(shift), progress=progress)
        filled, deal = fill(problem, policy, standing, policy.observe(now), now, aside)
        shift = shift + impact.shift(deal.trade)
        prices = after.prices * jnp.exp(shift)
        later = dataclasses.replace(after, prices=prices, progress=progress)
        kept = later.discount * prices * later.accrual / now.accrual
        gain = jnp.sum(filled.account.holdings * (kept - now.discount * now.prices))
        progress = problem.claim.progress(two_rows(now, later))[1]
        standing, steps = settle(problem, standing, filled, deal, gain, now, aside)
        memory = standing.memory if keep else None
        return (standing, shift, progress), (steps, shift, progress, memory)

    none = jnp.zeros_like(path.prices[0])
    (closing, *_), (steps, shifts, progress, memories) = lax.scan(
        jax.checkpoint(step),
        (opening, none, path.progress[0]),
        (jax.tree.map(lambda x: x[:-1], dates), jax.tree.map(lambda x: x[1:], dates), asides),
    )
    return _moved(path, shifts, progress), closing.account, steps, memories


def _moved(
    path: Path, shifts: Float[Array, "step asset"], progress: Float[Array, "step progress"]
) -> Path:
    factor = jnp.concatenate([jnp.ones_like(path.prices[:1]), jnp.exp(shifts)])
    progress = jnp.concatenate([path.progress[:1], progress])
    return dataclasses.replace(path, prices=path.prices * factor, progress=progress)


def two_rows(now: Snapshot, later: Snapshot) -> Path:
    """The path from one date to the next."""
    rows = zip(jax.tree.leaves(now), jax.tree.leaves(later), strict=True)
    return Path(*(jnp.stack(row) for row in rows))
