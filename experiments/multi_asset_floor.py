"""Does a programme that protects 70 % of a multi-asset portfolio do what is often claimed for it?

The claim: it beats its benchmark by 1.5 % a year, and the 20th-percentile loss stays above the
floor. Here it is put to shares (60 %), bonds (30 %) and oil (10 %), day by day from January 1987 to
November 2018: unprotected, protected statically (less of the basket; a put on it), dynamically
(constant-proportion insurance, its ratchet, volatility targets), and with weights and regimes
fitted again every year on the past alone. Needs `pip install 'deephedge[data,histories]'`; with
`--short` the extra `data` is enough, and the years are 2000 to 2018.

    python experiments/multi_asset_floor.py [--short] [--resamples 500] [--out DIR]

What stands in for what could not be had, each a reason to read the numbers with care:

* shares: the S&P 500 without dividends, plus a dividend yield of 2 % a year;
* bonds: ten-year par bonds at Moody's AAA yield, a monthly mean that is used from the next month;
* oil: the spot price of WTI, which nobody can hold: a roll yield is missing;
* cash: one-month Treasury bills;
* the put: one year, on the basket's total return, marked with Black and Scholes at 1.25 times a
  slow realised volatility (decay 0.985, at least 10 %) and no interest, at a half-spread of 2.5 %
  of its price. No such quote was ever recorded.

Orders are decided at one close and filled at the next; half-spreads are 2 basis points for shares,
5 for bonds and oil.
"""

import argparse
import dataclasses
import datetime
import json
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from deephedge.backtest import (
    Performance,
    Periods,
    Record,
    best_of_many,
    block_draws,
    by_episode,
    by_stated_rule,
    implementation_shortfall,
    long_record,
    performance,
    performance_intervals,
    periods,
    recalibrated,
    regime_filter,
    walk_forward,
)
from deephedge.calibration import fit_hidden_regimes
from deephedge.costs import Execution, HalfSpread
from deephedge.data import (
    bond_index,
    cash_index,
    corporate_yields,
    joint_closes,
    realised_vol,
    recorded,
    treasury_bills,
    wti,
)
from deephedge.markets import Historical, Snapshot
from deephedge.policies import (
    CPPI,
    EWMA,
    TIPP,
    AbstractPolicy,
    Account,
    RebalanceEvery,
    Renewed,
    VolatilityTarget,
)
from deephedge.pricing import Listed, QuotedBlackScholes, Rolled
from deephedge.typing import Array, Float

FLOOR, EXCESS = 0.7, 0.015
"""Of the claim."""
WEIGHTS = np.array([0.6, 0.3, 0.1])
DIVIDENDS = (0.02, 0.0, 0.0)
SPREADS = (2.0, 5.0, 5.0)
MARKUP, LEAST_VOL, OPTION_SPREAD, MONEYNESS = 1.25, 0.10, 250.0, 0.71
LAST = datetime.date(2018, 11, 30)


class BasketAndPut(AbstractPolicy):
    """All the wealth in the basket and as much of a put on it: n = W / (I + P) of each."""

    weights: Float[Array, " asset"]
    """Of the first columns; the basket's index, which is not traded, and the put follow them."""

    def init(self) -> None:
        return None

    def observe(self, now: Snapshot) -> Snapshot:
        return now

    def act(
        self, seen: Snapshot, account: Account, memory: None
    ) -> tuple[Float[Array, " asset"], None]:
        n = self.weights.shape[0]
        level, put = seen.prices[n], seen.prices[n + 1]
        number = account.wealth / seen.discount / (level + put)
        assets = number * level * self.weights / seen.prices[:n]
        return jnp.concatenate([assets, jnp.stack([0.0 * number, number])]), None


def basket_index(closes: pd.DataFrame) -> pd.Series:
    """Total return of the basket, brought back to its weights every day at no cost."""
    income = np.exp(np.asarray(DIVIDENDS) / 252)
    growth = (closes.to_numpy()[1:] / closes.to_numpy()[:-1] * income) @ WEIGHTS
    return pd.Series(100 * np.cumprod(np.append(1.0, growth)), index=closes.index)


