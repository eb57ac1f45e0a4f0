"""`deephedge run`: train, compare, backtest and report what a study describes."""

import sys
from pathlib import Path

from deephedge.cli.folder import Folder
from deephedge.cli.resolve import Resolved, open_study
from deephedge.cli.tables import StudyError
from deephedge.cli.toml import toml_text
from deephedge.cli.train import train_all

INTERRUPTED = 130


def run_study(file: Path, out: Path, *, resume: bool, quiet: bool, json: bool) -> int:
    """Run the study and write its folder; returns the exit code."""
    resolved = open_study(file)
    folder = Folder(out)
    try:
        folder.prepare(toml_text(resolved.tables()), _seeds(resolved), resume=resume)
        lessons = train_all(resolved, folder, resume=resume, quiet=quiet)
    except StudyError as error:
        raise StudyError((), f"{file}: {error}") from None
    if lessons.interrupted:
        saved = ", ".join(lessons.records) or "none"
        print(
            f"deephedge: interrupted; policies saved so far: {saved}. "
            f"Go on with: deephedge run {file} --out {out} --resume",
            file=sys.stderr,
        )
        return INTERRUPTED
    return 0


def _seeds(resolved: Resolved) -> dict[str, int]:
    """Every seed that the numbers depend on."""
    study = resolved.study
    seeds = {f"training {name}": training.seed for name, training in resolved.trainings.items()}
    seeds["evaluation"] = study.evaluation.seed
    return seeds if study.backtest is None else {**seeds, "backtest": study.backtest.seed}
