"""`deephedge reproduce`, as the command line takes it."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from deephedge.cli.options import Json


def reproduce(
    *names: str,
    every: Annotated[bool, Parameter(name="--all", negative=())] = False,
    listed: Annotated[bool, Parameter(name="--list", negative=())] = False,
    full: Annotated[bool, Parameter(negative=())] = False,
    seed: int = 0,
    out: Path | None = None,
    folder: Path | None = None,
    page: Path | None = None,
    readme: Path | None = None,
    json: Json = False,
) -> int:
    """Reproduce published results and set them beside the papers' numbers.

    The exit code is 1 where a number disagrees by more than the tolerance that was stated.

    Args:
        names: of papers, as `--list` gives them.
        every: all of them.
        listed: only list them.
        full: the paper's size; without it, one of seconds.
        seed: of everything that is random.
        out: a folder for results and pictures; what is there already is not run again.
        folder: where the papers' files are, if not in `experiments`.
        page: a Markdown file to write, with a section a paper; best in `out`.
        readme: a Markdown file with a table to renew.
        json: print JSON on standard output.
    """
    from deephedge.cli.reproduce import reproduce_papers

    return reproduce_papers(
        names,
        every=every,
        listed=listed,
        full=full,
        seed=seed,
        out=out,
        folder=folder,
        page=page,
        readme=readme,
        as_json=json,
    )