def history(short: bool) -> tuple[Record, pd.Series]:
    """Shares, bonds and oil with cash, and the closes of the shares alone."""
    shares = recorded("sp500" if short else "sp500_from_1950").column("close")
    oil = wti().column("oil")
    joint = joint_closes({"shares": shares, "oil": oil}).frame.loc[: pd.Timestamp(LAST)]
    joint.insert(1, "bonds", bond_index(corporate_yields().column("aaa"), joint.index))
    cash = cash_index(treasury_bills().column("bill"), joint.index)
    return long_record(joint, cash=cash, dividends=DIVIDENDS), joint["shares"]


def with_put(record: Record) -> Record:
    """The record with the basket's index and a yearly put on it beside."""
    index = basket_index(record.closes)
    vol = (MARKUP * realised_vol(index, decay=0.985)).clip(lower=LEAST_VOL)
    # The first month has no volatility yet; it lies before the first trade.
    vol = vol.reindex(index.index).bfill()
    path = dataclasses.replace(
        record.path,
        prices=jnp.concatenate([record.path.prices, jnp.asarray(index.to_numpy())[:, None]], 1),
        accrual=jnp.concatenate([record.path.accrual, jnp.ones((len(index), 1))], 1),
        factors=jnp.asarray(vol.to_numpy())[:, None],
    )
    put = Rolled(moneyness=MONEYNESS, tenor=1.0, every=1.0, put=True, asset=len(WEIGHTS))
    levels = np.asarray(path.prices)
    assets = Historical(
        returns=np.diff(np.log(levels), axis=0),
        factors=path.factors[1:],
        mean_block=1.0,
        spot=levels[0],
    )
    market = Listed(assets, (put,), QuotedBlackScholes())
    return Record(record.closes, market.extend(path), market)


def fitted_weights(closes: pd.DataFrame) -> AbstractPolicy:
    """The assets in inverse proportion to their volatility over the last year."""
    vol = np.log(closes.iloc[-252:]).diff().std().to_numpy()
    return mix(1 / vol / np.sum(1 / vol))


def fitted_regimes(closes: pd.DataFrame) -> AbstractPolicy:
    """A volatility target that forecasts with two regimes, fitted to the basket so far."""
    model = fit_hidden_regimes(basket_index(closes).to_numpy(), n_iterations=100)
    return VolatilityTarget(target=0.1, forecast=regime_filter(model), weights=WEIGHTS, band=0.05)


def mix(weights: np.ndarray, share: float = 1.0) -> AbstractPolicy:
    """A share of the wealth in the basket, brought back once a month."""
    return RebalanceEvery(CPPI(multiplier=share, floor=0.0, weights=weights), 21)


def strategies(record: Record, first: datetime.date) -> dict[str, tuple[Record, AbstractPolicy]]:
    """Every strategy with the record that it trades on."""
    years = [datetime.date(year, 1, 1) for year in range(first.year, LAST.year + 1)]
    target = VolatilityTarget(target=0.1, forecast=EWMA(start=0.1), weights=WEIGHTS, band=0.05)
    insured = CPPI(multiplier=4.0, floor=FLOOR, weights=WEIGHTS, band=0.02)
    ratchet = TIPP(multiplier=4.0, floor=FLOOR, weights=WEIGHTS, band=0.02)
    return {
        "basket, unprotected": (record, mix(WEIGHTS)),
        "three quarters of it": (record, mix(WEIGHTS, 0.75)),
        "basket and put": (
            with_put(record),
            RebalanceEvery(BasketAndPut(jnp.asarray(WEIGHTS)), 21),
        ),
        "CPPI, renewed yearly": (record, Renewed(insured, every=1.0)),
        "TIPP (ratchet)": (record, ratchet),
        "volatility target": (record, target),
        "target by regimes": (record, recalibrated(record, fitted_regimes, years)),
        "risk budget": (record, recalibrated(record, fitted_weights, years)),
    }


