"""Does a learned hedge survive being wrong? Trained in one market, hedging in the others.

A sold call, spot = strike = 100, 21 trading days in 21 steps, cost 0.001, closing out not charged,
entropic risk with aversion 1. Seven markets of one volatility level (20 %) and no drift, and the
S&P 500 of 2009-2018, whose days were not trained on. A no-transaction band (from Zakamouline's at
20 %) is trained in each market, and a robust one in a mixture of all seven; two seeds each. All see
the price, the time, what they hold and an exponentially weighted volatility of the past returns:
nothing that does not exist in every market. The regret is the risk less that of the policy that was
trained in the market at hand, on the same paths, seed by seed.

    python experiments/does_it_survive_being_wrong.py [--small] [--only "trained,Heston"]
"""

import dataclasses
import datetime
import functools
import math
import pathlib
from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import deephedge.markets as models
from deephedge.backtest import block_weights, bootstrap_market, recorded_paths
from deephedge.claims import Call
from deephedge.costs import ProportionalCost
from deephedge.data import open_history
from deephedge.markets import AbstractMarket, Path, Snapshot, simulate
from deephedge.numerics.statistics import spread
from deephedge.policies import DeltaHedge, NoTransactionBand, Zakamouline
from deephedge.pricing import BlackScholesFormula
from deephedge.reports import Comparison, compare, compare_recorded
from deephedge.reports.figures import empty_figure
from deephedge.reports.study import later, study
from deephedge.risk import Entropic
from deephedge.rollout import HedgingProblem, time_grid
from deephedge.training import default_optimizer, train_ensemble

VOL, N_DATES, MATURITY, COST, RISK = 0.2, 21, 21 / 252, 0.001, Entropic(aversion=1.0)
SEEDS, PATHS, DECAY = 2, 50_000, 0.94
FIRST_HALF, SECOND_HALF = datetime.date(2008, 12, 31), datetime.date(2009, 1, 1)
FOLDER = pathlib.Path(__file__).resolve().parent.parent / "out"
CLAIM, FORMULA = Call(strike=100.0, maturity=MATURITY), BlackScholesFormula(vol=VOL)
RECORD = "S&P 500, 2009–2018"


class PricesAlone(AbstractMarket):
    r"""Any market of one asset, of which only the price is shown, and what follows from it.

    The one factor is the volatility after the returns so far, by the recursion
    $\sigma_{t+1}^2 = 0.94\,\sigma_t^2 + 0.06\,r_t^2/\Delta$ from 20 % at the start.
    """

    market: AbstractMarket

    @property
    def normals_per_step(self) -> int:
        return self.market.normals_per_step

    def start(self) -> Snapshot:
        start = self.market.start()
        vol = jnp.full(1, VOL, start.prices.dtype)
        return dataclasses.replace(start, factors=vol)

    def path(self, times, normals) -> Path:
        return seen(self.market.path(times, normals))


def seen(path: Path) -> Path:
    """The path with the exponentially weighted volatility as its only factor."""
    squared = jnp.diff(jnp.log(path.prices[:, 0])) ** 2 / jnp.diff(path.time)

    def step(variance, new):
        after = DECAY * variance + (1 - DECAY) * new
        return after, after

    first = jnp.asarray(VOL**2, squared.dtype)
    _, later_ones = lax.scan(step, first, squared)
    vols = jnp.sqrt(jnp.append(first, later_ones))
    return dataclasses.replace(path, factors=vols[:, None])


@functools.cache
def markets() -> dict[str, AbstractMarket]:
    """One volatility level; the regimes begin in the calm one, the others at their mean."""
    history = open_history("sp500")
    record = bootstrap_market(history.closes, history.quoted, last=FIRST_HALF, mean_block=21.0)
    returns = record.returns * VOL / (jnp.std(record.returns) * math.sqrt(252))
    return {
        "Black–Scholes": models.BlackScholes(spot=100.0, vol=VOL),
        "Merton": models.Merton(
            spot=100.0, vol=0.19, intensity=10.0, jump_mean=-0.01, jump_vol=0.017
        ),
        "Heston": models.Heston(
            spot=100.0,
            variance=0.04,
            mean_reversion=1.5,
            long_variance=0.04,
            vol_of_variance=0.5,
            correlation=-0.7,
        ),
        "rough Bergomi": models.RoughBergomi(
            spot=100.0, forward_variance=0.04, vol_of_vol=1.5, hurst=0.1, correlation=-0.7
        ),
        "GARCH": models.Garch(
            spot=100.0, variance=0.04, base=0.0016, news=0.03, memory=0.88, leverage=0.1
        ),
        "regimes": models.RegimeSwitching(
            spot=100.0, vols=[0.17, 0.43], generator=[[-2.0, 2.0], [4.0, -4.0]]
        ),
        "bootstrap": dataclasses.replace(record, returns=returns),
    }


