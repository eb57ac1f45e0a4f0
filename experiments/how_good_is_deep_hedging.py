"""How good is deep hedging, really? Every rule as a share of the way from delta to the optimum.

A sold call, spot = strike = 100, 30 days of 365, no premium, closing out not charged,
proportional costs, entropic risk, over a grid of market, number of dates, aversion and cost. The
optimum, and the risk of every hedge without memory, come from dynamic programming, without paths;
two hedges that remember prices (a move since the last trade; a recurrent network) are judged beside
the optimal hedge on the same paths. Rules with a setting (a width, an interval, a move) have the
best of a few. Learned hedges have three seeds each: all architectures up to one step from the
middle of the grid, a band and a feedforward network everywhere.

    python experiments/how_good_is_deep_hedging.py [--small] [--only merton] [--minutes 6]
"""

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from architectures import ARCHITECTURES, SEES, learn
from optimum_table import MARKETS, MATURITY

import deephedge.policies as hedges
from deephedge.claims import Call
from deephedge.costs import ProportionalCost
from deephedge.numerics.statistics import spread
from deephedge.optimum import Judged, Resolution, Solved, judge_entropic, solve_entropic
from deephedge.policies import AbstractPolicy
from deephedge.pricing import BlackScholesFormula
from deephedge.reports import compare
from deephedge.reports.figures import empty_figure, line_style
from deephedge.reports.study import later, study
from deephedge.risk import Entropic
from deephedge.rollout import HedgingProblem, time_grid

FORMULA = BlackScholesFormula(vol=0.2)
RESOLUTION = {"black-scholes": Resolution(), "merton": Resolution(prices=4.0)}
WIDTHS, INTERVALS, MOVES = (0.03, 0.06, 0.12), (2, 5), (0.005, 0.01, 0.02)
COSTS = (0.0005, 0.002, 0.01)
TRAINING, PATHS = {"n_seeds": 3, "n_steps": 150, "n_paths": 2048}, 100_000
ALL = (
    "no-transaction band",
    "feedforward",
    "one network a date",
    "recurrent, GRU",
    "feedforward on holdings, from delta",
)


@dataclasses.dataclass(frozen=True)
class Cell:
    """A hedging problem, and what is trained for it."""

    market: str
    n_dates: int
    aversion: float
    cost: float
    learned: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        hedger = f"aversion {self.aversion:g}, cost {self.cost:g}"
        return f"{self.market}, {self.n_dates} dates, {hedger}"

    def problem(self) -> HedgingProblem:
        claim, times = Call(strike=100.0, maturity=MATURITY), time_grid(MATURITY, self.n_dates)
        market, charge = MARKETS[self.market], ProportionalCost(self.cost)
        return HedgingProblem(market, claim, charge, times, close_out=False)


def grid(small: bool) -> list[Cell]:
    """Every learned hedge up to one step from the middle, two of them everywhere."""
    if small:
        return [Cell("black-scholes", 10, 1.0, 0.002, ALL[:1])]
    cells = []
    for market, (n, a), c in itertools.product(
        ("black-scholes", "merton"), ((30, 1.0), (10, 1.0), (60, 1.0), (30, 0.1)), COSTS
    ):
        away = (market != "black-scholes") + (n != 30) + (a != 1.0) + (c != 0.002)
        cells.append(Cell(market, n, a, c, ALL if away <= 1 else ALL[:2]))
    return sorted(cells, key=lambda cell: -len(cell.learned))


class OneOf(AbstractPolicy):
    """The policy of a number among several: one program judges them all."""

    policies: tuple[AbstractPolicy, ...]
    number: jax.Array

    def init(self) -> None:
        return None

    def observe(self, now):
        return tuple(policy.observe(now) for policy in self.policies)

    def act(self, seen, account, memory):
        held = [p.act(x, account, None)[0] for p, x in zip(self.policies, seen, strict=True)]
        return jnp.stack(held)[self.number], memory


class ByTheClock(AbstractPolicy):
    """A policy that remembers nothing but how many dates there were, told by the time instead."""

    policy: AbstractPolicy
    gap: jax.Array

    def init(self) -> None:
        return None

    def observe(self, now):
        return self.policy.observe(now), jnp.round(now.time / self.gap).astype(jnp.int32)

    def act(self, seen, account, memory):
        count = jax.tree.map(lambda _: seen[1], self.policy.init())
        return self.policy.act(seen[0], account, count)[0], memory


def by_the_clock(policy: AbstractPolicy, problem: HedgingProblem) -> AbstractPolicy:
    """The same hedge without a memory, where it counts dates; itself where it has none."""
    return policy if policy.init() is None else ByTheClock(policy, problem.times[1])


