"""`deephedge optimum`: the least risk that any hedge of a study can have."""

import dataclasses
import json as json_format
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

from deephedge.cli.tables import StudyError
from deephedge.optimum import Solved, certificate, solve_entropic
from deephedge.policies import AbstractPolicy
from deephedge.reports import Comparison
from deephedge.risk import AbstractRiskMeasure, Entropic
from deephedge.rollout import HedgingProblem

Optima = dict[str, dict[str, float]]
"""By measure: value, error, lower, upper, seconds."""


def print_optimum(file: Path, *, json: bool) -> int:
    """Solve the study and print the optima; returns the exit code."""
    from deephedge.cli.resolve import open_study

    resolved = open_study(file)
    try:
        optima = solved_optima(resolved.problem, resolved.measures)
    except StudyError as error:
        raise StudyError((), f"{file}: {error}") from None
    if json:
        print(json_format.dumps(optima))
        return 0
    for name, found in optima.items():
        print(
            f"{name}: least risk {found['value']:.6g} (error about {found['error']:.1g}); "
            f"no trade at the start within [{found['lower']:.4f}, {found['upper']:.4f}]; "
            f"{found['seconds']:.1f} s"
        )
    return 0


def solved_optima(problem: HedgingProblem, measures: Mapping[str, AbstractRiskMeasure]) -> Optima:
    """The optimum of every entropic measure."""
    entropic = _entropic(measures, "the optimum to be solved")
    return {name: _numbers(problem, risk) for name, risk in entropic.items()}


def certified(
    problem: HedgingProblem,
    policies: Mapping[str, AbstractPolicy],
    measures: Mapping[str, AbstractRiskMeasure],
    comparison: Comparison,
    *,
    n_steps: int,
    seed: int,
) -> tuple[Comparison, dict[str, Any]]:
    """The comparison with a certificate for every entropic measure, and how each was made.

    The policy that did best in the comparison is what a certificate's network sees. One whose
    quadrature misses too much is in the second, with a reason, and not in the first.
    """
    made = {}
    for i, (name, risk) in enumerate(_entropic(measures, "a certificate").items()):
        best = min(policies, key=lambda policy: comparison.at(policy, name).value)
        key = jax.random.fold_in(jax.random.key(seed), i)
        try:
            found = certificate(problem, risk, key=key, policy=policies[best], n_steps=n_steps)
        except ValueError as error:
            text = " ".join(str(error).split())
            raise StudyError(("evaluation", "certificate"), f"must be false: {text}") from None
        made[name] = {**dataclasses.asdict(found), "policy": best}
    holds = {name: row["lower"] for name, row in made.items() if row["slack_share"] <= 1.0}
    for name, row in made.items():
        if name not in holds:
            row["lower"] = None
            row["reason"] = "the quadrature misses more than the room that is left for it"
    return comparison.certified(holds), made


def _entropic(measures: Mapping[str, AbstractRiskMeasure], wish: str) -> dict[str, Entropic]:
    """The entropic ones; there must be one."""
    found = {name: risk for name, risk in measures.items() if isinstance(risk, Entropic)}
    if not found:
        raise StudyError(
            ("measures",),
            f'must hold one with type = "Entropic" for {wish}, got '
            f"{', '.join(type(risk).__name__ for risk in measures.values())}.",
        )
    return found


def _numbers(problem: HedgingProblem, risk: Entropic) -> dict[str, Any]:
    begin = time.perf_counter()
    found = _solved(problem, risk)
    return {
        "value": found.value,
        "error": found.error,
        "lower": found.lower,
        "upper": found.upper,
        "seconds": round(time.perf_counter() - begin, 3),
    }


def _solved(problem: HedgingProblem, risk: AbstractRiskMeasure) -> Solved:
    try:
        return solve_entropic(problem, risk)
    except ValueError as error:
        raise StudyError((), " ".join(str(error).split())) from None


def optimal_hedge(problem: HedgingProblem, measures: Mapping, risk: str) -> AbstractPolicy:
    """A study's `type = "OptimalHedge"`: the best hedge by the measure named `risk`."""
    if risk not in measures:
        raise ValueError(f"`risk` must name a measure, got {risk!r}; {', '.join(measures)}.")
    return _solved(problem, measures[risk]).policy
