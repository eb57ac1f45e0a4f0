"""`deephedge backtest`: the policies of a study on recorded dates that nothing was fitted to."""

import dataclasses
import json as json_format
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import equinox as eqx
import jax

from deephedge.backtest import block_weights, recorded_paths
from deephedge.cli.folder import Folder
from deephedge.cli.resolve import Resolved, open_study
from deephedge.cli.study import Backtest
from deephedge.cli.tables import StudyError
from deephedge.cli.train import load_all
from deephedge.data import open_history
from deephedge.markets import Path as Paths
from deephedge.policies import AbstractPolicy
from deephedge.pricing import AbstractListed
from deephedge.reports import Comparison, compare_recorded


@dataclasses.dataclass(frozen=True)
class Backtested:
    """Policies on recorded windows: the comparison, the windows, and where they come from."""

    comparison: Comparison
    paths: Paths
    facts: dict[str, Any]

    def summary(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {**self.facts, **self.comparison.summary()}

    @property
    def title(self) -> str:
        """What the table is of."""
        return (
            f"Recorded history: {self.facts['windows']} overlapping windows that start from "
            f"{self.facts['first_start']} to {self.facts['last_start']}. "
            f"Quoted volatility: {self.facts['quoted_volatility']}."
        )


def backtested(
    resolved: Resolved, policies: Mapping[str, AbstractPolicy], table: Backtest
) -> Backtested:
    """Every policy on every window of the table's dates, with block-bootstrap errors."""
    try:
        paths, facts = recorded_windows(resolved, table)
        weights = block_weights(
            facts["windows"],
            mean_block=table.mean_block,
            n_resamples=table.n_resamples,
            seed=table.seed,
        )
    except ValueError as error:
        raise StudyError(("backtest",), " ".join(str(error).split())) from None
    comparison = compare_recorded(
        resolved.problem,
        policies,
        resolved.measures,
        paths,
        weights=weights,
        key=jax.random.key(table.seed),
        baseline=resolved.study.evaluation.baseline,
    )
    return Backtested(comparison, paths, facts)


def recorded_windows(resolved: Resolved, table: Backtest) -> tuple[Paths, dict[str, Any]]:
    """The windows of the table's dates as the study's market shows them, and the facts of them."""
    problem = resolved.problem
    history = open_history(table.data, markup=table.markup)
    paths, starts = recorded_paths(
        history.closes,
        history.quoted,
        n_steps=problem.n_steps,
        maturity=float(problem.claim.maturity),
        first=table.first,
        last=table.last,
        spot=float(problem.market.start().prices[0]),
        rate=float(resolved.given.get("rate", 0.0)),
    )
    if isinstance(problem.market, AbstractListed):
        paths = _with_instruments(problem.market, paths)
    facts = {
        "windows": len(starts),
        "first_start": str(starts[0]),
        "last_start": str(starts[-1]),
        "quoted_volatility": history.rule,
        "sources": [f"{x.source}, {x.first} to {x.last}" for x in history.sources],
        "mean_block": table.mean_block,
        "n_resamples": table.n_resamples,
    }
    return paths, facts


def _with_instruments(market: AbstractListed, paths: Paths) -> Paths:
    """The windows with the market's instruments beside the recorded price."""
    assets, first = market.market.start(), jax.tree.map(lambda x: x[0, 0], paths)
    if (assets.prices.shape, assets.factors.shape) != (first.prices.shape, first.factors.shape):
        raise ValueError(
            "the instruments must be listed in a recorded market, whose one factor is the quoted "
            f"volatility, got {type(market.market).__name__}; give the listed `market` the type "
            "`Recorded` and the `pricer` the type `QuotedSurface` or `QuotedBlackScholes`."
        )
    return _extended(market, paths)


@eqx.filter_jit
def _extended(market: AbstractListed, paths: Paths) -> Paths:
    # All windows have the same dates: what a pricer works out for a date alone, a grid, is shared.
    times = paths.time[0]
    return jax.vmap(lambda path: market.extend(dataclasses.replace(path, time=times)))(paths)


def backtest_study(file: Path, policies: Path, out: Path, *, quiet: bool, json: bool) -> int:
    """Replay the policies that a run saved; print the table, write `backtest.json` and `.csv`."""
    resolved = open_study(file)
    table = resolved.study.backtest
    if table is None:
        raise StudyError((), f"{file}: backtest: must be given: a table with `first` and `last`.")
    try:
        result = backtested(resolved, load_all(resolved, policies), table)
    except StudyError as error:
        raise StudyError((), f"{file}: {error}") from None
    folder = Folder(out)
    folder.make()
    folder.write_json("backtest.json", result.summary())
    result.comparison.frame().to_csv(folder.root / "backtest.csv", index=False)
    if json:
        print(json_format.dumps(result.summary()))
        return 0
    print(f"{result.title}\n\n{result.comparison}")
    if not quiet:
        print(f"written to {out}", file=sys.stderr)
    return 0
