"""Single steps of a hedge, from any holdings: what learning without whole paths sees."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp

from deephedge.markets.base import Path, Snapshot
from deephedge.numerics.draws import pseudo
from deephedge.policies.base import AbstractPolicy, Account
from deephedge.policies.learned.residual import AbstractResidualPolicy
from deephedge.rollout.problem import HedgingProblem
from deephedge.typing import Array, Bool, Float, Int, PRNGKeyArray, Scalar

Owed = Callable[[Snapshot], Scalar]
"""A first guess of what the book owes, in today's money."""


class SingleStep(eqx.Module):
    """One step of a path, from `now` to `then`; cash in today's money."""

    now: Snapshot
    then: Snapshot
    growth: Float[Array, " asset"]
    """What a unit of each asset gains."""
    last: Bool[Array, ""]
    """Whether the claim is settled at `then`."""
    owed: Scalar
    """What it pays at the end of the path."""

    def gain(self, after: Float[Array, " asset"]) -> Scalar:
        """Of holdings `after` the trade at `now`."""
        return jnp.sum(after * self.growth)

    def settlement(self, problem: HedgingProblem, after: Float[Array, " asset"]) -> Scalar:
        """What the last step brings beside its gain: less the payoff, and the closing cost."""
        if not problem.close_out:
            return -self.owed
        return -self.owed - charged(problem, after, jnp.zeros_like(after), self.then)


def refuse_whole_paths(problem: HedgingProblem, policy: AbstractPolicy) -> None:
    """Refuse what single steps cannot show: a past that matters beyond what is held."""
    for name in ("impact", "financing", "execution"):
        if vars(problem)[name] is not None:
            raise ValueError(f"`{name}` must be left out for training by single steps.")
    if jax.tree.leaves(policy.init()):
        raise ValueError(
            f"`policy` must have no memory for training by single steps, got a "
            f"{type(policy).__name__}, which has one; use `train(...)`."
        )
    if isinstance(policy, AbstractResidualPolicy) and "wealth" in policy.features.names:
        raise ValueError(
            '`features` of the policy must be without "wealth", which single steps do not know; '
            "use `train(...)`."
        )


def drawn_steps(problem: HedgingProblem, key: PRNGKeyArray, n_paths: int) -> SingleStep:
    """All steps of so many fresh paths, with a leading axis: `n_paths * n_steps` of them."""
    market = problem.market
    dtype = problem.times.dtype
    source = pseudo(key, n_paths, problem.n_steps, market.normals_per_step, dtype)
    last = jnp.arange(problem.n_steps) == problem.n_steps - 1

    def of_path(index: Int[Array, ""]) -> SingleStep:
        path = market.path(problem.times, source(index))
        path = eqx.tree_at(lambda x: x.progress, path, problem.claim.progress(path))
        owed = path.discount[-1] * problem.claim.payoff(path)
        snapshots = path.snapshots()
        now = jax.tree.map(lambda x: x[:-1], snapshots)
        then = jax.tree.map(lambda x: x[1:], snapshots)

        def of_date(now: Snapshot, then: Snapshot, growth: Array, last: Array) -> SingleStep:
            return SingleStep(now, then, growth, last, owed)

        return jax.vmap(of_date)(now, then, _growth(path), last)

    steps = jax.vmap(of_path)(jnp.arange(n_paths))
    return jax.tree.map(lambda x: x.reshape(n_paths * problem.n_steps, *x.shape[2:]), steps)


def _growth(path: Path) -> Float[Array, "step asset"]:
    worth = path.discount[:, None] * path.prices
    return worth[1:] * path.accrual[1:] / path.accrual[:-1] - worth[:-1]


def decided(
    policy: AbstractPolicy, now: Snapshot, held: Float[Array, " asset"]
) -> Float[Array, " asset"]:
    """What a policy without memory holds after it has traded at `now`."""
    return policy.step(now, Account(held, jnp.zeros_like(now.time)), policy.init())[0]


def charged(
    problem: HedgingProblem,
    held: Float[Array, " asset"],
    after: Float[Array, " asset"],
    now: Snapshot,
) -> Scalar:
    """What going from some holdings to others costs, in today's money."""
    return now.discount * problem.charge(after - held, now)
