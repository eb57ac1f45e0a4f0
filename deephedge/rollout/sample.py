"""Many paths at once: the one place where paths are batched."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from deephedge.markets.base import Path
from deephedge.numerics.checks import at_least_one
from deephedge.numerics.draws import AbstractSource, Draws, pseudo
from deephedge.policies.base import AbstractPolicy
from deephedge.rollout.ledger import Ledger, rollout
from deephedge.rollout.problem import HedgingProblem
from deephedge.typing import Array, Float, Int, PRNGKeyArray, PyTree

BATCH = 16_384
"""Paths in memory at once, unless told otherwise."""


def whole(ledger: Ledger) -> Ledger:
    """Keep everything."""
    return ledger


def pnl_only(ledger: Ledger) -> PyTree:
    """Keep the P&L alone: one number a path."""
    return ledger.pnl


def sample(
    problem: HedgingProblem,
    policy: AbstractPolicy,
    n_paths: int,
    *,
    key: PRNGKeyArray,
    draws: Draws = pseudo,
    keep: Callable[[Ledger], PyTree] = whole,
    batch_size: int = BATCH,
) -> PyTree:
    """Hedge along `n_paths` fresh paths, `batch_size` of them in memory at a time.

    Args:
        keep: what to keep of each path's ledger (`whole`, `pnl_only`, or your own function; a
            new function object recompiles). Returned stacked along a leading path axis.
        draws: `pseudo`, `antithetic` or `sobol`.
    """
    at_least_one(n_paths=n_paths)
    dtype = problem.times.dtype
    source = draws(key, n_paths, problem.n_steps, problem.normals_per_step, dtype)
    return _sample(problem, policy, source, n_paths, keep, min(batch_size, n_paths))


def hedged(
    problem: HedgingProblem, policy: AbstractPolicy, normals: Float[Array, "step normal"]
) -> Ledger:
    """Hedge along the path that the first of the normals drive; slippage takes the rest."""
    own = problem.market.normals_per_step
    path = problem.market.path(problem.times, normals[:, :own])
    return rollout(problem, policy, path, problem.slips(normals[:, own:]))


def batch_pnl(
    problem: HedgingProblem, policy: AbstractPolicy, source: AbstractSource, n_paths: int
) -> Float[Array, " path"]:
    """P&L of `n_paths` fresh paths, all in memory at once: the differentiable core of training."""

    def one(index: Int[Array, ""]) -> Float[Array, ""]:
        return hedged(problem, policy, source(index)).pnl

    return jax.vmap(one)(jnp.arange(n_paths))


@eqx.filter_jit
def _sample(
    problem: HedgingProblem,
    policy: AbstractPolicy,
    source: AbstractSource,
    n_paths: int,
    keep: Callable[[Ledger], PyTree],
    batch_size: int,
) -> PyTree:
    def one(index):
        return keep(hedged(problem, policy, source(index)))

    return lax.map(one, jnp.arange(n_paths), batch_size=batch_size)


def replay(
    problem: HedgingProblem,
    policy: AbstractPolicy,
    paths: Path,
    *,
    key: PRNGKeyArray | None = None,
    keep: Callable[[Ledger], PyTree] = whole,
    batch_size: int = BATCH,
) -> PyTree:
    """Hedge along given paths (recorded history, or a model's); a batch has a leading path axis.

    `key` draws the slippage of a problem whose execution has one; nothing else is random.
    """
    source = given_slips(problem, paths, key)
    return _replay(problem, policy, paths, source, keep, min(batch_size, paths.time.shape[0]))


def given_slips(
    problem: HedgingProblem, paths: Path, key: PRNGKeyArray | None
) -> AbstractSource | None:
    """The normals of slippage on given paths, if there is any; wrong paths are refused."""
    n_paths = paths.time.shape[0]
    if paths.time.shape[1] != problem.n_steps + 1:
        raise ValueError(
            f"`paths` must have the problem's {problem.n_steps + 1} dates, "
            f"got {paths.time.shape[1]}."
        )
    if problem.extra_normals:
        if key is None:
            raise ValueError(
                "`key` must be given: the problem's execution has slippage, which is random; "
                "pass `key=jax.random.key(...)`."
            )
        dtype = paths.time.dtype
        return pseudo(key, n_paths, problem.n_steps, problem.extra_normals, dtype)
    return None


@eqx.filter_jit
def _replay(
    problem: HedgingProblem,
    policy: AbstractPolicy,
    paths: Path,
    source: AbstractSource | None,
    keep: Callable[[Ledger], PyTree],
    batch_size: int,
) -> PyTree:
    def one(inputs: tuple[Path, Int[Array, ""]]):
        path, index = inputs
        slips = None if source is None else problem.slips(source(index))
        return keep(rollout(problem, policy, path, slips))

    indices = jnp.arange(paths.time.shape[0])
    return lax.map(one, (paths, indices), batch_size=batch_size)
