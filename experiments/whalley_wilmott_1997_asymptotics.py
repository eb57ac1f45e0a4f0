"""Small costs: the band's width grows with the cost to the power 1/3, the price with 2/3.

Whalley and Wilmott (1997), for continuous trading: as the proportional cost goes to zero, the
optimal band at the money has the half-width (3/2 cost S Gamma^2 / aversion)^(1/3), and the least
risk exceeds the price of free, continuous trading by an amount of order cost^(2/3). What it costs
to buy the hedge at the start, which is of order cost, is left out: it would hide the slope at
costs that can be computed. Here by dynamic programming at many dates: a band narrower than what
delta moves in a step is no band, so the slopes are those of the limit only where the steps are
short against it. The tolerance of 0.04 on both slopes is ours.

At 480 dates the slope of the width is the mean of local ones that rise from 0.26, where the cost is
not small, to 0.37, where the band is not wide against a step; the width itself is 20 to 25 % below
the formula's. The extra risk is nearer to its limit: local slopes from 0.70 to 0.66.

    deephedge reproduce whalley_wilmott_1997_asymptotics --full
"""

import pathlib

import equinox as eqx
import numpy as np

from deephedge.claims import Call
from deephedge.costs import ProportionalCost
from deephedge.markets import BlackScholes
from deephedge.optimum import Resolution, Solved, solve_entropic
from deephedge.pricing import BlackScholesFormula
from deephedge.reports import Finding, Paper
from deephedge.risk import Entropic
from deephedge.rollout import HedgingProblem, time_grid

PAPER = Paper(
    reference="Whalley and Wilmott (1997), Optimal hedging with small transaction costs",
    claim="The band's width grows with the cost to the power 1/3, the price with the power 2/3.",
    minutes=5.0,
    deviations="By dynamic programming at 480 dates, for a theorem on continuous trading.",
)
MATURITY = 30 / 365
MARKET = BlackScholes(spot=100.0, vol=0.2)
CLAIM = Call(strike=100.0, maturity=MATURITY)
COSTS, SMOKE = 2.0 ** -np.arange(8, 13), 2.0 ** -np.array([7, 9])
RESOLUTION = Resolution(prices=2.0, holdings=121, deviations=6.0)
GAMMA = np.exp(-0.5 * (0.1 * MATURITY**0.5) ** 2) / (2 * np.pi * MATURITY) ** 0.5 / 20.0


def optimum(cost: float, n_steps: int) -> Solved:
    """The reference problem at another cost and number of dates, aversion 1."""
    problem = HedgingProblem(
        MARKET,
        CLAIM,
        ProportionalCost(cost),
        time_grid(MATURITY, n_steps),
        close_out=False,
    )
    return solve_entropic(problem, Entropic(aversion=1.0), resolution=RESOLUTION)


def scaled(n_steps: int, costs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The band's width and the extra risk at every cost."""
    formula = BlackScholesFormula(vol=0.2)
    free = float(eqx.filter_jit(formula.price)(CLAIM, MARKET.start()))
    found = [optimum(float(cost), n_steps) for cost in costs]
    widths = np.array([x.upper - x.lower for x in found])
    paid = costs * 100.0 * np.array([x.lower for x in found])
    extra = np.array([x.value - free for x in found]) - paid
    theory = 2 * (1.5 * costs * 100.0 * GAMMA**2) ** (1 / 3)
    print(
        f"{n_steps} steps; extra over the price of free, continuous trading, {free:.5f}, and "
        "over the purchase of the hedge"
    )
    print(
        "| cost | risk | error | extra | width | Whalley and Wilmott's |\n|---|---|---|---|---|---|"
    )
    for row in zip(costs, found, extra, widths, theory, strict=True):
        cost, x, more, width, limit = row
        print(
            f"| {cost:.6f} | {x.value:.5f} | {x.error:.0e} | {more:.5f} | "
            f"{width:.4f} | {limit:.4f} |"
        )
    return widths, extra


def slope(costs: np.ndarray, amounts: np.ndarray) -> float:
    """Of their logarithms in that of the cost."""
    return float(np.polyfit(np.log(costs), np.log(amounts), 1)[0])


def experiment(
    steps: tuple[int, ...] = (120, 480),
    costs: np.ndarray = COSTS,
    room: float = 0.04,
    out: pathlib.Path | None = None,
) -> list[Finding]:
    """The slopes at every number of steps; those of the largest are held against the paper's."""
    found = {}
    for n_steps in steps:
        found[n_steps] = scaled(n_steps, costs)
        width, extra = (slope(costs, amounts) for amounts in found[n_steps])
        print(f"slopes: width {width:.3f}, extra risk {extra:.3f}\n", flush=True)
    if out is not None:
        draw(found, costs, out)
    return [
        Finding("slope of the band's width", width, 1 / 3, room),
        Finding("slope of the extra risk", extra, 2 / 3, room),
    ]


def run(seed: int = 0, smoke: bool = False, out: pathlib.Path | None = None) -> list[Finding]:
    """The slopes at 480 dates; in a smoke run at 30, between two costs whose bands are wide.

    Wide enough against a step of that length, but such costs are not small: the room of 0.15 tells
    1/3 from 2/3, and no more.
    """
    del seed
    return experiment((30,), SMOKE, 0.15, out) if smoke else experiment(out=out)


def draw(
    found: dict[int, tuple[np.ndarray, np.ndarray]], costs: np.ndarray, out: pathlib.Path
) -> None:
    """Width and extra risk against the cost, beside lines of the limit's slopes."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(7.6, 3.4), layout="constrained")
    labels = ("width of the band at the start", "extra risk")
    for i, (label, exponent) in enumerate(zip(labels, ("1/3", "2/3"), strict=True)):
        for n_steps, amounts in found.items():
            axes[i].loglog(costs, amounts[i], "o-", label=f"{n_steps} dates")
        theory = 2 * (1.5 * costs * 100.0 * GAMMA**2) ** (1 / 3)
        if i == 1:  # the theorem gives the power alone; drawn through the last point
            theory = amounts[1][-1] * (costs / costs[-1]) ** (2 / 3)
        what = "formula" if i == 0 else "slope"
        axes[i].loglog(costs, theory, "k--", label=f"{what}, {exponent}")
        axes[i].set_xticks(costs, [f"$2^{{{int(power)}}}$" for power in np.log2(costs)])
        axes[i].set_yticks([0.05, 0.1, 0.2, 0.4], ["0.05", "0.1", "0.2", "0.4"])
        axes[i].set_ylim(0.04, 0.5)
        axes[i].minorticks_off()
        axes[i].set_xlabel("proportional cost")
        axes[i].set_ylabel(label)
        axes[i].legend(frameon=False, loc="lower right")
    figure.savefig(out)
