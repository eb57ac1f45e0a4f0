"""Hedging along given paths: recorded history, or paths that a model has drawn."""

import dataclasses
from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer

from deephedge.markets.base import Path
from deephedge.numerics.checks import refuse_other
from deephedge.numerics.draws import AbstractSource, pseudo
from deephedge.policies.base import AbstractPolicy
from deephedge.rollout.ledger import Ledger, rollout
from deephedge.rollout.problem import HedgingProblem
from deephedge.rollout.sample import at_once, whole
from deephedge.typing import Array, Float, Int, PRNGKeyArray, PyTree


def replay(
    problem: HedgingProblem,
    policy: AbstractPolicy,
    paths: Path,
    *,
    key: PRNGKeyArray | None = None,
    keep: Callable[[Ledger], PyTree] = whole,
    batch_size: int | None = None,
) -> PyTree:
    """Hedge along given paths (recorded history, or a model's); a batch has a leading path axis.

    `key` draws the slippage of a problem whose execution has one; nothing else is random. Paths
    may have dates of their own; where all have the same these are shared: see `dated`.
    """
    source = given_slips(problem, paths, key)
    batch_size = at_once(problem, paths.time.shape[0], batch_size)
    return _replay(problem, policy, paths, shared_times(paths), source, keep, batch_size)


def given_slips(
    problem: HedgingProblem, paths: Path, key: PRNGKeyArray | None
) -> AbstractSource | None:
    """The normals of slippage on given paths, if there is any; wrong paths are refused."""
    refuse_other("paths", paths, Path, "simulate(market, times, n_paths, key=key)")
    if paths.time.ndim != 2:
        raise ValueError(
            f"`paths` must have a leading axis of paths, got time of shape {paths.time.shape}; of "
            "one path pass `jax.tree.map(lambda x: x[None], path)`."
        )
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
