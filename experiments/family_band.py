"""A band for a family of problems: how it is trained, and how it stands to each one's optimum."""

import argparse

import jax
from reference_problem import RISK

from deephedge.optimum import solve_entropic
from deephedge.policies import AbstractPolicy, AbstractTrainablePolicy
from deephedge.reports import Estimate, compare
from deephedge.risk import Entropic
from deephedge.rollout import HedgingProblem
from deephedge.training import ProblemFamily, Trained, default_optimizer, train
from deephedge.typing import PRNGKeyArray


def train_on(
    family: ProblemFamily, policy: AbstractTrainablePolicy, n_steps: int, n_paths: int
) -> Trained:
    """Train the policy once, over the whole family."""
    return train(
        family,
        policy,
        RISK,
        key=jax.random.key(1),
        optimizer=default_optimizer(n_steps, 0.02),
        n_steps=n_steps,
        n_paths=n_paths,
        averaging=0.97,
        validate_every=n_steps,
    )


def beside_optimum(
    problem: HedgingProblem,
    risk: Entropic,
    hedges: dict[str, AbstractPolicy],
    *,
    n_paths: int,
    key: PRNGKeyArray,
) -> tuple[float, dict[str, Estimate]]:
    """The optimum, and each hedge against the optimal one on the same paths."""
    best = solve_entropic(problem, risk)
    hedges = {"optimal": best.policy, **hedges}
    result = compare(problem, hedges, {"risk": risk}, n_paths=n_paths, key=key)
    return best.value, {name: result.at(name, "risk") for name in list(hedges)[1:]}


def options(description: str | None, *, n_steps: int) -> argparse.ArgumentParser:
    """How long the policy is trained, and on how many paths it is judged."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=n_steps)
    parser.add_argument("--paths", type=int, default=4096)
    parser.add_argument("--judge", type=int, default=100_000)
    return parser
