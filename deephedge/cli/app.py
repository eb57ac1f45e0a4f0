"""The command line: which commands there are, and how they end."""

import sys
from collections.abc import Sequence
from importlib.metadata import version

from cyclopts import App, CycloptsError

from deephedge.cli.exit_codes import DONE, INTERRUPTED, refused
from deephedge.cli.study_commands import backtest, monitor, optimum, run, sweep
from deephedge.cli.value_commands import calibrate, greeks, price

app = App(
    name="deephedge",
    help="Price, simulate, hedge and compare: a hedging research toolkit on JAX.",
    version=version("deephedge"),
)

for each in (run, sweep, backtest, optimum, price, greeks, calibrate, monitor):
    app.command(each)


@app.command
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


@app.command
def doctor() -> int:
    """Say what is installed, and whether it works."""
    from deephedge.cli.doctor import examine

    return examine()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 bad input, 130 interrupted."""
    sys.exit(command(sys.argv[1:] if arguments is None else arguments))


def command(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit code. Bad input costs one line, not a traceback."""
    try:
        function, bound, _ = app.parse_args(list(arguments), exit_on_error=False, print_error=False)
    except CycloptsError as error:
        return refused(str(error))
    from deephedge.cli.tables import StudyError

    try:
        return function(*bound.args, **bound.kwargs) or DONE
    except StudyError as error:
        return refused(str(error))
    except KeyboardInterrupt:
        print("deephedge: interrupted.", file=sys.stderr)
        return INTERRUPTED
