"""`deephedge reproduce`: published results, by one command each."""

import json
import pathlib
import sys
from collections.abc import Sequence

import deephedge
from deephedge.cli.tables import StudyError
from deephedge.reports import reproductions
from deephedge.reports.reproductions import Reproduction


def reproduce_papers(
    names: Sequence[str],
    *,
    every: bool,
    listed: bool,
    full: bool,
    seed: int,
    out: pathlib.Path | None,
    folder: pathlib.Path | None,
    page: pathlib.Path | None,
    readme: pathlib.Path | None,
    as_json: bool,
) -> int:
    """Run the papers of those names; 0 where all findings hold, else 1."""
    files = reproductions.paper_files(folder or _experiments())
    if listed:
        for name, file in files.items():
            paper = reproductions.load(file).PAPER
            print(f"{name:<45} about {paper.minutes:g} min with --full. {paper.claim}")
        return 0
    if unknown := [name for name in names if name not in files]:
        raise StudyError((), f"{unknown[0]!r} is not one of {', '.join(files)}.")
    if not names and not every:
        raise StudyError((), "name a paper, or say --all; --list lists them.")
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    found = [
        _one(files[name], full=full, seed=seed, out=out, quiet=as_json)
        for name in (files if every else names)
    ]
    if as_json:
        print(json.dumps([_told(result) for result in found], indent=1))
    if page is not None:
        _write_page(found, page)
    if readme is not None:
        text = reproductions.rewritten(readme.read_text(), reproductions.summary(found))
        readme.write_text(text)
    return 0 if all(result.holds for result in found) else 1


def _one(
    file: pathlib.Path, *, full: bool, seed: int, out: pathlib.Path | None, quiet: bool
) -> Reproduction:
    """Run a paper, or take up what an earlier run wrote to `out`."""
    kept = None if out is None else out / f"{file.stem}.json"
    if kept is not None and kept.exists():
        result = reproductions.saved(kept)
        if (result.full, result.seed) == (full, seed):
            _print(result, quiet, f"taken from {kept}")
            return result
    if not quiet:
        print(f"\n{file.stem} ...", file=sys.stderr)
    picture = None if out is None else out / f"{file.stem}.svg"
    if quiet:
        # Tables that a paper prints on its way belong to people.
        stdout, sys.stdout = sys.stdout, sys.stderr
        try:
            result = reproductions.reproduce(file, full=full, seed=seed, picture=picture)
        finally:
            sys.stdout = stdout
    else:
        result = reproductions.reproduce(file, full=full, seed=seed, picture=picture)
    if kept is not None:
        reproductions.save(result, kept)
    _print(result, quiet, f"{result.seconds:.0f} s")
    return result


def _print(result: Reproduction, quiet: bool, remark: str) -> None:
    if quiet:
        return
    print(f"\n{result.paper.reference}\n{result.paper.claim}  ({remark})")
    for finding in result.findings:
        print(f"  {finding}")


def _told(result: Reproduction) -> dict:
    findings = [{**vars(finding), "holds": finding.holds} for finding in result.findings]
    return {"name": result.name, "full": result.full, "seed": result.seed, "findings": findings}


def _write_page(found: list[Reproduction], page: pathlib.Path) -> None:
    """The page, and the pictures that lie beside the results beside it."""
    pictures = {
        result.name: f"{result.name}.svg"
        for result in found
        if (page.parent / f"{result.name}.svg").exists()
    }
    page.write_text(reproductions.page(found, pictures))


def _experiments() -> pathlib.Path:
    """The folder `experiments` of the present folder, or of the checkout that is installed."""
    home = pathlib.Path(deephedge.__file__).parents[1]
    for folder in (pathlib.Path("experiments"), home / "experiments"):
        if reproductions.paper_files(folder):
            return folder
    raise StudyError(
        (), "the papers are files of the checkout, not of the package; name their folder: --folder."
    )
