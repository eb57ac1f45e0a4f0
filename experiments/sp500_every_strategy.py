"""Every policy of the library on the S&P 500, with its cost: one table.

What is sold or held, the mean P&L of a window, its deviation, the mean loss of the worst 5 % with
its difference from doing nothing and from a static hedge on the same windows, turnover and cost; on
100 of the index, with block-bootstrap errors. The problems are those of `experiments/studies`;
three policies need what a study file cannot say:

* `MergerArbitrage`: a deal struck every day. The acquirer is the index; the target is to become 40
  in cash and 1.2 acquirer shares of 50 in half a year, and is worth 75 alone, moving with the index
  and 25 % a year of its own. Breaks are simulated, at 0.2 a year; the target's price contains 0.4:
  that premium is stated, not found.
* `MinimumVarianceDelta`: the calls of `sp500_every_hedge`, the variance being the square of the
  quote, in the model of Heston that `sp500_deltas.py` fits to 1999 to 2003 alone.
* `Recalibrated`: one wealth from 2004 on at a volatility target of 12 %, its GARCH fitted again
  every year to the thousand days before; years of it, one from each date.

The learned policies are trained on 1999 to 2013 (`sp500_calls`) and tried on 2014 to 2018.

    python experiments/sp500_every_strategy.py [--only GROUP ...] [--resamples 500] [--out FILE.csv]
"""

import argparse
import dataclasses
import datetime
import pathlib
import tempfile
import tomllib
from collections.abc import Callable, Mapping, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from sp500_deltas import HESTON

from deephedge.backtest import (
    block_weights,
    long_record,
    recalibrated,
    recorded_paths,
    walk_forward,
)
from deephedge.calibration import fit_garch
from deephedge.claims import NoClaim
from deephedge.cli.backtest import recorded_windows
from deephedge.cli.folder import Folder
from deephedge.cli.resolve import open_study
from deephedge.cli.toml import toml_text
from deephedge.cli.train import train_all
from deephedge.costs import Financing, HalfSpread
from deephedge.data import open_history, sp500
from deephedge.markets import MergerMarket, Path
from deephedge.policies import (
    AbstractPolicy,
    GarchFilter,
    MergerArbitrage,
    MinimumVarianceDelta,
    StaticHedge,
    VolatilityTarget,
)
from deephedge.pricing import AbstractPricer, Fourier
from deephedge.reports.errors import Errors, Measured, bootstrap_errors
from deephedge.reports.outcome import Outcome, outcome
from deephedge.risk import ExpectedShortfall
from deephedge.rollout import HedgingProblem, replay, time_grid
from deephedge.typing import Array

STUDIES = pathlib.Path(__file__).parent / "studies"
FIRST, LAST = datetime.date(2004, 1, 1), datetime.date(2018, 12, 31)


ELSEWHERE = {"Attention", "LogSignature", "PerStep", "Recurrent"} | {
    "BandFormula",
    "DeepSets",
    "NoTransactionRegion",
    "TabulatedBand",
    "TabulatedHoldings",
    "TabulatedTarget",
    "TabulatedTrigger",
}
"""Compared in simulated markets: learned hedges in `architectures.py` and `any_book.py`, solved
ones where solved, tables of another rule's holdings where they stand for it."""


@dataclasses.dataclass(frozen=True)
class Group:
    """Policies on the same windows."""

    outcomes: dict[str, Outcome]
    mean_block: float


@dataclasses.dataclass(frozen=True)
class Plan:
    """What the policies of a group are for, and the two that they are held against."""

    what: str
    run: "Callable[[], Group]"
    nothing: str
    static: str
    against: str
    """These two in words."""
    studies: tuple[str, ...] = ()
    """Whose policies are all in the group."""
    others: tuple[str, ...] = ()
    """Classes of the policies that are built here."""


def study(name: str) -> Group:
    """The backtest of a study."""
    resolved = open_study(STUDIES / f"{name}.toml")
    table = resolved.study.backtest
    assert table is not None
    paths, _ = recorded_windows(resolved, table)
    return Group(_replayed(resolved.problem, resolved.policies, paths), table.mean_block)