def settings_of(cell: Cell, problem: HedgingProblem) -> dict[str, list[AbstractPolicy]]:
    """The rules that remember no price, each at all of its settings."""
    claim, gap = problem.claim, MATURITY / cell.n_dates
    delta, modified = hedges.DeltaHedge(claim, FORMULA), {"cost_rate": cell.cost, "interval": gap}
    rare = [by_the_clock(hedges.RebalanceEvery(delta, n), problem) for n in INTERVALS]
    return {
        "delta": [delta],
        "Leland": [hedges.Leland(claim, FORMULA, **modified)],
        "Boyle–Vorst": [hedges.BoyleVorst(claim, FORMULA, **modified)],
        "Whalley–Wilmott": [hedges.WhalleyWilmott(claim, FORMULA, cell.cost, cell.aversion)],
        "Zakamouline": [hedges.Zakamouline(claim, FORMULA, cell.cost, cell.aversion)],
        "delta band, best width": [hedges.DeltaBand(claim, FORMULA, w) for w in WIDTHS],
        "delta, best interval": rare,
    }


def judged(cell: Cell, rules: Mapping[str, Sequence[AbstractPolicy]]) -> dict[str, list[Judged]]:
    """The exact risk of each, all by one compiled program."""
    problem, risk, at = cell.problem(), Entropic(cell.aversion), RESOLUTION[cell.market]
    found = {name: [] for name in rules}
    for setting in range(max(len(policies) for policies in rules.values())):
        now = tuple(policies[min(setting, len(policies) - 1)] for policies in rules.values())
        for number, name in enumerate(rules):
            if setting < len(rules[name]):
                policy = OneOf(now, jnp.asarray(number))
                found[name].append(judge_entropic(problem, risk, policy, resolution=at))
    return found


def trained(cell: Cell, problem: HedgingProblem) -> dict[str, list[AbstractPolicy]]:
    """The learned hedges, a list of seeds each."""
    rules, found = settings_of(cell, problem), {}
    for name in cell.learned:
        known = ARCHITECTURES[name]
        (base,) = rules["delta" if name.endswith("from delta") else "Zakamouline"]
        options = {**known.options, "features": SEES}
        own = dataclasses.replace(known, base=base, options=options)
        ensemble = learn(problem, Entropic(cell.aversion), own, **TRAINING)
        found[name] = list(ensemble.policies)
    return found


def share(way: Judged, best: Judged, own: Judged) -> tuple[float, float]:
    """The share of the way, and how far it is from that of grids of half the resolution."""
    fine = 1 - (own.value - best.value) / (way.value - best.value)
    coarse = 1 - (own.coarse - best.coarse) / (way.coarse - best.coarse)
    return fine, abs(fine - coarse)


def on_paths(cell: Cell, best: Solved, way: float, policies: Mapping) -> dict:
    """Shares of the way of hedges that remember, from the same paths as the optimal hedge's."""
    rules = {"optimal": best.policy, **policies}
    measures, key = {"entropic": Entropic(cell.aversion)}, jax.random.key(1_000_003)
    result = compare(cell.problem(), rules, measures, n_paths=PATHS, key=key)
    rows = {name: result.at(name, "entropic") for name in policies}
    return {x: (1 - r.difference / way, r.difference_error / way) for x, r in rows.items()}


def summary(shares: Sequence[tuple[float, float]]) -> dict[str, float]:
    """The mean over seeds and its error: between seeds, and of the grid or the paths."""
    over = spread([x for x, _ in shares])
    between = over.standard_error if len(shares) > 1 else 0.0
    # A network may ask for more than the holdings of the coarse grid, at its farthest prices.
    error = math.hypot(between, max((e for _, e in shares if math.isfinite(e)), default=0.0))
    return {"share": over.mean, "error": error, "least": over.least, "greatest": over.greatest}


