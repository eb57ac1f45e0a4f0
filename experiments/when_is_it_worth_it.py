"""When is a learned hedge worth it? The risk it saves, by cost rate and by what its training took.

The reference problem (a sold call, spot = strike = 100, 30 days of 365 in 30 steps, Black-Scholes
with volatility 0.2, entropic risk with aversion 1, closing out not charged) at six cost rates. A
no-transaction band, started from Zakamouline's, is trained with three budgets and three seeds. What
it saves over the Black-Scholes delta, and over the best of the classical rules of
`how_good_is_deep_hedging.py` (each at the best of its settings), and what the optimum would save,
in basis points of the spot and in per cent of the option's price. All risks are by dynamic
programming, without paths. Seconds are those of one core of the machine, compilation apart.

    python experiments/when_is_it_worth_it.py [--small] [--only "cost 0.001"] [--minutes 6]
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence

from architectures import ARCHITECTURES, SEES, learn
from how_good_is_deep_hedging import FORMULA, RESOLUTION, Cell, judged, settings_of

from deephedge.numerics.statistics import spread
from deephedge.optimum import Judged, solve_entropic
from deephedge.reports.figures import empty_figure, line_style
from deephedge.reports.study import later, study
from deephedge.risk import Entropic

COSTS = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01)
BUDGETS = {"short": (30, 1024), "middle": (50, 2048), "long": (120, 2048)}
"""Steps of training, and fresh paths a step."""
SEEDS, BASIS_POINTS = 3, 100.0
"""Basis points of a spot of 100 in a unit of cash."""
LEARNED = "no-transaction band"


def find(cost: float, budgets: Mapping[str, tuple[int, int]]) -> dict:
    """The risks at one cost rate: of the optimum, of every classical rule, of every budget."""
    cell = Cell("black-scholes", 30, 1.0, cost)
    problem, risk = cell.problem(), Entropic(cell.aversion)
    best = solve_entropic(problem, risk, resolution=RESOLUTION[cell.market])
    settings = settings_of(cell, problem)
    exact = judged(cell, {"optimal": [best.policy], **settings})
    classical = {name: min(own).value for name, own in exact.items()}
    error = max(abs(_grids(own) - _grids(exact["optimal"])) for own in exact.values())
    band = settings["Zakamouline"][0]
    options = {**ARCHITECTURES[LEARNED].options, "features": SEES}
    architecture = dataclasses.replace(ARCHITECTURES[LEARNED], base=band, options=options)
    learned = {}
    for name, (n_steps, n_paths) in budgets.items():
        sizes = {"n_seeds": SEEDS, "n_steps": n_steps, "n_paths": n_paths}
        ensemble = learn(problem, risk, architecture, **sizes)
        risks = [own.value for own in judged(cell, {name: ensemble.policies})[name]]
        seconds = (ensemble.seconds - ensemble.compile_seconds) / SEEDS
        learned[name] = {"risks": risks, "seconds": seconds, "compile": ensemble.compile_seconds}
    premium = float(FORMULA.price(problem.claim, problem.market.start()))
    optimum = classical.pop("optimal")
    return {
        "cost": cost,
        "premium": premium,
        "optimum": optimum,
        "grid_error": error,
        "classical": classical,
        "learned": learned,
    }


def _grids(settings: Sequence[Judged]) -> float:
    """How far the two grids are apart at the best setting."""
    least = min(settings)
    return least.value - least.coarse


def best_rule(cell: Mapping) -> str:
    return min(cell["classical"], key=cell["classical"].get)


def saved(cell: Mapping, over: float, budget: str | None) -> tuple[float, float]:
    """Risk saved over another risk, in basis points of the spot, and its error between seeds."""
    if budget is None:
        return BASIS_POINTS * (over - cell["optimum"]), 0.0
    own = spread(cell["learned"][budget]["risks"])
    error = own.standard_error if math.isfinite(own.standard_error) else 0.0
    return BASIS_POINTS * (over - own.mean), BASIS_POINTS * error


def table(found: Mapping) -> str:
    """A row a cost rate."""
    cells = sorted(found.values(), key=lambda cell: cell["cost"])
    budgets = list(cells[0]["learned"])
    texts = [
        f"{name}: {BUDGETS[name][0]} × {BUDGETS[name][1]:,} paths, "
        f"{min(c['learned'][name]['seconds'] for c in cells):.1f}–"
        f"{max(c['learned'][name]['seconds'] for c in cells):.1f} s"
        for name in budgets
    ]
    heads = [f"learned, {name}" for name in budgets]
    rows = [
        "| cost rate | best classical rule | it saves over delta | "
        + " | ".join(f"{head}, over it" for head in heads)
        + " | optimum, over it | learned over delta, % of price | left to the optimum |",
        "|---|" + "---|" * (len(budgets) + 5),
    ]
    for cell in cells:
        rule, last = best_rule(cell), budgets[-1]
        least, delta = cell["classical"][rule], cell["classical"]["delta"]
        gains = [saved(cell, least, name) for name in budgets]
        over_delta, error = saved(cell, delta, last)
        share = over_delta / BASIS_POINTS / cell["premium"]
        rows.append(
            f"| {BASIS_POINTS**2 * cell['cost']:g} bp | {rule} | "
            f"{BASIS_POINTS * (delta - least):.2f} | "
            + " | ".join(f"{gain:+.2f} ± {e:.2f}" for gain, e in gains)
            + f" | {saved(cell, least, None)[0]:+.2f} | {share:.2%} ± "
            f"{error / BASIS_POINTS / cell['premium']:.2%} | "
            f"{saved(cell, least, None)[0] - gains[-1][0]:.2f} |"
        )
    grid = BASIS_POINTS * max(cell["grid_error"] for cell in cells)
    note = (
        "Risk saved in basis points of the spot, ± standard error between seeds; the option costs "
        f"{BASIS_POINTS * cells[0]['premium']:.1f}. A grid of half the resolution moves the "
        f"distance to the optimum by {grid:.2f} at most, of the rule that it moves most. "
        f"Budgets, and seconds a seed: {'; '.join(texts)}."
    )
    return "\n".join(rows) + "\n\n" + note


def draw(found: Mapping):
    """What is saved over delta, and over the best classical rule, against the cost rate."""
    cells = sorted(found.values(), key=lambda cell: cell["cost"])
    budgets, costs = list(cells[0]["learned"]), [1e4 * cell["cost"] for cell in cells]
    figure, (left, right) = empty_figure(n_columns=2)
    over = [cell["classical"]["delta"] for cell in cells]
    least = [cell["classical"][best_rule(cell)] for cell in cells]
    lines = {
        "optimum": [saved(c, x, None)[0] for c, x in zip(cells, over, strict=True)],
        f"learned, {budgets[-1]}": [
            saved(c, x, budgets[-1])[0] for c, x in zip(cells, over, strict=True)
        ],
        "best classical": [BASIS_POINTS * (x - y) for x, y in zip(over, least, strict=True)],
    }
    for number, (name, values) in enumerate(lines.items()):
        left.plot(costs, values, marker=".", label=name, **line_style(number))
    left.set(title="over the Black–Scholes delta", yscale="log")
    gain = [saved(c, x, None)[0] for c, x in zip(cells, least, strict=True)]
    right.plot(costs, gain, label="optimum", marker=".", **line_style(0))
    for number, name in enumerate(budgets, start=1):
        values = [saved(c, x, name) for c, x in zip(cells, least, strict=True)]
        gains, errors = zip(*values, strict=True)
        right.errorbar(costs, gains, errors, label=f"learned, {name}", **line_style(number))
    right.axhline(0.0, color="#444444", linewidth=0.8)
    right.set_title("over the best classical rule")
    right.set_yscale("symlog", linthresh=0.1)
    right.set_yticks([0.0, 0.1, 1.0, 5.0], ["0", "0.1", "1", "5"])
    right.set_ylim(-0.1, 8.0)
    for axis in (left, right):
        axis.set_xscale("log")
        axis.set_xticks(costs, [f"{cost:g}" for cost in costs])
        axis.minorticks_off()
        axis.set_xlabel("cost rate, basis points")
        axis.legend(frameon=False, fontsize=8)
    left.set_ylabel("risk saved, basis points of spot")
    return figure


def work(small: bool):
    costs = (0.002,) if small else (0.001, 0.005, 0.0005, 0.01, 0.002, 0.0002)
    budgets = {"short": BUDGETS["short"]} if small else BUDGETS
    return {f"cost {cost:g}": later(find, cost, budgets) for cost in costs}


if __name__ == "__main__":
    study(__file__, __doc__, work, table, draw)