def _replayed(
    problem: HedgingProblem, policies: Mapping[str, AbstractPolicy], paths: Path
) -> dict[str, Outcome]:
    """Every policy on the windows; where wealth is invested, the P&L is what it gained."""
    stake = 0.0
    if isinstance(problem.claim, NoClaim) and not isinstance(problem.premium, AbstractPricer):
        stake = problem.premium
    found = {}
    for name, policy in policies.items():
        ended = replay(problem, policy, paths, keep=outcome, batch_size=2048)
        found[name] = dataclasses.replace(ended, pnl=ended.pnl - stake)
        print(".", end="", flush=True)
    return found


def sold_calls() -> Group:
    """Every hedge of a study, the minimum-variance delta, and the learned ones."""
    resolved = open_study(STUDIES / "sp500_every_hedge.toml")
    table, problem = resolved.study.backtest, resolved.problem
    assert table is not None
    assert isinstance(problem.premium, AbstractPricer)
    paths, _ = recorded_windows(resolved, table)
    found = _replayed(problem, resolved.policies, paths)

    # The index alone, the quote squared where the model has its variance; the others' premium.
    variance = dataclasses.replace(
        paths,
        prices=paths.prices[..., :1],
        accrual=paths.accrual[..., :1],
        factors=paths.factors[..., :1] ** 2,
    )
    least = MinimumVarianceDelta(problem.claim, Fourier(HESTON), HESTON)
    unpaid = HedgingProblem(
        HESTON, problem.claim, HalfSpread(5.0), problem.times, close_out=problem.close_out
    )
    ended = _replayed(unpaid, {"minimum_variance": least}, variance)["minimum_variance"]
    premium = eqx.filter_jit(jax.vmap(lambda path: problem.premium_at(path.at(0))))(paths)
    found["minimum_variance"] = dataclasses.replace(ended, pnl=ended.pnl + premium)
    return Group(found | _learned(problem.premium), table.mean_block)


def _learned(premium: AbstractPricer) -> dict[str, Outcome]:
    """The trained policies of `sp500_calls`, on the same windows and for the same premium."""
    resolved = open_study(STUDIES / "sp500_calls.toml")
    assert resolved.study.backtest is not None
    with tempfile.TemporaryDirectory() as name:
        folder = Folder(pathlib.Path(name))
        folder.prepare(toml_text(resolved.tables()), {}, resume=False)
        trained = train_all(resolved, folder, resume=False, quiet=True).policies
    paths, _ = recorded_windows(resolved, resolved.study.backtest)
    problem = dataclasses.replace(resolved.problem, premium=premium)
    return _replayed(problem, {name: trained[name] for name in resolved.trainings}, paths)


def mergers() -> Group:
    """A deal from every date, the recorded index as the acquirer."""
    history, maturity, n_steps = open_history("sp500", markup=1.2), 0.5, 126
    windows, _ = recorded_paths(
        history.closes,
        history.quoted,
        n_steps=n_steps,
        maturity=maturity,
        first=FIRST,
        last=LAST,
        spot=50.0,
    )
    market = MergerMarket(
        acquirer=50.0,
        standalone=75.0,
        closing=maturity,
        break_intensity=0.4,
        real_intensity=0.2,
        cash=40.0,
        ratio=1.2,
    )
    n = windows.time.shape[0]
    days, deals = jax.random.split(jax.random.key(0))
    # Windows that share a day share its shock; each deal breaks, or does not, by itself.
    shocks = 0.25 * jnp.sqrt(maturity / n_steps) * jax.random.normal(days, (n + n_steps,))
    breaks = jax.random.exponential(deals, (n,)) / 0.2

    def joined(window: Path, start: Array, breaks: Array) -> Path:
        own = jax.lax.dynamic_slice_in_dim(shocks, start, n_steps)
        noise = jnp.concatenate([jnp.zeros(1), jnp.cumsum(own)])
        acquirer = window.prices[:, 0]
        alone = 75.0 * acquirer / acquirer[0] * jnp.exp(noise)
        broken = (window.time >= breaks).astype(alone.dtype)
        target = market.target(window.time, acquirer, alone, broken)
        return dataclasses.replace(
            window,
            prices=jnp.stack([target, acquirer], axis=1),
            accrual=jnp.ones((n_steps + 1, 2), alone.dtype),
            factors=jnp.stack([broken, alone], axis=1),
        )

    paths = jax.jit(jax.vmap(joined))(windows, jnp.arange(n), breaks)
    problem = HedgingProblem(
        market,
        NoClaim(maturity=maturity),
        HalfSpread([5.0, 2.0]),
        time_grid(maturity, n_steps),
        close_out=True,
        financing=Financing(short_fee=[0.01, 0.01]),
    )
    policies = {
        "target_alone": MergerArbitrage(closing=maturity),
        "static": StaticHedge([1.0, -1.2]),
        "spread": MergerArbitrage(closing=maturity, ratio=1.2),
        "spread_neutral_today": MergerArbitrage(closing=maturity, ratio=1.2, break_intensity=0.4),
    }
    return Group(_replayed(problem, policies, paths), 252.0)