def trained_in(name: str) -> AbstractMarket:
    """A market by name; the robust one draws each path from any of the seven."""
    if name == "robust":
        return PricesAlone(models.Mixture(tuple(markets().values()), [1.0] * len(markets())))
    return PricesAlone(markets()[name])


def problem_in(market: AbstractMarket) -> HedgingProblem:
    times = time_grid(MATURITY, N_DATES)
    return HedgingProblem(market, CLAIM, ProportionalCost(COST), times, close_out=False)


def classical() -> dict:
    return {
        "delta": DeltaHedge(CLAIM, FORMULA),
        "Zakamouline": Zakamouline(CLAIM, FORMULA, COST, 1.0),
    }


def untrained(problem: HedgingProblem) -> list[NoTransactionBand]:
    return [
        NoTransactionBand.create(
            problem.market,
            problem.claim,
            problem.times,
            base=classical()["Zakamouline"],
            features=("moneyness", "time", "deviations", "factors"),
            width=16,
            key=jax.random.key(seed),
        )
        for seed in range(SEEDS)
    ]


def find_training(name: str, file: pathlib.Path, n_steps: int) -> dict:
    """Train in one market; the policies are kept in a file."""
    problem = problem_in(trained_in(name))
    ensemble = train_ensemble(
        problem,
        untrained(problem),
        RISK,
        key=jax.random.key(7),
        optimizer=default_optimizer(n_steps, 0.05),
        n_steps=n_steps,
        n_paths=2048,
        averaging=0.97,
        validate_every=n_steps,
        validation_paths=8192,
    )
    eqx.tree_serialise_leaves(file, list(ensemble.policies))
    return {"training seconds": ensemble.seconds - ensemble.compile_seconds}


def find_test(name: str, files: Mapping[str, pathlib.Path]) -> dict | None:
    """Every policy in one market or on the record: risks, and regrets seed by seed."""
    if not all(file.exists() for file in files.values()):
        return None  # until all of them are trained
    home = "bootstrap" if name == RECORD else name
    problem = problem_in(trained_in(home))
    kept = {
        policy: eqx.tree_deserialise_leaves(file, untrained(problem))
        for policy, file in files.items()
    }
    rows: dict[str, list[tuple[float, float, float, float]]] = {}
    for seed in range(SEEDS):
        policies = {policy: own[seed] for policy, own in kept.items()} | classical()
        measured = judged if name != RECORD else on_record
        result = measured(problem, policies, home)
        for policy in policies:
            at = result.at(policy, "risk")
            numbers = (at.value, at.standard_error, at.difference, at.difference_error)
            rows.setdefault(policy, []).append(numbers)
    vol = level(problem.market) if name != RECORD else VOL
    return {"home": home, "rows": rows, "vol": vol}


def level(market: AbstractMarket) -> float:
    """Root mean square of the returns, a year's."""
    paths = simulate(market, time_grid(MATURITY, N_DATES), 20_000, key=jax.random.key(3))
    moves = jnp.diff(jnp.log(paths.prices[:, :, 0]), axis=1)
    return float(jnp.sqrt(jnp.mean(moves**2) * N_DATES / MATURITY))


def judged(problem: HedgingProblem, policies: Mapping, home: str) -> Comparison:
    """On fresh paths, the same in both seeds."""
    key = jax.random.key(5)
    return compare(problem, policies, {"risk": RISK}, n_paths=PATHS, key=key, baseline=home)


