"""The papers that are reproduced: their files, what was found, and the page that says so."""

import contextlib
import dataclasses
import importlib.util
import json
import pathlib
import re
import sys
import time
from collections.abc import Iterator
from types import ModuleType

import jax

from deephedge.reports.experiment import Finding, Paper

BEGIN, END = "<!-- reproductions -->", "<!-- end of reproductions -->"
"""Between these two lines of a page the table of results is written."""


@dataclasses.dataclass(frozen=True)
class Reproduction:
    """What one run of a paper's file found."""

    name: str
    paper: Paper
    full: bool
    seed: int
    seconds: float
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        """Whether every finding does."""
        return all(finding.holds for finding in self.findings)


def paper_files(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """The files of a folder that are called author_year_subject.py, by name."""
    files = sorted(folder.glob("*.py"))
    return {file.stem: file for file in files if re.fullmatch(r"[a-z_]+_\d{4}_\w+", file.stem)}


def load(file: pathlib.Path) -> ModuleType:
    """The module of a paper's file, which may import those beside it; constants in float64."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with _importable(file.parent), jax.enable_x64(True):
        spec.loader.exec_module(module)
    return module


@contextlib.contextmanager
def _importable(folder: pathlib.Path) -> Iterator[None]:
    """The folder's files can be imported by name, as from a script of it, and are then forgotten.

    Another folder may have files of the same names: what they were before is what they are after.
    """
    names = {file.stem for file in folder.glob("*.py")}
    path, before = list(sys.path), {x: sys.modules.pop(x) for x in names & sys.modules.keys()}
    importlib.invalidate_caches()
    sys.path.insert(0, str(folder.resolve()))
    try:
        yield
    finally:
        sys.path[:] = path
        for name in names & sys.modules.keys():
            del sys.modules[name]
        sys.modules.update(before)


def reproduce(
    file: pathlib.Path, *, full: bool, seed: int = 0, picture: pathlib.Path | None = None
) -> Reproduction:
    """Run a paper's file in float64, small unless it is to be `full`."""
    begin = time.perf_counter()
    module = load(file)
    with jax.enable_x64(True):
        findings = module.run(seed=seed, smoke=not full, out=picture)
    seconds = time.perf_counter() - begin
    return Reproduction(file.stem, module.PAPER, full, seed, seconds, tuple(findings))


def save(found: Reproduction, file: pathlib.Path) -> None:
    """Write it to a file."""
    write_json(file, dataclasses.asdict(found))


def write_json(file: pathlib.Path, content: dict) -> None:
    """All or nothing: who is interrupted leaves the file as it was."""
    half = file.with_suffix(".half")
    half.write_text(json.dumps(content, indent=1))
    half.replace(file)


def saved(file: pathlib.Path) -> Reproduction:
    """What `save` wrote."""
    content = json.loads(file.read_text())
    findings = tuple(Finding(**finding) for finding in content.pop("findings"))
    return Reproduction(paper=Paper(**content.pop("paper")), findings=findings, **content)


def summary(found: list[Reproduction]) -> str:
    """A row a paper, and a row for every finding that disagrees, in Markdown."""
    rows = ["| paper | what it claims | findings that agree |", "|---|---|---|"]
    for result in found:
        n_held = sum(finding.holds for finding in result.findings)
        n_all = len(result.findings)
        rows.append(f"| {_authors(result)} | {result.paper.claim} | {n_held} of {n_all} |")
    failing = [
        dataclasses.replace(
            result, findings=tuple(finding for finding in result.findings if not finding.holds)
        )
        for result in found
    ]
    if not any(result.findings for result in failing):
        return "\n".join(rows)
    return "\n".join(rows) + "\n\nWhat disagrees, and why as far as was found:\n\n" + table(failing)


def table(found: list[Reproduction]) -> str:
    """Every finding, a row each, in Markdown."""
    rows = [
        "| paper, its place | what | paper | here | may differ by | |",
        "|---|---|---|---|---|---|",
    ]
    for result in found:
        authors = _authors(result)
        for finding in result.findings:
            place = f"{authors}, {finding.place}" if finding.place else authors
            ours = f"{finding.ours:.5g}" + (f" ± {finding.error:.1g}" if finding.error else "")
            room = f"{finding.tolerance:.2g}" + (" more" if finding.at_most else "")
            verdict = (
                "agrees" if finding.holds else f"**disagrees**: {finding.why or 'unexplained'}"
            )
            rows.append(
                f"| {place} | {finding.claim} | {finding.theirs:.5g} | {ours} | "
                f"{room} | {verdict} |"
            )
    return "\n".join(rows)


def _authors(result: Reproduction) -> str:
    """Authors and year."""
    return re.split(r"(?<=\d{4}\))", result.paper.reference)[0]


def page(found: list[Reproduction], pictures: dict[str, str]) -> str:
    """A page of all papers: what each claims, what was found, its picture."""
    parts = [
        "# Papers reproduced",
        "Written by `scripts/reproduce`. `deephedge reproduce NAME --full` runs one; without "
        "`--full` it runs a small size. Tolerances were stated before the numbers of the full size "
        "were seen, unless the paper's file says otherwise; where ours may differ by so much "
        "*more*, it may be less by any amount.",
    ]
    for result in found:
        n_held = sum(finding.holds for finding in result.findings)
        parts += [
            f"## {result.paper.reference}",
            f"{result.paper.claim} `deephedge reproduce {result.name} --full`: {n_held} of "
            f"{len(result.findings)} findings agree; {result.seconds:.0f} s.",
        ]
        if result.paper.deviations:
            parts.append(f"*Deviations.* {result.paper.deviations}")
        parts.append(table([result]))
        if result.name in pictures:
            parts.append(f"![{result.paper.claim}]({pictures[result.name]})")
    return "\n\n".join(parts) + "\n"


def rewritten(text: str, content: str, begin: str = BEGIN, end: str = END) -> str:
    """The page `text` with new content between the lines `begin` and `end`."""
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"the page must have the lines {begin} and {end} once each.")
    head, rest = text.split(begin)
    return f"{head}{begin}\n\n{content}\n\n{end}{rest.split(end)[1]}"
