"""What a policy remembered, date by date."""

import equinox as eqx
import jax.numpy as jnp
from jax import lax

from deephedge.markets.base import Path
from deephedge.numerics.draws import AbstractSource
from deephedge.policies.base import AbstractPolicy
from deephedge.rollout.ledger import Ledger, remembering
from deephedge.rollout.problem import HedgingProblem
from deephedge.rollout.replay import dated, given_slips, shared_times
from deephedge.rollout.sample import at_once
from deephedge.typing import Array, Float, Int, PRNGKeyArray, PyTree


def trace(
    problem: HedgingProblem,
    policy: AbstractPolicy,
    paths: Path,
    *,
    key: PRNGKeyArray | None = None,
    batch_size: int | None = None,
) -> tuple[Ledger, PyTree]:
    """Hedge along given paths as `replay` does, and keep what the policy remembered.

    The memories are the policy's own, after its decision at each date but the last: every array
    has a leading path axis, then one of dates. The levels of an `Escalation` are among them, and
    `deephedge.policies.changes` makes a log of those.
    """
    source = given_slips(problem, paths, key)
    batch_size = at_once(problem, paths.time.shape[0], batch_size)
    return _trace(problem, policy, paths, shared_times(paths), source, batch_size)


@eqx.filter_jit
def _trace(
    problem: HedgingProblem,
    policy: AbstractPolicy,
    paths: Path,
    times: Float[Array, " time"] | None,
    source: AbstractSource | None,
    batch_size: int,
) -> tuple[Ledger, PyTree]:
    def one(inputs: tuple[Path, Int[Array, ""]]) -> tuple[Ledger, PyTree]:
        path, index = inputs
        slips = None if source is None else problem.slips(source(index))
        return remembering(problem, policy, dated(path, times), slips)

    indices = jnp.arange(paths.time.shape[0])
    return lax.map(one, (paths, indices), batch_size=batch_size)