def find(cell: Cell) -> dict:
    """All of one cell."""
    problem, risk = cell.problem(), Entropic(cell.aversion)
    best = solve_entropic(problem, risk, resolution=RESOLUTION[cell.market])
    exact = judged(cell, {"optimal": [best.policy], **settings_of(cell, problem)})
    found = trained(cell, problem)
    recurrent = {str(i): p for i, p in enumerate(found.pop("recurrent, GRU", []))}
    if found:
        seeds = {name: [by_the_clock(p, problem) for p in own] for name, own in found.items()}
        exact |= judged(cell, seeds)
    if cell.learned == ALL:
        gap = MATURITY / cell.n_dates
        solved = hedges.HoggardWhalleyWilmott(problem.claim, 0.2, cell.cost, gap)
        exact |= judged(cell, {"Hoggard–Whalley–Wilmott": [solved]})
    (optimum,), (way,) = exact.pop("optimal"), exact["delta"]
    shares = {name: [share(way, optimum, own) for own in each] for name, each in exact.items()}
    (delta,) = settings_of(cell, problem)["delta"]
    moves = {f"{move:.1%}": hedges.RebalanceOnMove(delta, move) for move in MOVES}
    paths = on_paths(cell, best, way.value - optimum.value, {**moves, **recurrent})
    shares["delta, best move"] = [paths[move] for move in moves]
    if recurrent:
        shares["recurrent, GRU"] = [paths[seed] for seed in recurrent]
    kept = {name: [max(own)] if "best" in name else own for name, own in shares.items()}
    rules = {name: summary(own) for name, own in kept.items()}
    return {"optimum": best.value, "optimum_error": best.error, "delta": way.value, "rules": rules}


RULES = (
    "Leland",
    "Hoggard–Whalley–Wilmott",
    "Boyle–Vorst",
    "delta, best interval",
    "delta, best move",
    "delta band, best width",
    "Whalley–Wilmott",
    "Zakamouline",
    *reversed(ALL),
)
MIDDLE = Cell("black-scholes", 30, 1.0, 0.002)
STEPS = {
    "**the middle**": {},
    "cost 0.0005": {"cost": 0.0005},
    "cost 0.01": {"cost": 0.01},
    "10 dates": {"n_dates": 10},
    "60 dates": {"n_dates": 60},
    "aversion 0.1": {"aversion": 0.1},
    "Merton": {"market": "merton"},
}
"""Columns of the table: the middle, and one step from it in each direction."""


def entry(rule: Mapping[str, float] | None) -> str:
    """A share and its error, in per cent."""
    return "–" if rule is None else f"{100 * rule['share']:.2f} ± {100 * rule['error']:.2f}"


def table(found: Mapping) -> str:
    """Shares of the way in per cent, a row a rule."""
    names = {title: dataclasses.replace(MIDDLE, **step).name for title, step in STEPS.items()}
    shown = {title: found[name] for title, name in names.items() if name in found} or found
    rows = [
        "| % of the way from delta to the optimum | " + " | ".join(shown) + " | all: least, mean |",
        "|---|" + "---|" * (len(shown) + 1),
        "| *risk of delta → optimum* | "
        + " | ".join(f"{x['delta']:.3f} → {x['optimum']:.3f}" for x in shown.values())
        + " | |",
    ]
    for rule in RULES:
        own = [cell["rules"][rule]["share"] for cell in found.values() if rule in cell["rules"]]
        if own:
            entries = " | ".join(entry(cell["rules"].get(rule)) for cell in shown.values())
            whole = f"{100 * min(own):.1f}, {100 * sum(own) / len(own):.1f} ({len(own)} cells)"
            rows.append(f"| {rule} | {entries} | {whole} |")
    return "\n".join(rows)


def draw(found: Mapping):
    """What is left of the way, on a logarithmic scale: a row a rule, a dot a cell."""
    figure, (axis,) = empty_figure(height=4.6)
    rules = [rule for rule in RULES if any(rule in cell["rules"] for cell in found.values())]
    parts = ("30 dates, aversion 1", "10 dates", "60 dates", "aversion 0.1", "merton")
    for number, part in enumerate(parts):
        points = [
            (1 - cell["rules"][rule]["share"], row)
            for row, rule in enumerate(rules)
            for name, cell in found.items()
            if rule in cell["rules"] and part in name and (part == "merton") == ("merton" in name)
        ]
        if points:
            left, rows = zip(*points, strict=True)
            colour = line_style(number)["color"]
            places = [row + 0.14 * (number - 2) for row in rows]
            label = "Merton" if part == "merton" else part
            axis.scatter(left, places, s=18, marker="os^Dx"[number], color=colour, label=label)
    axis.axvline(1.0, color="#444444", linewidth=0.8)
    axis.annotate("delta", (1.0, -0.75), ha="center", va="bottom", fontsize=8)
    axis.set_xscale("log")
    axis.set_yticks(range(len(rules)), rules, fontsize=8)
    axis.set_ylim(len(rules) - 0.4, -0.8)
    axis.set_xticks([0.001, 0.01, 0.1, 1.0], ["0.1 %", "1 %", "10 %", "100 %"])
    axis.set_xlabel("left of the way from delta to the optimum")
    figure.legend(loc="outside lower center", ncols=5, frameon=False, fontsize=8)
    return figure


def work(small: bool):
    return {cell.name: later(find, cell) for cell in grid(small)}


if __name__ == "__main__":
    study(__file__, __doc__, work, table, draw)
