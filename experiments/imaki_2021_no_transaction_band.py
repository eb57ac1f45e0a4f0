"""Imaki, Imajo, Ito, Minami and Nakagawa (2021): the no-transaction band network, table B2.

A call at the money, spot 1, volatility 0.2, entropic risk with aversion 1, proportional costs;
the authors' program makes 28 steps of one day of 365 for a maturity of 30 and prices an option of
28 days. For each cost of the table: the price by Whalley and Wilmott's band (simulated) beside the
paper's column "asymptotic"; the price of a learned band beside its column "band"; and the
least that any hedge can have, by dynamic programming, which the paper could not know. Tolerances:
1e-5, five units of the table's last digits, and four standard errors.

    deephedge reproduce imaki_2021_no_transaction_band --full
"""

import pathlib

import jax
import numpy as np

from deephedge.claims import Call
from deephedge.costs import ProportionalCost
from deephedge.markets import BlackScholes
from deephedge.optimum import solve_entropic
from deephedge.policies import NoTransactionBand, WhalleyWilmott
from deephedge.pricing import BlackScholesFormula
from deephedge.reports import Finding, Paper
from deephedge.risk import Entropic
from deephedge.rollout import HedgingProblem, pnl_only, sample, time_grid
from deephedge.training import default_optimizer, train

PAPER = Paper(
    reference="Imaki, Imajo, Ito, Minami and Nakagawa (2021), No-transaction band network",
    claim="A network that learns a band hedges better than one that learns the holding.",
    minutes=6.0,
    deviations=(
        "Columns band and asymptotic of table B2, 28 steps. The learned band corrects Whalley and "
        "Wilmott's; the feed-forward column and the lookback are left out. Standard errors of the "
        "learned prices are those of their difference from the optimal hedge on the same paths."
    ),
)
# cost: band, Whalley and Wilmott
TABLE = {
    0.000096: (0.022208, 0.022211),
    0.000203: (0.022288, 0.022300),
    0.000431: (0.022408, 0.022461),
    0.000912: (0.022571, 0.022742),
    0.001503: (0.022675, 0.023024),
    0.003183: (0.022675, 0.023673),
    0.006738: (0.022675, 0.024859),
}
RISK, MATURITY = Entropic(aversion=1.0), 28 / 365


def problem_of(cost: float) -> HedgingProblem:
    market, claim = BlackScholes(spot=1.0, vol=0.2), Call(strike=1.0, maturity=MATURITY)
    times = time_grid(MATURITY, 28)
    return HedgingProblem(market, claim, ProportionalCost(cost), times, close_out=False)


def prices(cost: float, n_paths: int, n_steps: int, seed: int) -> dict[str, tuple[float, float]]:
    """Of the three hedges, with standard errors."""
    problem = problem_of(cost)
    formula = BlackScholesFormula(vol=0.2)
    base = WhalleyWilmott(problem.claim, formula, cost_rate=cost, aversion=1.0)
    best = solve_entropic(problem, RISK)
    learner = NoTransactionBand.create(
        problem.market,
        problem.claim,
        problem.times,
        base=base,
        features=("moneyness", "time", "deviations"),
        width=16,
        key=jax.random.key(seed),
    )
    learned = train(
        problem,
        learner,
        RISK,
        key=jax.random.key(seed + 1),
        optimizer=default_optimizer(n_steps, 0.01),
        n_steps=n_steps,
        n_paths=16_384,
        averaging=0.97,
        validate_every=n_steps,
    ).policy
    hedges = {"asymptotic": base, "band": learned, "optimal": best.policy}
    key = jax.random.key(seed + 1_000_003)
    pnl = {
        name: np.asarray(sample(problem, hedge, n_paths, key=key, keep=pnl_only), float)
        for name, hedge in hedges.items()
    }
    weights = {name: np.exp(-x) / np.mean(np.exp(-x)) for name, x in pnl.items()}
    least = float(best.value)
    risks = {name: np.log(np.mean(np.exp(-x))) for name, x in pnl.items()}
    found = {"optimum": (least, float(best.error))}
    for name in ("asymptotic", "band"):
        error = np.std(weights[name] - weights["optimal"]) / np.sqrt(n_paths)
        found[name] = (least + float(risks[name] - risks["optimal"]), float(error))
    return found


def run(seed: int = 0, smoke: bool = False, out: pathlib.Path | None = None) -> list[Finding]:
    """The table, cost by cost."""
    costs = (0.000912,) if smoke else tuple(TABLE)
    n_paths, n_steps = (100_000, 20) if smoke else (1_000_000, 300)
    findings, rows = [], {}
    for cost in costs:
        found = rows[cost] = prices(cost, n_paths, n_steps, seed)
        least, exact_to = found["optimum"]
        print(f"cost {cost}: optimum {least:.6f} ± {exact_to:.0e}")
        for name, theirs in zip(("band", "asymptotic"), TABLE[cost], strict=True):
            ours, error = found[name]
            room = (1e-4 if smoke else 1e-5) + 4.0 * error
            what = f"{name}, cost {cost:g} (optimum {least:.6f})"
            findings.append(Finding(what, ours, theirs, room, error, "table B2"))
    if out is not None:
        draw(rows, out)
    return findings


def draw(rows: dict, out: pathlib.Path) -> None:
    """Prices against the cost."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5.6, 3.6), layout="constrained")
    costs = list(rows)
    for name in ("optimum", "band", "asymptotic"):
        axes.semilogx(costs, [rows[cost][name][0] for cost in costs], "o-", label=f"{name}, ours")
    for i, name in enumerate(("band", "asymptotic")):
        axes.semilogx(
            costs, [TABLE[cost][i] for cost in costs], "kx+"[1 + i], label=f"{name}, paper"
        )
    axes.set_xlabel("proportional cost")
    axes.set_ylabel("price")
    axes.legend(frameon=False)
    figure.savefig(out)