def refitted() -> Group:
    """Years of one wealth at a volatility target, its forecast fitted again or not."""
    record = long_record(sp500().frame)
    years = [datetime.date(year, 1, 1) for year in range(FIRST.year, LAST.year + 1)]

    def fit(past: pd.DataFrame) -> VolatilityTarget:
        found = fit_garch(past["close"].to_numpy()[-1001:], dt=1 / 252).parameters
        numbers = {name: found[name] for name in ("base", "news", "memory")}
        return VolatilityTarget(target=0.12, band=0.05, forecast=GarchFilter(start=0.16, **numbers))

    policies = {
        "index": StaticHedge(100.0 / record.closes.loc[str(FIRST) :].iloc[0]),
        "never_fitted_again": recalibrated(record, fit, years[:1]),
        "fitted_every_year": recalibrated(record, fit, years),
    }
    found = {}
    for name, policy in policies.items():
        ledger, wealth = walk_forward(record, policy, cost=HalfSpread(2.0), first=years[0])
        level, n = wealth.to_numpy(), len(wealth) - 252

        def in_a_year(amounts: Array, level: np.ndarray = level, n: int = n) -> Array:
            total = np.concatenate([[0.0], np.cumsum(np.asarray(amounts))])
            return jnp.asarray(100.0 * (total[252 : n + 252] - total[:n]) / level[:n])

        found[name] = Outcome(
            pnl=jnp.asarray(100.0 * (level[252:] / level[:-252] - 1.0)),
            cost=in_a_year(ledger.costs),
            carry=jnp.zeros(n),
            turnover=in_a_year(ledger.turnover),
            trades=jnp.zeros(n),
        )
    return Group(found, 504.0)


PLANS = {
    "calls": Plan(
        "a month's call at the money, sold at the quote of the day, 2014 to 2018",
        sold_calls,
        "no_hedge",
        "static",
        "no hedge; half a share",
        ("sp500_every_hedge",),
        ("MinimumVarianceDelta", "Feedforward", "NoTransactionBand"),
    ),
    "portfolios": Plan(
        "100 of the index for a year, 1999 to 2018",
        lambda: study("sp500_portfolios"),
        "index",
        "seventy_percent",
        "the index; 70 % of it",
        ("sp500_portfolios",),
    ),
    "refitted": Plan(
        "100 of the index for a year, one wealth from 2004 to 2018",
        refitted,
        "index",
        "never_fitted_again",
        "the index; fitted once",
        others=("Recalibrated",),
    ),
    "barrier": Plan(
        "a quarter's down-and-out call (100, barrier 90), sold, 2004 to 2018",
        lambda: study("sp500_barrier"),
        "no_hedge",
        "static",
        "no hedge; the call alone",
        ("sp500_barrier",),
    ),
    "variance": Plan(
        "a month's variance swap, sold, 2004 to 2018; a point of volatility about 1",
        lambda: study("sp500_variance"),
        "no_hedge",
        "static",
        "no hedge; the options alone",
        ("sp500_variance",),
    ),
    "convertible": Plan(
        "a convertible, held half a year, 2014 to 2018",
        lambda: study("sp500_convertible"),
        "long_convertible",
        "static",
        "the convertible alone; a fixed short",
        ("sp500_convertible",),
    ),
    "merger": Plan(
        "a merger's target, held half a year, the index as acquirer, 2004 to 2018",
        mergers,
        "target_alone",
        "static",
        "the target alone; a short kept through the break",
        others=("MergerArbitrage",),
    ),
}


