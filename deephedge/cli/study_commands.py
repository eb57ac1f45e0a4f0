"""The commands that take a study or a position.

Nothing heavy is imported before a command needs it.
"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from deephedge.cli.exit_codes import refused
from deephedge.cli.options import Json, Out, Quiet


def run(
    *studies: Path,
    out: Out,
    resume: Annotated[bool, Parameter(help="Go on from checkpoints.", negative=())] = False,
    quiet: Quiet = False,
    json: Json = False,
    distributed: Annotated[bool, Parameter(negative=())] = False,
    coordinator: str | None = None,
    processes: int | None = None,
    process: int | None = None,
) -> int:
    """Train, compare and report what a study file describes.

    Of several, each is written to a folder of its name, and all of them to one report.

    Paths are spread over all devices of this machine; with `--distributed`, over those of several
    processes that are started alike, each with its own number. The first one writes to `--out`.

    Args:
        studies: study files.
        distributed: be one of several processes. On a cluster that JAX knows (SLURM, Open MPI,
            Cloud TPU) nothing else need be said.
        coordinator: HOST:PORT of the first process, which the others can reach.
        processes: how many there are.
        process: the number of this one, from 0.
    """
    from deephedge.cli.run import run_studies

    if distributed:
        from deephedge.cli.distributed import joined

        with joined(coordinator, processes, process, out, resume=resume) as own:
            leads = own == out
            return run_studies(
                studies, own, resume=resume, quiet=quiet or json or not leads, json=json and leads
            )
    if (coordinator, processes, process) != (None, None, None):
        return refused("--coordinator, --processes and --process need --distributed.")
    return run_studies(studies, out, resume=resume, quiet=quiet or json, json=json)


def sweep(
    study: Path,
    /,
    *,
    out: Out,
    trials: int | None = None,
    measure: str | None = None,
    policy: str | None = None,
    seed: int = 0,
    quiet: Quiet = False,
    json: Json = False,
) -> int:
    """Run a study at many values of its keys, and compare the results.

    The `[sweep]` table gives, for each dotted key, a list of values: every combination is run,
    each in a folder of its own. What is done already is not run again.

    Args:
        study: the study file, with a `[sweep]` table.
        out: the folder to write to.
        trials: instead of every combination, so many that `optuna` proposes; then a key may have
            a range {low, high, log} instead of a list.
        measure: what is made least; the only measure, or the first, if left out.
        policy: whose; the last policy of the study if left out.
        seed: of what `optuna` proposes.
        quiet: no progress.
        json: print JSON on standard output.
    """
    from deephedge.cli.sweep import run_sweep

    return run_sweep(
        study,
        out,
        trials=trials,
        measure=measure,
        policy=policy,
        seed=seed,
        quiet=quiet or json,
        json=json,
    )


def backtest(
    study: Path, /, *, policies: Path, out: Out, quiet: Quiet = False, json: Json = False
) -> int:
    """Replay a study's policies on recorded history.

    Args:
        study: the study file; its `[backtest]` table says on which dates.
        policies: the folder of trained policies that `run` wrote.
        out: the folder to write to.
        quiet: no progress bar.
        json: print JSON on standard output.
    """
    from deephedge.cli.backtest import backtest_study

    return backtest_study(study, policies, out, quiet=quiet or json, json=json)


def optimum(study: Path, /, *, json: Json = False) -> int:
    """The least risk that any hedge of a study can have, and the no-trade region at the start.

    By dynamic programming, for entropic measures: a claim on the final price, in BlackScholes,
    Merton, Kou or Heston, with no, proportional, fixed or quadratic costs. The error is the
    distance to the value on a grid of half the resolution.

    Args:
        study: the study file; every entropic measure of it is solved for.
        json: print JSON on standard output.
    """
    from deephedge.cli.optimum import print_optimum

    return print_optimum(study, json=json)


def monitor(
    position: Path,
    market: Annotated[str, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    state: Path | None = None,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    quiet: Annotated[bool, Parameter(negative=())] = False,
    json: Json = False,
) -> int:
    """Follow a book on a stream of quotes and say what to trade.

    For each quote: the trade that the policy asks for, the Greeks of the book, where the P&L since
    the last quote came from, limits that are breached, changes of level of an escalation. A line
    that cannot be used, or comes late, is named on standard error and skipped. What was asked for
    is on disk before it is printed; after a restart nothing is asked for twice.

    Args:
        position: a TOML file: [market], [claim], [cost] and [policies.NAME] as in a study, [book]
            with policy, cash and holdings, and perhaps [pricer], [limits.NAME], [quotes]. A policy
            that `run` trained has type = "Trained" and its file.
        market: a CSV file with the columns time and spot, perhaps vol, rate and those of listed
            contracts; or - for standard input, as lines arrive.
        state: the file that remembers where the book stands; beside the position if left out.
        dry_run: write no state.
        quiet: only quotes with a trade, a breach or a change of level.
        json: print JSON on standard output, a line a quote.
    """
    from deephedge.cli.monitor import monitor as follow

    return follow(position, market, state=state, dry_run=dry_run, quiet=quiet, json=json)