def run(
    record: Record, policy: AbstractPolicy, first: datetime.date, benchmark: pd.Series | None
) -> tuple[Periods, Periods, pd.Series]:
    """The periods with costs and a day's delay, those on paper without either, and the wealth.

    The benchmark is the wealth of the unprotected basket; of its own where none is given.
    """
    spreads = SPREADS if record.path.prices.shape[1] == 3 else (*SPREADS, 0.0, OPTION_SPREAD)
    real, wealth = walk_forward(
        record, policy, cost=HalfSpread(spreads), execution=Execution(delay=True), first=first
    )
    paper, _ = walk_forward(record, policy, first=first)
    discount = record.path.discount[-len(wealth) :]
    level = jnp.asarray((wealth if benchmark is None else benchmark).to_numpy())
    done, ideal = (periods(x, discount / discount[0], level) for x in (real, paper))
    return done, ideal, wealth


def worst_renewal(record: Record, done: Periods) -> float:
    """The worst whole year from one renewal of floors and puts to the next, per cent."""
    n = done.growth.shape[0]
    year = np.floor(np.asarray(record.path.time)[-n - 1 : -1] + 1e-5)
    grown = pd.Series(np.asarray(done.growth)).groupby(year).agg(["prod", "size"])
    return 100 * (float(grown.loc[grown["size"] == 252, "prod"].min()) - 1)


COLUMNS = {
    "return %": "annual_return",
    "volatility %": "volatility",
    "Sharpe": "sharpe",
    "Sortino": "sortino",
    "drawdown %": "max_drawdown",
    "worst year %": "worst",
    "20th pct year %": "low",
    "below floor %": "shortfall_frequency",
    "upside %": "upside",
    "downside %": "downside",
    "effectiveness %": "hedge_effectiveness",
    "turnover %": "turnover",
    "cost %": "cost",
}


def row(judged: Performance) -> dict[str, float]:
    """The numbers of a table, most of them per cent."""
    values = {name: float(vars(judged)[field]) for name, field in COLUMNS.items()}
    for name in ("worst year %", "20th pct year %"):
        values[name] -= 1.0
    return {name: value * (100 if "%" in name else 1) for name, value in values.items()}


