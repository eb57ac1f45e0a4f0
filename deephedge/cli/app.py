"""The command line: which commands there are, and how they end."""

import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Literal

from cyclopts import App, CycloptsError

from deephedge.cli.examples import EXAMPLES, PROGRAM, shown
from deephedge.cli.exit_codes import DONE, INTERRUPTED, refused
from deephedge.cli.mistakes import explained
from deephedge.cli.reproduce_command import reproduce
from deephedge.cli.study_commands import backtest, monitor, optimum, run, sweep
from deephedge.cli.value_commands import calibrate, greeks, price

app = App(
    name="deephedge",
    help="Price, simulate, hedge and compare: a hedging research toolkit on JAX.",
    help_epilogue=shown(PROGRAM),
    version=version("deephedge"),
)


def doctor() -> int:
    """Say what is installed, and whether it works."""
    from deephedge.cli.doctor import examine

    return examine()


def completion(shell: Literal["bash", "zsh", "fish"], /) -> None:
    """Print what makes a shell complete commands, options and files.

    Args:
        shell: the shell that is to read it.
    """
    print(app.generate_completion(shell=shell))


VALUES = (price, greeks, calibrate)
STUDIES = (run, sweep, backtest, optimum, monitor, reproduce)

for each in (*STUDIES, *VALUES, doctor, completion):
    app.command(each, help_epilogue=shown(EXAMPLES[each.__name__]))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 bad input, 130 interrupted."""
    sys.exit(command(sys.argv[1:] if arguments is None else arguments))


def command(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit code. Bad input costs one line, not a traceback."""
    try:
        function, bound, _ = app.parse_args(list(arguments), exit_on_error=False, print_error=False)
    except CycloptsError as error:
        return refused(explained(error))
    from deephedge.cli.tables import StudyError

    try:
        return function(*bound.args, **bound.kwargs) or DONE
    except StudyError as error:
        return refused(str(error))
    except KeyboardInterrupt:
        print("deephedge: interrupted.", file=sys.stderr)
        return INTERRUPTED
