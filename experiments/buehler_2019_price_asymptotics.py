"""Buehler, Gonon, Teichmann and Wood (2019), figure 10: the price of small costs.

Entropic risk with aversion 1, a call at the money, 30 days of 365 in 30 steps, Black-Scholes with
volatility 0.2, proportional costs 2^-6 to 2^-10. The paper plots log(p_cost - q) of its trained
hedges, q being the price without costs in continuous time, on a line of slope 2/3. Here p is exact
up to its stated error, by dynamic programming. The paper does not say whether closing the hedge is
charged: both are shown. The slope of such a line should be 2/3 to 0.05.

    deephedge reproduce buehler_2019_price_asymptotics --full
"""

import pathlib

import numpy as np
from buehler_2019 import MATURITY, N_DATES, REFERENCE, at_the_money

from deephedge.costs import ProportionalCost
from deephedge.markets import BlackScholes
from deephedge.optimum import Resolution, solve_entropic
from deephedge.pricing import BlackScholesFormula
from deephedge.reports import Finding, Paper
from deephedge.risk import Entropic
from deephedge.rollout import HedgingProblem, time_grid

PAPER = Paper(
    reference=REFERENCE,
    claim="The price of costs, p - q, grows with the cost to the power 2/3.",
    minutes=2.0,
    deviations="Exact prices by dynamic programming in place of trained ones; Black-Scholes only.",
)
WHY = (
    "the exact prices of the same set-up do not lie on that line: at 30 dates and these costs the "
    "limit of small costs is not reached; see Whalley and Wilmott's at 480 dates"
)


def price(cost: float, *, close_out: bool, resolution: Resolution) -> tuple[float, float]:
    """The least entropic risk, and how exactly it is known."""
    market, claim = BlackScholes(spot=100.0, vol=0.2), at_the_money()
    times = time_grid(MATURITY, N_DATES)
    problem = HedgingProblem(market, claim, ProportionalCost(cost), times, close_out=close_out)
    found = solve_entropic(problem, Entropic(aversion=1.0), resolution=resolution)
    return float(found.value), float(found.error)


def run(seed: int = 0, smoke: bool = False, out: pathlib.Path | None = None) -> list[Finding]:
    """The slope of log(p - q) in the logarithm of the cost, closing out charged or not."""
    del seed
    costs = 2.0 ** -np.arange(6, 8 if smoke else 11)
    claim, market = at_the_money(), BlackScholes(spot=100.0, vol=0.2)
    free = float(BlackScholesFormula(vol=0.2).price(claim, market.start()))
    findings, lines = [], {}
    for closing in (False,) if smoke else (False, True):
        settings = {
            "close_out": closing,
            "resolution": Resolution(3.0, 41) if smoke else Resolution(),
        }
        found = [price(float(cost), **settings) for cost in costs]
        name = "closing out charged" if closing else "closing out not charged"
        lines[name] = np.array([value for value, _ in found]) - free
        print(f"{name}: q = {free:.5f}, p = " + ", ".join(f"{p:.5f} ({e:.0e})" for p, e in found))
        slope = float(np.polyfit(np.log(costs), np.log(lines[name]), 1)[0])
        what = f"slope of log(p - q), {name}"
        room = 0.25 if smoke else 0.05
        findings.append(Finding(what, slope, 2.0 / 3.0, room, place="figure 10", why=WHY))
    if out is not None:
        draw(costs, lines, out)
    return findings


def draw(costs: np.ndarray, lines: dict, out: pathlib.Path) -> None:
    """The paper's figure."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5.6, 3.6), layout="constrained")
    for name, extra in lines.items():
        axes.loglog(costs, extra, "o-", base=2, label=name)
    middle = next(iter(lines.values()))
    line = middle[-1] * (costs / costs[-1]) ** (2.0 / 3.0)
    axes.loglog(costs, line, "k--", base=2, label="slope 2/3")
    axes.set_xlabel("proportional cost")
    axes.set_ylabel("p − q")
    axes.legend(frameon=False)
    figure.savefig(out)
