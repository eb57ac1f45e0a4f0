"""How policies stand on the draws that they are judged by, and never trained on."""

import equinox as eqx

from deephedge.numerics.draws import AbstractSource, antithetic
from deephedge.policies.base import AbstractTrainablePolicy
from deephedge.risk.base import AbstractRiskMeasure
from deephedge.rollout.problem import HedgingProblem
from deephedge.rollout.sample import pnl_only, sample
from deephedge.training.family import ProblemFamily, Trainable
from deephedge.typing import Array, Float, PRNGKeyArray


def held_out_risk(
    problem: Trainable,
    policy: AbstractTrainablePolicy,
    risk: AbstractRiskMeasure,
    n_paths: int,
    *,
    key: PRNGKeyArray,
) -> Array:
    """The risk of a policy on held-out draws; of a family, the mean over its problems."""
    if isinstance(problem, ProblemFamily):
        source = problem.source(antithetic, key, n_paths)
        return _over_family(problem, policy, risk, source, n_paths)
    return risk(held_out_pnl(problem, policy, n_paths, key=key))


def held_out_pnl(
    problem: HedgingProblem,
    policy: AbstractTrainablePolicy,
    n_paths: int,
    *,
    key: PRNGKeyArray,
) -> Float[Array, " path"]:
    """The P&L of a policy on held-out draws."""
    return sample(problem, policy, n_paths, key=key, draws=antithetic, keep=pnl_only)


@eqx.filter_jit
def _over_family(
    family: ProblemFamily,
    policy: AbstractTrainablePolicy,
    risk: AbstractRiskMeasure,
    source: AbstractSource,
    n_paths: int,
) -> Array:
    return family.risk(policy, risk, source, n_paths)
