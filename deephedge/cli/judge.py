"""How the policies of a study did: compared, bounded, and their P&L split."""

import sys
from typing import Any

import jax

from deephedge.claims import NoClaim
from deephedge.cli.optimum import Optima, certified, solved_optima
from deephedge.cli.resolve import Resolved
from deephedge.cli.tables import StudyError
from deephedge.cli.train import Lessons
from deephedge.pricing import AbstractPricer
from deephedge.reports import Comparison, PnlParts, RiskSaved, compare, pnl_parts, risk_saved
from deephedge.reports.risk_saved import N_BATCHES
from deephedge.risk import AbstractCashInvariantMeasure


def found_optima(resolved: Resolved, *, quiet: bool) -> Optima:
    """The optima that the study asks to have solved, if it does."""
    if resolved.study.evaluation.optimum != "solve":
        return {}
    if not quiet:
        print("solving for the optimum", file=sys.stderr)
    return solved_optima(resolved.problem, resolved.measures)


def compared(resolved: Resolved, lessons: Lessons, optima: Optima, *, quiet: bool) -> Comparison:
    """The study's policies on fresh paths."""
    evaluation = resolved.study.evaluation
    known = evaluation.optimum
    if isinstance(known, str):
        known = {name: found["value"] for name, found in optima.items()}
    if not quiet:
        print(f"comparing on {evaluation.n_paths:,} fresh paths", file=sys.stderr)
    return compare(
        resolved.problem,
        lessons.policies,
        resolved.measures,
        n_paths=evaluation.n_paths,
        key=jax.random.key(evaluation.seed),
        baseline=evaluation.baseline,
        optimum=known,
    )


def with_certificates(
    resolved: Resolved, lessons: Lessons, comparison: Comparison, *, quiet: bool
) -> tuple[Comparison, dict[str, Any]]:
    """The comparison with the certificates that the study asks for, and how they were made."""
    evaluation = resolved.study.evaluation
    if not evaluation.certificate:
        return comparison, {}
    if not quiet:
        print("bounding what any hedge can reach", file=sys.stderr)
    return certified(
        resolved.problem,
        lessons.policies,
        resolved.measures,
        comparison,
        n_steps=evaluation.certificate_steps,
        seed=evaluation.seed,
    )


def splitter(resolved: Resolved) -> AbstractPricer | None:
    """What splits the P&L: what priced the premium, or the model's own; `None`: nothing is sold."""
    problem = resolved.problem
    stated = problem.premium if isinstance(problem.premium, AbstractPricer) else None
    pricer = resolved.given.get("pricer") if stated is None else stated
    if resolved.study.evaluation.attribution and pricer is None:
        if not isinstance(problem.claim, NoClaim):
            raise StudyError(
                ("evaluation", "attribution"),
                "must be left out: no formula of the model values the claim; a `premium` that is "
                "a pricer would split the P&L by its Greeks.",
            )
    return pricer


def split(
    resolved: Resolved, pricer: AbstractPricer | None, lessons: Lessons, *, quiet: bool
) -> PnlParts | None:
    """Where the P&L came from, if the study asks."""
    evaluation = resolved.study.evaluation
    if evaluation.attribution == 0:
        return None
    if not quiet:
        print(f"splitting the P&L of {evaluation.attribution:,} paths", file=sys.stderr)
    return pnl_parts(
        resolved.problem,
        lessons.policies,
        pricer,
        n_paths=evaluation.attribution,
        key=jax.random.key(evaluation.seed),
    )


def saved_risk(resolved: Resolved, lessons: Lessons, comparison: Comparison) -> RiskSaved | None:
    """Where the risk that policies save comes from: in the measure that the first is trained by."""
    if not lessons.records:
        return None
    measure = resolved.measures[resolved.trainings[next(iter(lessons.records))].risk]
    if not isinstance(measure, AbstractCashInvariantMeasure) or comparison.n_paths < 2 * N_BATCHES:
        return None
    return risk_saved(comparison, measure)
