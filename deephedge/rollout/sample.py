"""Many paths at once: the one place where paths are batched."""

import dataclasses
from collections.abc import Callable, Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer

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


def sample_each(
    problem: HedgingProblem,
    policies: Mapping[str, AbstractPolicy],
    n_paths: int,
    *,
    key: PRNGKeyArray,
    draws: Draws = pseudo,
    keep: Callable[[Ledger], PyTree] = whole,
    batch_size: int = BATCH,
    report: Callable[[str], None] | None = None,
) -> dict[str, PyTree]:
    """What `sample` gives for each policy, with every path drawn once for all of them.

    Where options are listed that spares pricing them, and compiling their prices, anew for each.

    Args:
        report: called with the name of each policy when it is done.
    """
    at_least_one(n_paths=n_paths, batch_size=batch_size)
    dtype = problem.times.dtype
    source = draws(key, n_paths, problem.n_steps, problem.normals_per_step, dtype)
    # Batches of one size, so that nothing is compiled twice: the last repeats its last path.
    size = -(-n_paths // -(-n_paths // batch_size))
    kept: dict[str, list[PyTree]] = {name: [] for name in policies}
    for first in range(0, n_paths, size):
        indices = np.minimum(np.arange(first, first + size), n_paths - 1)
        paths, slips = _drawn(problem, source, jnp.asarray(indices))
        for name, policy in policies.items():
            kept[name].append(_along(problem, policy, paths, slips, keep))
            if report is not None and first + size >= n_paths:
                report(name)
    return {name: _joined(parts, n_paths) for name, parts in kept.items()}


@eqx.filter_jit
def _drawn(
    problem: HedgingProblem, source: AbstractSource, indices: Int[Array, " path"]
) -> tuple[Path, Float[Array, "path time asset"] | None]:
    """The paths of those numbers, and the normals of their slippage."""

    def one(index: Int[Array, ""]):
        normals = source(index)
        own = problem.market.normals_per_step
        path = problem.market.path(problem.times, normals[:, :own])
        return path, problem.slips(normals[:, own:])

    return jax.vmap(one)(indices)


@eqx.filter_jit
def _along(
    problem: HedgingProblem,
    policy: AbstractPolicy,
    paths: Path,
    slips: Float[Array, "path time asset"] | None,
    keep: Callable[[Ledger], PyTree],
) -> PyTree:
    def one(path: Path, slip: Float[Array, "time asset"] | None) -> PyTree:
        return keep(rollout(problem, policy, dated(path, problem.times), slip))

    return jax.vmap(one)(paths, slips)


def dated(path: Path, times: Float[Array, " time"] | None) -> Path:
    """The path at its dates, stated once for all paths of a batch where they are the same.

    What a pricer works out for a date alone, such as a grid of prices, is then not worked out anew
    for every path.
    """
    return path if times is None else dataclasses.replace(path, time=times)


def shared_times(paths: Path) -> Float[Array, " time"] | None:
    """The dates of all the paths, if they are the same; inside jit nobody can tell."""
    if isinstance(paths.time, Tracer):
        return None
    times = np.asarray(paths.time)
    return paths.time[0] if np.all(times == times[0]) else None


def _joined(parts: list[PyTree], n_paths: int) -> PyTree:
    if len(parts) == 1:
        return parts[0]
    return jax.tree.map(lambda *x: jnp.asarray(np.concatenate(x)[:n_paths]), *parts)


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

    `key` draws the slippage of a problem whose execution has one; nothing else is random. Paths
    may have dates of their own; where all have the same these are shared: see `dated`.
    """
    source = given_slips(problem, paths, key)
    batch_size = min(batch_size, paths.time.shape[0])
    return _replay(problem, policy, paths, shared_times(paths), source, keep, batch_size)


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
    times: Float[Array, " time"] | None,
    source: AbstractSource | None,
    keep: Callable[[Ledger], PyTree],
    batch_size: int,
) -> PyTree:
    def one(inputs: tuple[Path, Int[Array, ""]]):
        path, index = inputs
        path = dated(path, times)
        slips = None if source is None else problem.slips(source(index))
        return keep(rollout(problem, policy, path, slips))

    indices = jnp.arange(paths.time.shape[0])
    return lax.map(one, (paths, indices), batch_size=batch_size)
