"""Several policies along the same fresh paths, each of which is drawn once."""

from collections.abc import Callable, Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from deephedge.markets.base import Path
from deephedge.numerics.draws import AbstractSource, Draws, pseudo
from deephedge.policies.base import AbstractPolicy
from deephedge.rollout.devices import gathered, path_mesh, shared, spread
from deephedge.rollout.ledger import Ledger, rollout
from deephedge.rollout.problem import HedgingProblem
from deephedge.rollout.replay import dated
from deephedge.rollout.sample import drawn_source, even_batch, refuse_weighted, whole
from deephedge.typing import Array, Float, Int, PRNGKeyArray, PyTree


def sample_each(
    problem: HedgingProblem,
    policies: Mapping[str, AbstractPolicy],
    n_paths: int,
    *,
    key: PRNGKeyArray,
    draws: Draws = pseudo,
    keep: Callable[[Ledger], PyTree] = whole,
    batch_size: int | None = None,
    report: Callable[[str], None] | None = None,
) -> dict[str, PyTree]:
    """What `sample` gives for each policy, with every path drawn once for all of them.

    Where options are listed that spares pricing them, and compiling their prices, anew for each.

    Args:
        report: called with the name of each policy when it is done.
    """
    source = drawn_source(problem, n_paths, key, draws)
    refuse_weighted(source)
    mesh = path_mesh()
    size = even_batch(problem, n_paths, batch_size, mesh)
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


def _joined(parts: list[PyTree], n_paths: int) -> PyTree:
    return jax.tree.map(lambda *x: jnp.asarray(np.concatenate(x)[:n_paths]), *parts)
