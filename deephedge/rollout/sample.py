"""Many fresh paths at once, in bounded memory and over all devices."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import Mesh

from deephedge.numerics.checks import at_least_one, refuse_no_key
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

MOST_PATHS, MOST_PATH_STEPS = 16_384, 2**19
"""Paths in memory at once, and these times their steps, unless told otherwise."""


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
    batch_size: int | None = None,
) -> PyTree:
    """Hedge along `n_paths` fresh paths, `batch_size` of them in memory at a time.

    Left out, that is 16,384 paths of up to 32 steps, and fewer of more.
    Each batch is spread over all devices that there are; path i is the same on however many.

    Args:
        keep: what to keep of each path's ledger (`whole`, `pnl_only`, or your own function; a
            new function object recompiles). Returned stacked along a leading path axis.
        draws: `pseudo`, `antithetic` or `sobol`.
    """
    source = drawn_source(problem, n_paths, key, draws)
    refuse_weighted(source)
    return _sampled(problem, policy, source, n_paths, keep, batch_size)[0]


def sample_law(
    problem: HedgingProblem,
    policy: AbstractPolicy,
    n_paths: int,
    *,
    key: PRNGKeyArray,
    draws: Draws = pseudo,
    batch_size: int | None = None,
) -> tuple[Float[Array, " path"], Float[Array, " path"] | None]:
    """The P&L of fresh paths and their weights: `measure(*sample_law(...))`.

    The weights add up to one; they are `None`, for equal ones, unless `draws` are `tilted`.
    """
    source = drawn_source(problem, n_paths, key, draws)
    pnl, log_weights = _sampled(problem, policy, source, n_paths, pnl_only, batch_size)
    return pnl, None if log_weights is None else jax.nn.softmax(log_weights)


def drawn_source(
    problem: HedgingProblem, n_paths: int, key: PRNGKeyArray, draws: Draws
) -> AbstractSource:
    """The normals that drive fresh paths, those of slippage included."""
    at_least_one(n_paths=n_paths)
    refuse_no_key(key)
    dtype = problem.times.dtype
    return draws(key, n_paths, problem.n_steps, problem.normals_per_step, dtype)


def at_once(problem: HedgingProblem, n_paths: int, batch_size: int | None) -> int:
    """How many of the paths are in memory at a time: `batch_size`, if it is given."""
    if batch_size is None:
        batch_size = max(1, min(MOST_PATHS, MOST_PATH_STEPS // problem.n_steps))
    at_least_one(batch_size=batch_size)
    return min(batch_size, n_paths)


def even_batch(
    problem: HedgingProblem, n_paths: int, batch_size: int | None, mesh: Mesh | None
) -> int:
    """The size of batches of one size: nothing is compiled twice, and little drawn in vain.

    Where the last batch is not full, it repeats its last path.
    """
    n_batches = -(-n_paths // at_once(problem, n_paths, batch_size))
    return even(-(-n_paths // n_batches), mesh)


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
    batch_size: int | None,
) -> tuple[PyTree, Float[Array, " path"] | None]:
    """What is kept of every path, and the logarithms of their weights if they have any."""
    mesh = path_mesh()
    size = even_batch(problem, n_paths, batch_size, mesh)
    problem, policy, source = shared((problem, policy, source), mesh)
    return ordinary(_sample(problem, policy, source, n_paths, keep, size, mesh), mesh)


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
