"""Many paths at once: the one place where paths are batched."""

import dataclasses
from collections.abc import Callable, Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from jax.sharding import Mesh

from deephedge.markets.base import Path
from deephedge.numerics.checks import at_least_one
from deephedge.numerics.draws import AbstractSource, Draws, pseudo
from deephedge.numerics.importance import Tilted
from deephedge.policies.base import AbstractPolicy
from deephedge.rollout.devices import (
    each_share,
    even,
    gathered,
    ordinary,
    path_mesh,
    quick_block,
    shared,
    spread,
)
from deephedge.rollout.ledger import Ledger, rollout
from deephedge.rollout.problem import HedgingProblem
from deephedge.typing import Array, Float, Int, PRNGKeyArray, PyTree, Scalar

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

    Each batch is spread over all devices that there are; path i is the same on however many.

    Args:
        keep: what to keep of each path's ledger (`whole`, `pnl_only`, or your own function; a
            new function object recompiles). Returned stacked along a leading path axis.
        draws: `pseudo`, `antithetic` or `sobol`.
    """
    source = _source(problem, n_paths, key, draws)
    refuse_weighted(source)
    return _sampled(problem, policy, source, n_paths, keep, batch_size)[0]


def sample_law(
    problem: HedgingProblem,
    policy: AbstractPolicy,
    n_paths: int,
    *,
    key: PRNGKeyArray,
    draws: Draws = pseudo,
    batch_size: int = BATCH,
) -> tuple[Float[Array, " path"], Float[Array, " path"] | None]:
    """The P&L of fresh paths and their weights: `measure(*sample_law(...))`.

    The weights add up to one; they are `None`, for equal ones, unless `draws` are `tilted`.
    """
    source = _source(problem, n_paths, key, draws)
    pnl, log_weights = _sampled(problem, policy, source, n_paths, pnl_only, batch_size)
    return pnl, None if log_weights is None else jax.nn.softmax(log_weights)


def _source(
    problem: HedgingProblem, n_paths: int, key: PRNGKeyArray, draws: Draws
) -> AbstractSource:
    at_least_one(n_paths=n_paths)
    dtype = problem.times.dtype
    return draws(key, n_paths, problem.n_steps, problem.normals_per_step, dtype)


def _equal(n_paths: int, batch_size: int) -> int:
    """The size of batches of one size: nothing is compiled twice, and little drawn in vain.

    Where the last batch is not full, it repeats its last path.
    """
    at_least_one(batch_size=batch_size)
    return -(-n_paths // -(-n_paths // batch_size))


def refuse_weighted(source: AbstractSource) -> None:
    """Refuse tilted draws where nothing would carry their weights."""
    if isinstance(source, Tilted):
        raise ValueError(
            "`draws` must not be tilted: these paths would need weights, which nothing here "
            "carries; pass them to `sample_law`."
        )


def _sampled(
    problem: HedgingProblem,
    policy: AbstractPolicy,
    source: AbstractSource,
    n_paths: int,
    keep: Callable[[Ledger], PyTree],
    batch_size: int,
) -> tuple[PyTree, Float[Array, " path"] | None]:
    """What is kept of every path, and the logarithms of their weights if they have any."""
    mesh = path_mesh()
    size = even(_equal(n_paths, batch_size), mesh)
    problem, policy, source = shared((problem, policy, source), mesh)
    return ordinary(_sample(problem, policy, source, n_paths, keep, size, mesh), mesh)


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
    source = _source(problem, n_paths, key, draws)
    refuse_weighted(source)
    mesh = path_mesh()
    size = even(_equal(n_paths, batch_size), mesh)
    kept: dict[str, list[PyTree]] = {name: [] for name in policies}
    problem, policies, source = shared((problem, dict(policies), source), mesh)
    for first in range(0, n_paths, size):
        indices = np.minimum(np.arange(first, first + size), n_paths - 1)
        paths, slips = _drawn(problem, source, shared(jnp.asarray(indices), mesh), mesh)
        for name, policy in policies.items():
            part = _along(problem, policy, paths, slips, keep, mesh)
            # On the host: a device need not hold what all batches leave.
            kept[name].append(jax.tree.map(np.asarray, part))
            if report is not None and first + size >= n_paths:
                report(name)
    return {name: _joined(parts, n_paths) for name, parts in kept.items()}


@eqx.filter_jit
def _drawn(
    problem: HedgingProblem,
    source: AbstractSource,
    indices: Int[Array, " path"],
    mesh: Mesh | None,
) -> tuple[Path, Float[Array, "path time asset"] | None]:
    """The paths of those numbers, and the normals of their slippage."""

    def one(index: Int[Array, ""]):
        normals = source(index)
        own = problem.market.normals_per_step
        path = problem.market.path(problem.times, normals[:, :own])
        return path, problem.slips(normals[:, own:])

    return jax.vmap(one)(spread(indices, mesh))


@eqx.filter_jit
def _along(
    problem: HedgingProblem,
    policy: AbstractPolicy,
    paths: Path,
    slips: Float[Array, "path time asset"] | None,
    keep: Callable[[Ledger], PyTree],
    mesh: Mesh | None,
) -> PyTree:
    def one(path: Path, slip: Float[Array, "time asset"] | None) -> PyTree:
        return keep(rollout(problem, policy, dated(path, problem.times), slip))

    return gathered(jax.vmap(one)(paths, slips), mesh)


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
    return jax.tree.map(lambda *x: jnp.asarray(np.concatenate(x)[:n_paths]), *parts)


def hedged(
    problem: HedgingProblem, policy: AbstractPolicy, normals: Float[Array, "step normal"]
) -> Ledger:
    """Hedge along the path that the first of the normals drive; slippage takes the rest."""
    own = problem.market.normals_per_step
    path = problem.market.path(problem.times, normals[:, :own])
    return rollout(problem, policy, path, problem.slips(normals[:, own:]))


def batch_law(
    problem: HedgingProblem,
    policy: AbstractPolicy,
    source: AbstractSource,
    n_paths: int,
    mesh: Mesh | None = None,
) -> tuple[Float[Array, " path"], Float[Array, " path"] | None]:
    """P&L and weights of `n_paths` fresh paths, an equal share a device, a block after another.

    The differentiable core of training. The weights are `None` where all paths count the same.
    """
    n_devices = 1 if mesh is None else mesh.size
    share = -(-n_paths // n_devices)
    n_blocks = -(-share // quick_block(mesh))
    size = -(-share // n_blocks)

    def law(things: PyTree, indices: Int[Array, " path"]) -> tuple[Array, Array | None]:
        problem, policy, source = things

        def one(index: Int[Array, ""]) -> tuple[Scalar, Scalar | None]:
            normals = source(index)
            return hedged(problem, policy, normals).pnl, source.log_weight(normals)

        if n_blocks == 1:
            return jax.vmap(one)(indices)
        found = lax.map(jax.vmap(one), indices.reshape(n_blocks, size))
        return jax.tree.map(jnp.ravel, found)

    indices = jnp.minimum(jnp.arange(n_devices * n_blocks * size), n_paths - 1)
    pnl, log_weights = each_share(law, (problem, policy, source), indices, mesh)
    if log_weights is None:
        return pnl[:n_paths], None
    return pnl[:n_paths], jax.nn.softmax(log_weights[:n_paths])


@eqx.filter_jit
def _sample(
    problem: HedgingProblem,
    policy: AbstractPolicy,
    source: AbstractSource,
    n_paths: int,
    keep: Callable[[Ledger], PyTree],
    batch_size: int,
    mesh: Mesh | None,
) -> tuple[PyTree, Float[Array, " path"] | None]:
    def one(index: Int[Array, ""]) -> tuple[PyTree, Scalar | None]:
        normals = source(index)
        return keep(hedged(problem, policy, normals)), source.log_weight(normals)

    def batch(first: Int[Array, ""]) -> tuple[PyTree, Float[Array, " path"] | None]:
        indices = jnp.minimum(first + jnp.arange(batch_size), n_paths - 1)
        return gathered(jax.vmap(one)(spread(indices, mesh)), mesh)

    kept = lax.map(batch, jnp.arange(0, n_paths, batch_size))
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:])[:n_paths], kept)


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
