"""The command line. Nothing heavy is imported before a command needs it."""

import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Parameter

DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

app = App(
    name="deephedge",
    help="Price, simulate, hedge and compare: a hedging research toolkit on JAX.",
    version=version("deephedge"),
)

Claim = Annotated[str | None, Parameter(help="Call, BarrierOption, american-put ...")]
Model = Annotated[str | None, Parameter(help="BlackScholes (if left out), Heston, kou ...")]
Method = Annotated[str | None, Parameter(help="Fourier, FiniteDifference, monte-carlo ...")]
StudyFile = Annotated[
    Path | None, Parameter(help="A TOML file with [market], [claim] and perhaps [pricer].")
]
Terms = Annotated[
    str, Parameter(help="A field of claim, model or method.", allow_leading_hyphen=True)
]
Json = Annotated[bool, Parameter(help="Print JSON on standard output.", negative=())]
Quiet = Annotated[bool, Parameter(help="No progress bar.", negative=())]
Out = Annotated[Path, Parameter(help="The folder to write to.")]


@app.command
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
        return _refuse("--coordinator, --processes and --process need --distributed.")
    return run_studies(studies, out, resume=resume, quiet=quiet or json, json=json)


@app.command
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


@app.command
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


@app.command
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


@app.command
def price(
    claim: Claim = None,
    /,
    *,
    model: Model = None,
    method: Method = None,
    study: StudyFile = None,
    json: Json = False,
    **terms: Terms,
) -> int:
    """The value of a claim.

    Every field of the claim, of the model and of the method is an option: `deephedge price
    BarrierOption --strike=100 --barrier=120 --call=true --up=true --knock-in=false --maturity=1
    --model=Kou --vol=0.2 ...`. Lists are written as in TOML: `--spot=[100, 90]`. Without a method,
    the most accurate one is taken: a formula, a Fourier series, a grid, or else simulation with
    `--n-paths`, `--n-steps` and `--seed`.
    """
    return _value(claim, model, method, study, terms, with_greeks=False, json=json)


@app.command
def greeks(
    claim: Claim = None,
    /,
    *,
    model: Model = None,
    method: Method = None,
    study: StudyFile = None,
    json: Json = False,
    **terms: Terms,
) -> int:
    """The value of a claim and its sensitivities; options as for `price`."""
    return _value(claim, model, method, study, terms, with_greeks=True, json=json)


def _value(
    claim: str | None,
    model: str | None,
    method: str | None,
    study: Path | None,
    terms: Mapping[str, str],
    *,
    with_greeks: bool,
    json: bool,
) -> int:
    from deephedge.cli.value import print_value

    return print_value(
        claim,
        model=model,
        method=method,
        study=study,
        terms=terms,
        with_greeks=with_greeks,
        json=json,
    )


@app.command
def calibrate(
    quotes: Path,
    /,
    *,
    model: Annotated[str, Parameter(help="heston, bates, sabr, rough-bergomi ...")] = "heston",
    free: Annotated[
        list[str] | None, Parameter(help="A parameter to fit; all if left out.")
    ] = None,
    start: Annotated[list[str] | None, Parameter(help="NAME=VALUE to start from.")] = None,
    weight: Literal["spread", "vega", "price"] | None = None,
    seed: int = 0,
    allow_arbitrage: Annotated[bool, Parameter(negative=())] = False,
    max_steps: int = 256,
    plot: Annotated[
        Path | None, Parameter(help="A file for the errors beside the spread: .png, .pdf, .svg.")
    ] = None,
    quiet: Annotated[bool, Parameter(help="Nothing on standard error.", negative=())] = False,
    json: Json = False,
) -> int:
    """Fit a model to option quotes.

    Any model with a characteristic function (lifted-heston with its weights and speeds held), cev
    (with its exponent held), sabr (a smile for each maturity, with the exponent of `--start
    exponent=1`), rough-bergomi (a forward variance with three knots), or local-volatility
    (Dupire's, through an SSVI surface, its nodes then moved to the quotes and kept smooth).

    Args:
        quotes: a CSV file with the columns strike, maturity (years), forward; bid and ask, or mid,
            or bid_vol and ask_vol, or mid_vol; and, if need be, discount and type (call or put).
        weight: count errors in half-spreads, in volatility or in cash.
        seed: of the draws, for rough-bergomi.
        max_steps: of the search for the least squares, of each smile for sabr.
        allow_arbitrage: fit quotes that contradict each other all the same.
    """
    from deephedge.cli.calibrate import calibrate_quotes

    return calibrate_quotes(
        quotes,
        model,
        free=free or (),
        start=start or (),
        weight=weight,
        seed=seed,
        allow_arbitrage=allow_arbitrage,
        max_steps=max_steps,
        plot=plot,
        quiet=quiet or json,
        json=json,
    )


@app.command
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
        return _refuse(str(error))
    from deephedge.cli.tables import StudyError

    try:
        return function(*bound.args, **bound.kwargs) or DONE
    except StudyError as error:
        return _refuse(str(error))
    except KeyboardInterrupt:
        print("deephedge: interrupted.", file=sys.stderr)
        return INTERRUPTED


def _refuse(message: str) -> int:
    print(f"deephedge: {' '.join(message.split())}", file=sys.stderr)
    return BAD_INPUT