def on_record(problem: HedgingProblem, policies: Mapping, home: str) -> Comparison:
    """Every window of 21 days from 2009 on, its returns scaled to the common level."""
    history = open_history("sp500")
    paths, _ = recorded_paths(
        history.closes, history.quoted, n_steps=N_DATES, maturity=MATURITY, first=SECOND_HALF
    )
    daily = jnp.diff(jnp.log(paths.prices[:, :, 0]), axis=1)
    scale = VOL / (jnp.std(daily) * math.sqrt(252))
    prices = 100.0 * (paths.prices / 100.0) ** scale
    paths = jax.vmap(seen)(dataclasses.replace(paths, prices=prices))
    weights = block_weights(paths.time.shape[0], mean_block=42.0, n_resamples=500, seed=0)
    return compare_recorded(
        problem, policies, {"risk": RISK}, paths, weights=weights, baseline=home
    )


def regret(cell: Mapping, policy: str) -> tuple[float, float]:
    """In basis points of the spot: the mean over seeds, and its error."""
    rows = np.asarray(cell["rows"][policy])
    between = spread(rows[:, 2].tolist()).standard_error
    return 100 * float(rows[:, 2].mean()), 100 * math.hypot(between, float(rows[:, 3].max()))


def tests_of(found: Mapping) -> dict[str, Mapping]:
    cells = {n.removeprefix("tested in "): c for n, c in found.items() if n.startswith("tested")}
    order = [*markets(), RECORD]
    return {name: cells[name] for name in order if name in cells}


def table(found: Mapping) -> str:
    """Regrets, a row a policy and a column a market."""
    cells = tests_of(found)
    if not cells:
        return "no test was run"
    rows = [
        "| trained in ↓, hedging in → | " + " | ".join(cells) + " |",
        "|---|" + "---|" * len(cells),
        "| *volatility* | " + " | ".join(f"{c['vol']:.3f}" for c in cells.values()) + " |",
    ]
    own = []
    for cell in cells.values():
        home = np.asarray(cell["rows"][cell["home"]])
        own.append(f"{home[:, 0].mean():.3f} ± {home[:, 1].max():.3f}")
    rows.append("| *risk of the policy trained there* | " + " | ".join(own) + " |")
    for name in next(iter(cells.values()))["rows"]:
        texts = []
        for cell in cells.values():
            value = regret(cell, name)
            texts.append("–" if name == cell["home"] else f"{value[0]:+.2f} ± {value[1]:.2f}")
        rows.append(f"| {name} | " + " | ".join(texts) + " |")
    return "\n".join(rows) + "\n\nRegret in basis points of the spot, ± standard error."


def draw(found: Mapping):
    """The regrets as a field of colours, with their numbers."""
    cells = tests_of(found)
    if not cells:
        return empty_figure()[0]
    names = list(next(iter(cells.values()))["rows"])
    values = np.asarray([[regret(cell, name)[0] for cell in cells.values()] for name in names])
    figure, (axis,) = empty_figure(height=1.6 + 0.36 * len(names))
    axis.grid(False)
    shade = np.log10(np.clip(values, 0.1, None))
    axis.imshow(shade, cmap="YlOrRd", aspect="auto", vmin=-1.0, vmax=2.5)
    for (row, column), value in np.ndenumerate(values):
        text = "home" if names[row] == list(cells.values())[column]["home"] else f"{value:+.1f}"
        colour = "white" if shade[row, column] > 1.6 else "black"
        axis.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)
    axis.set_xticks(range(len(cells)), [x.replace(", ", "\n") for x in cells], fontsize=8)
    axis.set_yticks(range(len(names)), names, fontsize=8)
    axis.set_xlabel("hedging in")
    axis.set_ylabel("trained in")
    axis.set_title("regret, basis points of the spot", fontsize=10)
    return figure


def work(small: bool):
    folder = FOLDER / ("does_it_survive_small" if small else "does_it_survive_policies")
    folder.mkdir(parents=True, exist_ok=True)
    names = [*markets(), "robust"]
    tests = [*markets(), RECORD]
    if small:
        names, tests = names[:2], tests[:2]
    files = {name: folder / f"{name}.eqx" for name in names}
    n_steps = 40 if small else 100
    training = {f"trained in {n}": later(find_training, n, files[n], n_steps) for n in names}
    return training | {f"tested in {n}": later(find_test, n, files) for n in tests}


if __name__ == "__main__":
    study(__file__, __doc__, work, table, draw)
