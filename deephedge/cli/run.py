"""`deephedge run`: train, compare, backtest and report what a study describes."""

import dataclasses
import json as json_format
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax

from deephedge.cli.backtest import Backtested, backtested
from deephedge.cli.exit_codes import DONE, INTERRUPTED, noted
from deephedge.cli.folder import Folder
from deephedge.cli.judge import (
    compared,
    found_optima,
    saved_risk,
    split,
    splitter,
    with_certificates,
)
from deephedge.cli.mistakes import doubts
from deephedge.cli.resolve import Resolved, open_study
from deephedge.cli.tables import StudyError
from deephedge.cli.toml import toml_text
from deephedge.cli.train import Lessons, train_all
from deephedge.numerics.statistics import Spread
from deephedge.reports import Comparison, PnlParts, Section, write_front, write_report
from deephedge.training import Trained


@dataclasses.dataclass(frozen=True)
class Ran:
    """A study that was run to its end."""

    file: Path
    folder: Folder
    comparison: Comparison
    history: Backtested | None
    parts: PnlParts | None
    summary: dict[str, Any]

    @property
    def title(self) -> str:
        return self.file.stem.replace("_", " ")

    def section(self, out: Path) -> Section:
        """What the page of several studies says of it: on recorded paths where there are any."""
        history = self.history
        return Section(
            name=self.file.stem,
            title=self.title,
            words=introduction(self.file),
            paths="On simulated paths." if history is None else history.title,
            comparison=self.comparison if history is None else history.comparison,
            report=self.folder.report.relative_to(out).as_posix(),
        )


def run_studies(files: Sequence[Path], out: Path, *, resume: bool, quiet: bool, json: bool) -> int:
    """Run studies and write their folders; returns the exit code.

    One is written to `out`; each of several to a folder of its name in it, beside one page of all.
    """
    names = [file.stem for file in files]
    if not names or len(set(names)) < len(names):
        raise StudyError((), "name a study file, or several whose names differ.")
    if len(files) == 1:
        ran = _ran(files[0], out, resume=resume, quiet=quiet)
        if ran is None:
            return INTERRUPTED
        _say(ran, json=json)
        return DONE
    found = []
    for file in files:
        if not quiet:
            print(f"== {file.stem}", file=sys.stderr)
        folder = Folder(out / file.stem)
        ran = _ran(file, folder.root, resume=resume and folder.study.exists(), quiet=quiet)
        if ran is None:
            return INTERRUPTED
        if not json:
            print(f"\n== {ran.title}\n")
            _say(ran, json=False)
        found.append(ran)
    if json:
        print(json_format.dumps({ran.file.stem: ran.summary for ran in found}))
    # Seeds are each study's own.
    shared = {k: v for k, v in found[0].folder.environment.items() if k != "seeds"}
    page = write_front(
        Folder(out).report,
        title="Hedges compared",
        sections=[ran.section(out) for ran in found],
        environment=shared,
    )
    if not json:
        print(f"\nall of them in one report: {page}")
    return DONE


def introduction(file: Path) -> str:
    """The comment that a study begins with, without the command that runs it."""
    lines = []
    for line in file.read_text(encoding="utf-8").splitlines():
        words = line.removeprefix("#").strip()
        if not line.startswith("#") or words.startswith("deephedge run"):
            break
        lines.append(words)
    return " ".join(lines).strip()


def _ran(file: Path, out: Path, *, resume: bool, quiet: bool) -> Ran | None:
    """Run the study and write its folder; `None` when it was interrupted."""
    resolved = open_study(file)
    if not quiet:
        noted(doubts(resolved.study.market.options | resolved.study.claim.options))
    try:
        pricer = splitter(resolved)
    except StudyError as error:
        raise StudyError((), f"{file}: {error}") from None
    folder = Folder(out)
    study_text = toml_text(resolved.tables())
    folder.prepare(study_text, _seeds(resolved), resume=resume)
    try:
        lessons = train_all(resolved, folder, resume=resume, quiet=quiet)
        if lessons.interrupted:
            _interrupted(lessons, file, out)
            return None
        optima = found_optima(resolved, quiet=quiet)
        comparison = compared(resolved, lessons, optima, quiet=quiet)
        comparison, proofs = with_certificates(resolved, lessons, comparison, quiet=quiet)
        parts = split(resolved, pricer, lessons, quiet=quiet)
        saved = saved_risk(resolved, lessons, comparison)
        table = resolved.study.backtest
        history = None if table is None else backtested(resolved, lessons.policies, table)
    except StudyError as error:
        raise StudyError((), f"{file}: {error}") from None
    summary = _summary(comparison, history, lessons, parts)
    if saved is not None:
        summary["risk_saved"] = saved.summary()
    if optima:
        summary["solved"] = optima
    if proofs:
        summary["certified"] = proofs
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
    return Ran(file, folder, comparison, history, parts, summary)


def _seeds(resolved: Resolved) -> dict[str, int]:
    """Every seed that the numbers depend on."""
    study = resolved.study
    seeds = {f"training {name}": training.seed for name, training in resolved.trainings.items()}
    seeds["evaluation"] = study.evaluation.seed
    return seeds if study.backtest is None else {**seeds, "backtest": study.backtest.seed}


def _interrupted(lessons: Lessons, file: Path, out: Path) -> None:
    saved = ", ".join(lessons.records) or "none"
    print(
        f"deephedge: interrupted; policies saved so far: {saved}. "
        f"Go on with: deephedge run {file} --out {out} --resume",
        file=sys.stderr,
    )


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


def _say(ran: Ran, *, json: bool) -> None:
    if json:
        print(json_format.dumps(ran.summary))
        return
    print(ran.comparison)
    if ran.parts is not None:
        print(f"\nWhere the P&L came from\n\n{ran.parts}")
    if ran.history is not None:
        print(f"\n{ran.history.title}\n\n{ran.history.comparison}")
    print(f"\nreport: {ran.folder.report}")