def covered() -> set[str]:
    """The policies in the comparison, by class; nothing is run."""
    found = {name for plan in PLANS.values() for name in plan.others}
    for plan in PLANS.values():
        for name in plan.studies:
            tables = tomllib.loads((STUDIES / f"{name}.toml").read_text(encoding="utf-8"))
            found |= {table["type"] for table in tables["policies"].values()}
    return found


def rows(group: str, n_resamples: int) -> list[dict[str, object]]:
    """The group's part of the table."""
    plan = PLANS[group]
    made = plan.run()
    n = next(iter(made.outcomes.values())).pnl.shape[0]
    weights = block_weights(n, mean_block=made.mean_block, n_resamples=n_resamples, seed=2)
    errors, worst = bootstrap_errors(weights), ExpectedShortfall(tail=0.05)
    tails = {name: errors.measured(worst, x.pnl) for name, x in made.outcomes.items()}
    print(f" {group}", flush=True)
    return [
        {
            "strategy": name,
            "sold or held": plan.what,
            **_with_error("mean", errors, errors.measured(_mean, x.pnl)),
            "std": float(jnp.std(x.pnl)),
            **_with_error("worst 5 %", errors, tails[name]),
            **_less("less nothing", errors, tails[name], tails[plan.nothing]),
            **_less("less static", errors, tails[name], tails[plan.static]),
            "turnover": float(jnp.mean(x.turnover)),
            "cost": float(jnp.mean(x.cost + x.carry)),
        }
        for name, x in made.outcomes.items()
    ]


def _mean(values: Array, weights: Array) -> Array:
    return jnp.sum(weights * values)


def _with_error(label: str, errors: Errors, found: Measured) -> dict[str, float]:
    return {label: found.value, f"{label} ±": errors.standard_error(found.spread)}


def _less(label: str, errors: Errors, found: Measured, base: Measured) -> dict[str, float]:
    """A loss less that of another policy on the same resamples, with its 95 % interval."""
    paired = errors.paired(found, base)
    low, high = paired.difference_low, paired.difference_high
    return {label: paired.difference, f"{label} low": low, f"{label} high": high}


def lines(table: Sequence[Mapping[str, object]], group: str) -> list[str]:
    """A group's rows as the page on backtests shows them, below what the group is."""
    plan = PLANS[group]
    heading = f"| **{plan.what[0].upper()}{plan.what[1:]}** (less: {plan.against}) | | | | | | | |"
    return [heading, *(_line(row) for row in table)]


def _line(row: Mapping[str, object]) -> str:
    x = {name: value for name, value in row.items() if isinstance(value, float)}
    intervals = [
        _interval(*(x[f"less {of}{end}"] for end in ("", " low", " high")))
        for of in ("nothing", "static")
    ]
    cells = [
        str(row["strategy"]).replace("_", " "),
        _number(x["mean"], x["mean ±"]),
        f"{x['std']:.2f}",
        _number(x["worst 5 %"], x["worst 5 % ±"]),
        *intervals,
        f"{x['turnover']:.0f}",
        f"{x['cost']:.3f}",
    ]
    return f"| {' | '.join(cells)} |".replace("-", MINUS)


def _number(value: float, error: float) -> str:
    digits = 2 if error < 1.0 else 1
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def _interval(middle: float, low: float, high: float) -> str:
    if low == high == 0.0:
        return DASH  # the policy itself
    digits = 2 if high - low < 8.0 else 1
    return f"{middle:+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}]"


MINUS, DASH = "\N{MINUS SIGN}", "\N{EN DASH}"

HEADER = (
    "| strategy | mean P&L | std | mean loss of the worst 5 % | less doing nothing's | less the "
    "static hedge's | turnover | cost |\n|---|---|---|---|---|---|---|---|"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=list(PLANS), default=list(PLANS))
    parser.add_argument("--resamples", type=int, default=500)
    parser.add_argument("--out", type=pathlib.Path, help="where to write the table as CSV")
    given = parser.parse_args()
    table = {group: rows(group, given.resamples) for group in given.only}
    print("\n".join([HEADER, *(line for group in table for line in lines(table[group], group))]))
    if given.out is not None:
        pd.DataFrame([row for part in table.values() for row in part]).to_csv(
            given.out, index=False
        )


if __name__ == "__main__":
    main()