def regime_tables(
    real: dict[str, Periods], shares: pd.Series, start: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return per year in each regime known at the start of the day, and growth in each episode."""
    label = by_stated_rule(shares).to_numpy()[start:-1]
    dates = shares.index.to_numpy()[start + 1 :]
    masks = {name: label == name for name in ("calm", "stress", "crash")}
    yearly = {
        f"{name} ({np.mean(mask):.0%} of days)": {
            key: 100 * np.expm1(252 * np.mean(np.log(np.asarray(x.growth)[mask])))
            for key, x in real.items()
        }
        for name, mask in masks.items()
    }
    grown = {
        name: {key: 100 * (np.prod(np.asarray(x.growth)[mask]) - 1) for key, x in real.items()}
        for name, mask in by_episode(dates).items()
    }
    return pd.DataFrame(yearly), pd.DataFrame(grown)


@dataclasses.dataclass(frozen=True)
class Study:
    """All that was found."""

    dates: pd.DatetimeIndex
    real: dict[str, Periods]
    table: pd.DataFrame
    intervals: pd.DataFrame
    regimes: pd.DataFrame
    episodes: pd.DataFrame
    best: str
    deflated: float


def study(short: bool, resamples: int) -> Study:
    """Every strategy on the record, judged."""
    record, shares = history(short)
    first = datetime.date(2000 if short else 1987, 1, 1)
    start = int(np.searchsorted(record.dates, np.datetime64(first)))
    real, rows, bounds, benchmark = {}, {}, {}, None
    n = len(record.dates) - start - 1
    draws = block_draws(n, mean_block=504.0, n_resamples=resamples, seed=0)
    for name, (path, policy) in strategies(record, first).items():
        done, paper, wealth = run(path, policy, first, benchmark)
        benchmark = wealth if benchmark is None else benchmark
        real[name] = done
        slip = 100 * float(implementation_shortfall(paper, done))
        rows[name] = row(performance(done, floor=FLOOR)) | {
            "slippage %": slip,
            "worst renewal %": worst_renewal(record, done),
        }
        found = performance_intervals(done, draws, floor=FLOOR)
        bounds[name] = {
            f"{label} {end}": 100 * (float(vars(found[field])[end]) - offset)
            for label, field, offset in (("excess", "excess", 0.0), ("20th pct year", "low", 1.0))
            for end in ("value", "low", "high")
        }
    best, _, deflated = best_of_many(jnp.stack([x.growth - x.cash for x in real.values()]))
    regimes, episodes = regime_tables(real, shares, start)
    return Study(
        dates=record.closes.index[start:],
        real=real,
        table=pd.DataFrame(rows).T,
        intervals=pd.DataFrame(bounds).T,
        regimes=regimes,
        episodes=episodes,
        best=list(real)[best],
        deflated=float(deflated),
    )


def verdicts(found: Study) -> list[str]:
    """For each strategy, whether the claim holds: beyond doubt, as measured, or not."""
    lines = []
    for name, x in found.intervals.iterrows():
        if name == "basket, unprotected":
            lines.append(f"{name}: 20th-percentile year {x['20th pct year value']:+.1f} %.")
            continue
        gain, low, high = x["excess value"], x["excess low"], x["excess high"]
        if low >= 100 * EXCESS:
            word = "holds beyond doubt"
        elif gain >= 100 * EXCESS:
            word = "holds as measured, within the error"
        else:
            word = "does not hold" + ("" if high >= 100 * EXCESS else ", beyond doubt")
        floor = "holds" if x["20th pct year low"] > 100 * (FLOOR - 1) else "does not hold"
        lines.append(
            f"{name}: {gain:+.2f} % a year against the basket ({low:+.2f} to {high:+.2f}): "
            f"+{100 * EXCESS:g} % {word}; 20th-percentile year {x['20th pct year value']:+.1f} % "
            f"({x['20th pct year low']:+.1f} to {x['20th pct year high']:+.1f}) above "
            f"{100 * (FLOOR - 1):.0f} %: {floor}."
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="2000 to 2018, with `arch` alone")
    parser.add_argument("--resamples", type=int, default=500)
    parser.add_argument("--out", type=pathlib.Path, help="where to write tables and the picture")
    given = parser.parse_args()
    # Thirty years of rolled options that expire worthless want float64.
    jax.config.update("jax_enable_x64", True)
    found = study(given.short, given.resamples)
    print(f"{found.dates[0]:%Y-%m-%d} to {found.dates[-1]:%Y-%m-%d}\n")
    for table in (found.table, found.intervals, found.regimes, found.episodes):
        print(table.round(2).to_string(), "\n")
    print("\n".join(verdicts(found)))
    print(
        f"Highest Sharpe ratio of {len(found.real)}: {found.best}; deflated {found.deflated:.3f}."
    )
    if given.out is not None:
        given.out.mkdir(parents=True, exist_ok=True)
        for name in ("table", "intervals", "regimes", "episodes"):
            vars(found)[name].to_csv(given.out / f"{name}.csv")
        (given.out / "verdicts.json").write_text(json.dumps(verdicts(found), indent=1))
        draw(found, given.out / "multi_asset_floor.svg")


def draw(found: Study, file: pathlib.Path) -> None:
    """Wealth and its fall below its highest, by quarters."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    shown = (
        "basket, unprotected",
        "basket and put",
        "CPPI, renewed yearly",
        "TIPP (ratchet)",
        "volatility target",
    )
    figure, (top, bottom) = plt.subplots(
        2, 1, figsize=(8, 6), sharex=True, height_ratios=(3, 2), layout="constrained"
    )
    for name in shown:
        wealth = pd.Series(
            np.cumprod(np.append(1.0, np.asarray(found.real[name].growth))), index=found.dates
        )
        fall = 100 * (wealth / wealth.cummax() - 1)
        top.plot(wealth.resample("QE").last(), label=name, linewidth=1)
        bottom.plot(fall.resample("QE").min(), linewidth=1)
    top.set_yscale("log")
    top.set_ylabel("wealth, 1 at the start")
    top.legend(frameon=False)
    bottom.axhline(100 * (FLOOR - 1), color="black", linestyle=":", linewidth=1)
    bottom.set_ylabel("below its highest, %")
    with plt.rc_context({"svg.hashsalt": "deephedge", "svg.fonttype": "none"}):
        figure.savefig(file, metadata={"Date": None})


if __name__ == "__main__":
    main()
