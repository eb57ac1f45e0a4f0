"""`deephedge run`: train, compare, backtest and report what a study describes."""

import json as json_format
import sys
from pathlib import Path
from typing import Any

import jax

from deephedge.claims import NoClaim
from deephedge.cli.backtest import Backtested, backtested
from deephedge.cli.folder import Folder
from deephedge.cli.optimum import Optima, solved_optima
from deephedge.cli.resolve import Resolved, open_study
from deephedge.cli.tables import StudyError
from deephedge.cli.toml import toml_text
from deephedge.cli.train import Lessons, train_all
from deephedge.numerics.statistics import Spread
from deephedge.pricing import AbstractPricer
from deephedge.reports import (
    Comparison,
    PnlParts,
    RiskSaved,
    compare,
    pnl_parts,
    risk_saved,
    write_report,
)
from deephedge.reports.risk_saved import N_BATCHES
from deephedge.risk import AbstractCashInvariantMeasure
from deephedge.training import Trained

INTERRUPTED = 130


def run_study(file: Path, out: Path, *, resume: bool, quiet: bool, json: bool) -> int:
    """Run the study and write its folder; returns the exit code."""
    resolved = open_study(file)
    try:
        pricer = _splitter(resolved)
    except StudyError as error:
        raise StudyError((), f"{file}: {error}") from None
    folder = Folder(out)
    study_text = toml_text(resolved.tables())
    folder.prepare(study_text, _seeds(resolved), resume=resume)
    try:
        lessons = train_all(resolved, folder, resume=resume, quiet=quiet)
        if lessons.interrupted:
            return _interrupted(lessons, file, out)
        optima = _optima(resolved, quiet=quiet)
        comparison = _compared(resolved, lessons, optima, quiet=quiet)
        parts = _split(resolved, pricer, lessons, quiet=quiet)
        saved = _saved(resolved, lessons, comparison)
        table = resolved.study.backtest
        history = None if table is None else backtested(resolved, lessons.policies, table)
    except StudyError as error:
        raise StudyError((), f"{file}: {error}") from None
    summary = _summary(comparison, history, lessons, parts)
    if saved is not None:
        summary["risk_saved"] = saved.summary()
    if optima:
        summary["solved"] = optima
    folder.write_json("summary.json", summary)
    comparison.frame().to_csv(folder.comparison, index=False)
    write_report(
        folder.report,
        title=file.stem.replace("_", " "),
        problem=resolved.problem,
        comparison=comparison,
        policies=lessons.policies,
        key=jax.random.key(resolved.study.evaluation.seed),
        environment=folder.environment,
        recorded=None if history is None else history.comparison,
        trained=lessons.records,
        parts=parts,
        saved=saved,
        study_text=study_text,
    )
    if json:
        print(json_format.dumps(summary))
    else:
        _print(comparison, history, parts, folder)
    return 0


def _seeds(resolved: Resolved) -> dict[str, int]:
    """Every seed that the numbers depend on."""
    study = resolved.study
    seeds = {f"training {name}": training.seed for name, training in resolved.trainings.items()}
    seeds["evaluation"] = study.evaluation.seed
    return seeds if study.backtest is None else {**seeds, "backtest": study.backtest.seed}


def _interrupted(lessons: Lessons, file: Path, out: Path) -> int:
    saved = ", ".join(lessons.records) or "none"
    print(
        f"deephedge: interrupted; policies saved so far: {saved}. "
        f"Go on with: deephedge run {file} --out {out} --resume",
        file=sys.stderr,
    )
    return INTERRUPTED


def _optima(resolved: Resolved, *, quiet: bool) -> Optima:
    """The optima that the study asks to have solved, if it does."""
    if resolved.study.evaluation.optimum != "solve":
        return {}
    if not quiet:
        print("solving for the optimum", file=sys.stderr)
    return solved_optima(resolved.problem, resolved.measures)


def _compared(resolved: Resolved, lessons: Lessons, optima: Optima, *, quiet: bool) -> Comparison:
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


def _splitter(resolved: Resolved) -> AbstractPricer | None:
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


def _split(
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


def _saved(resolved: Resolved, lessons: Lessons, comparison: Comparison) -> RiskSaved | None:
    """Where the risk that policies save comes from: in the measure that the first is trained by."""
    if not lessons.records:
        return None
    measure = resolved.measures[resolved.trainings[next(iter(lessons.records))].risk]
    if not isinstance(measure, AbstractCashInvariantMeasure) or comparison.n_paths < 2 * N_BATCHES:
        return None
    return risk_saved(comparison, measure)


def _summary(
    comparison: Comparison,
    history: Backtested | None,
    lessons: Lessons,
    parts: PnlParts | None,
) -> dict[str, Any]:
    """The comparison, how policies were trained; the split and the backtest if there are any."""
    summary = comparison.summary()
    summary["training"] = {
        name: _effort(record, lessons.spreads.get(name)) for name, record in lessons.records.items()
    }
    if parts is not None:
        summary["attribution"] = parts.summary()
    return summary if history is None else {**summary, "backtest": history.summary()}


def _effort(record: Trained, seeds: Spread | None) -> dict[str, Any]:
    effort = {
        "steps": record.steps,
        "stopped": record.stopped,
        "seconds": round(record.seconds, 3),
        "compile_seconds": round(record.compile_seconds, 3),
    }
    return effort if seeds is None else {**effort, "validation_between_seeds": seeds._asdict()}


def _print(
    comparison: Comparison, history: Backtested | None, parts: PnlParts | None, folder: Folder
) -> None:
    print(comparison)
    if parts is not None:
        print(f"\nWhere the P&L came from\n\n{parts}")
    if history is not None:
        print(f"\n{history.title}\n\n{history.comparison}")
    print(f"\nreport: {folder.report}")
