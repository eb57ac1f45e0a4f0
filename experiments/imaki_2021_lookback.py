"""Imaki, Imajo, Ito, Minami and Nakagawa (2021): the no-transaction band on a lookback option.

As in table B2, with a lookback call, which pays what the highest price of the days is above 1.03
(the strike is from memory). The paper's table of these prices, B3, repeats another to the digit, so
that its directions alone are held to: at every cost the learned band is no dearer than the network
that learns the holding, and than Whalley and Wilmott's band. Delta and gamma are those of the
formula for a maximum over all times; both networks (16 x 2) see price, time and maximum, and are
trained on 1,024 Sobol paths a step. Differences are on the same fresh paths, means over two seeds;
the claims are one-sided, with no room.

    deephedge reproduce imaki_2021_lookback --full
"""

import pathlib
from collections.abc import Sequence

import jax
import numpy as np

from deephedge.claims import LookbackCall
from deephedge.costs import ProportionalCost
from deephedge.markets import BlackScholes
from deephedge.numerics.draws import antithetic, sobol
from deephedge.policies import (
    AbstractPolicy,
    DeltaBand,
    Feedforward,
    NoHedge,
    NoTransactionBand,
    WhalleyWilmott,
)
from deephedge.pricing import LookbackFormula
from deephedge.reports import Finding, Paper, compare
from deephedge.risk import Entropic
from deephedge.rollout import HedgingProblem, time_grid
from deephedge.training import default_optimizer, train_ensemble

PAPER = Paper(
    reference="Imaki, Imajo, Ito, Minami and Nakagawa (2021), No-transaction band network, "
    "lookback option",
    claim="On a lookback option, too, a learned band hedges better than a learned holding.",
    minutes=5.0,
    deviations=(
        "Directions only: the paper's table B3 is a misprint. The strike, 1.03, is from memory. "
        "No optimum is known here: the price without a hedge is shown."
    ),
)
MATURITY, STRIKE, N_DATES = 28 / 365, 1.03, 28
COSTS = (0.000203, 0.000912, 0.003183)
Row = dict[str, tuple[float, float, float]]
"""Of each hedge: price, price above that of Whalley and Wilmott's band, and its error."""


def stated(cost: float) -> HedgingProblem:
    market = BlackScholes(spot=1.0, vol=0.2)
    claim = LookbackCall(strike=STRIKE, maturity=MATURITY)
    times = time_grid(MATURITY, N_DATES)
    return HedgingProblem(market, claim, ProportionalCost(cost), times, close_out=False)


def learned(
    name: str, problem: HedgingProblem, *, n_seeds: int, n_steps: int, seed: int
) -> Sequence[AbstractPolicy]:
    """One trained policy a seed."""
    parts = (problem.market, problem.claim, problem.times)
    keys = jax.random.split(jax.random.key(seed), n_seeds + 1)
    seen = dict(features=("moneyness", "time", "deviations", "progress"), width=16)
    base = DeltaBand(problem.claim, LookbackFormula(vol=0.2), half_width=0.1)
    start = [
        NoTransactionBand.create(*parts, base=base, key=key, **seen)
        if name == "band"
        else Feedforward.create(*parts, base=None, key=key, **seen)
        for key in keys[1:]
    ]
    return train_ensemble(
        problem,
        start,
        Entropic(aversion=1.0),
        key=keys[0],
        optimizer=default_optimizer(n_steps, 0.02),
        n_steps=n_steps,
        n_paths=1024,
        draws=sobol,
        averaging=0.95,
        validate_every=n_steps,
    ).policies


def prices(cost: float, n_paths: int, **size: int) -> Row:
    """By every hedge, on the same paths; in float32."""
    with jax.enable_x64(False):
        problem, risk = stated(cost), Entropic(aversion=1.0)
        formula = LookbackFormula(vol=0.2)
        band = WhalleyWilmott(problem.claim, formula, cost_rate=cost, aversion=1.0)
        hedges: dict[str, AbstractPolicy] = {"asymptotic": band, "none": NoHedge()}
        for name in ("band", "feed-forward"):
            for i, policy in enumerate(learned(name, problem, **size)):
                hedges[f"{name}/{i}"] = policy
        key = jax.random.key(size["seed"] + 1_000_003)
        measures = {"risk": risk}
        result = compare(problem, hedges, measures, n_paths=n_paths, key=key, draws=antithetic)
    least = result.at("asymptotic", "risk").value
    row: Row = {"asymptotic": (least, 0.0, 0.0)}
    for name in ("none", "band", "feed-forward"):
        each = [result.at(x, "risk") for x in hedges if x.split("/")[0] == name]
        above = np.array([x.difference for x in each])
        between = above.std(ddof=1) / len(above) ** 0.5 if len(above) > 1 else 0.0
        error = float(np.hypot(between, max(x.difference_error for x in each)))
        row[name] = (least + float(above.mean()), float(above.mean()), error)
    text = ", ".join(f"{name} {price:.6f} ± {error:.0e}" for name, (price, _, error) in row.items())
    print(f"cost {cost:g}: {text} (errors: of the difference from the asymptotic band)", flush=True)
    return row


def run(seed: int = 0, smoke: bool = False, out: pathlib.Path | None = None) -> list[Finding]:
    """The learned band against the other two, cost by cost."""
    costs = (0.003183,) if smoke else COSTS
    n_paths, n_steps = (20_000, 40) if smoke else (200_000, 150)
    rows = {x: prices(x, n_paths, n_seeds=2, n_steps=n_steps, seed=seed) for x in costs}
    findings = []
    for cost, row in rows.items():
        price, above, error = row["band"]
        what = f"cost {cost:g}: band ({price:.6f}) less asymptotic; {row['none'][0]:.6f} unhedged"
        findings.append(Finding(what, above, 0.0, 0.0, error, at_most=True))
        gap, error = above - row["feed-forward"][1], float(np.hypot(error, row["feed-forward"][2]))
        what = f"cost {cost:g}: band less feed-forward"
        findings.append(Finding(what, gap, 0.0, 0.0, error, at_most=True))
    if out is not None:
        draw(rows, out)
    return findings


def draw(rows: dict[float, Row], out: pathlib.Path) -> None:
    """Prices against the cost."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5.6, 3.6), layout="constrained")
    for name in ("none", "asymptotic", "feed-forward", "band"):
        axes.semilogx(list(rows), [row[name][0] for row in rows.values()], "o-", label=name)
    axes.set_xlabel("proportional cost")
    axes.set_ylabel("price")
    axes.legend(frameon=False)
    figure.savefig(out)
