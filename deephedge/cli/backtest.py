"""`deephedge backtest`: the policies of a study on recorded dates that nothing was fitted to."""

import dataclasses
import json as json_format
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from deephedge.backtest import (
    Interval,
    block_weights,
    bootstrap_interval,
    paired_interval,
    recorded_paths,
)
from deephedge.cli.folder import Folder
from deephedge.cli.resolve import Resolved, open_study
from deephedge.cli.show import print_backtest
from deephedge.cli.study import Backtest
from deephedge.cli.tables import StudyError
from deephedge.cli.train import load_all
from deephedge.data import open_history
from deephedge.markets import Path as Paths
from deephedge.policies import AbstractPolicy
from deephedge.rollout import Ledger, replay


@dataclasses.dataclass(frozen=True)
class Recorded:
    """The windows of recorded history that policies are tried on, and where they come from."""

    paths: Paths
    starts: np.ndarray
    rule: str
    sources: list[str]


def recorded(resolved: Resolved, table: Backtest) -> Recorded:
    """Every window of the study's length between the table's dates."""
    problem = resolved.problem
    start = problem.market.start()
    try:
        history = open_history(table.data, markup=table.markup)
        paths, starts = recorded_paths(
            history.closes,
            history.quoted,
            n_steps=problem.n_steps,
            maturity=float(problem.claim.maturity),
            first=table.first,
            last=table.last,
            spot=float(start.prices[0]),
            rate=float(resolved.given.get("rate", 0.0)),
        )
    except ValueError as error:
        raise StudyError(("backtest",), str(error)) from None
    sources = [f"{source.source}, {source.first} to {source.last}" for source in history.sources]
    return Recorded(paths, starts, history.rule, sources)


def backtested(
    resolved: Resolved, policies: Mapping[str, AbstractPolicy], table: Backtest
) -> tuple[dict[str, Any], dict[str, Ledger]]:
    """Measures with block-bootstrap intervals for every policy, and every policy's ledgers."""
    history = recorded(resolved, table)
    ledgers = {
        name: replay(resolved.problem, policy, history.paths) for name, policy in policies.items()
    }
    try:
        weights = block_weights(
            len(history.starts),
            mean_block=table.mean_block,
            n_resamples=table.n_resamples,
            seed=table.seed,
        )
    except ValueError as error:
        raise StudyError(("backtest",), str(error)) from None
    baseline = resolved.study.evaluation.baseline
    rows = {}
    for name, ledger in ledgers.items():
        measures = {}
        for label, measure in resolved.measures.items():
            measures[label] = _numbers(bootstrap_interval(measure, ledger.pnl, weights))
            if baseline is not None and name != baseline:
                paired = paired_interval(measure, ledger.pnl, ledgers[baseline].pnl, weights)
                measures[label]["difference"] = _numbers(paired)
        rows[name] = {"measures": measures, **_facts(ledger)}
    summary = {
        "windows": len(history.starts),
        "first_start": str(history.starts[0]),
        "last_start": str(history.starts[-1]),
        "quoted_volatility": history.rule,
        "sources": history.sources,
        "mean_block": table.mean_block,
        "n_resamples": table.n_resamples,
        "baseline": baseline,
        "policies": rows,
    }
    return summary, ledgers


def _numbers(interval: Interval) -> dict[str, Any]:
    return {name: float(value) for name, value in vars(interval).items()}


def _facts(ledger: Ledger) -> dict[str, float]:
    """What else a reader wants to know of one policy: means over the windows."""
    trades = jnp.abs(ledger.trades)
    return {
        "mean": float(jnp.mean(ledger.pnl)),
        "std": float(jnp.std(ledger.pnl)),
        "cost": float(jnp.mean(jnp.sum(ledger.costs, axis=1))),
        "turnover": float(jnp.mean(jnp.sum(trades, axis=(1, 2)))),
        "trades": float(jnp.mean(jnp.sum(jnp.any(trades > 0, axis=2), axis=1))),
    }


def backtest_study(file: Path, policies: Path, out: Path, *, quiet: bool, json: bool) -> int:
    """Replay the policies that a run saved, print the table and write `backtest.json`."""
    resolved = open_study(file)
    table = resolved.study.backtest
    if table is None:
        raise StudyError((), f"{file}: backtest: must be given: a table with `first` and `last`.")
    try:
        summary, _ = backtested(resolved, load_all(resolved, policies), table)
        folder = Folder(out)
        folder.make()
    except StudyError as error:
        raise StudyError((), f"{file}: {error}") from None
    folder.write_json("backtest.json", summary)
    if json:
        print(json_format.dumps(summary))
        return 0
    print_backtest(summary)
    if not quiet:
        print(f"written to {out}", file=sys.stderr)
    return 0
