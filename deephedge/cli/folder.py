"""What a run leaves on disk."""

import dataclasses
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from deephedge.cli.environment import environment
from deephedge.cli.tables import StudyError


@dataclasses.dataclass(frozen=True)
class Folder:
    """The folder of one run, and where each thing stands in it."""

    root: Path

    @property
    def study(self) -> Path:
        return self.root / "study.toml"

    @property
    def report(self) -> Path:
        return self.root / "report.html"

    @property
    def comparison(self) -> Path:
        return self.root / "comparison.csv"

    @property
    def environment(self) -> dict[str, Any]:
        return json.loads((self.root / "environment.json").read_text(encoding="utf-8"))

    def policy(self, name: str) -> Path:
        return self.root / "policies" / f"{name}.safetensors"

    def checkpoint(self, name: str) -> Path:
        return self.root / "checkpoints" / f"{name}.state"

    def prepare(self, study_text: str, seeds: Mapping[str, int], *, resume: bool) -> None:
        """Make the folder and say what is run in it; an earlier run's state is cleared away."""
        if resume and not self.study.exists():
            raise StudyError((), f"--resume: there is no earlier run in {self.root}.")
        if resume and self.study.read_text(encoding="utf-8") != study_text:
            raise StudyError((), f"--resume: {self.study} is another study; use a new --out.")
        try:
            if not resume:
                shutil.rmtree(self.root / "checkpoints", ignore_errors=True)
                shutil.rmtree(self.root / "policies", ignore_errors=True)
            for name in ("checkpoints", "policies"):
                (self.root / name).mkdir(parents=True, exist_ok=True)
            self.study.write_text(study_text, encoding="utf-8")
        except OSError as error:
            raise StudyError(
                (), f"--out: cannot write {error.filename}: {error.strerror}."
            ) from None
        self.write_json("environment.json", {**environment(), "seeds": dict(seeds)})

    def make(self) -> None:
        """Make the folder, or say why that cannot be."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StudyError((), f"--out: cannot make {self.root}: {error.strerror}.") from None

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """`content` as readable JSON."""
        text = json.dumps(content, indent=2, ensure_ascii=False)
        (self.root / name).write_text(text + "\n", encoding="utf-8")

    def write_lines(self, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """`rows` as JSON, a line each."""
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (self.root / name).write_text(text, encoding="utf-8")
