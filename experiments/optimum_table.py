"""The exact optimum of the reference problem: by cost and aversion, and in other markets.

A sold call, spot = strike = 100, 30 days of 365 in 30 steps, no premium, closing out not charged,
proportional costs, entropic risk: the least risk that any hedge can have, by dynamic programming.
Merton and Heston have the same volatility of 0.2 at the start, and jumps of about one a month, or
a variance that moves. In single precision nothing changes: the programme itself runs in double.

    python experiments/optimum_table.py [--markets black-scholes merton heston] [--aversions 1 10]
"""

import argparse
import dataclasses
import time
from collections.abc import Sequence

from deephedge.claims import Call
from deephedge.costs import ProportionalCost
from deephedge.markets import AbstractMarket, BlackScholes, Heston, Merton
from deephedge.optimum import Resolution, Solved, solve_entropic
from deephedge.risk import Entropic
from deephedge.rollout import HedgingProblem, time_grid

MATURITY = 30 / 365
COSTS = (0.0005, 0.001, 0.002, 0.005, 0.01)
AVERSIONS = (0.1, 1.0, 10.0)
MARKETS: dict[str, AbstractMarket] = {
    "black-scholes": BlackScholes(spot=100.0, vol=0.2),
    "merton": Merton(spot=100.0, vol=0.19, intensity=10.0, jump_mean=-0.01, jump_vol=0.017),
    "heston": Heston(
        spot=100.0,
        variance=0.04,
        mean_reversion=1.5,
        long_variance=0.04,
        vol_of_variance=0.5,
        correlation=-0.7,
    ),
}
RESOLUTIONS = {
    "black-scholes": Resolution(prices=6.0, holdings=121),
    "merton": Resolution(prices=4.0, holdings=121),
    "heston": Resolution(
        prices=4.0, holdings=41, variances=41, deviations=5.0, step_deviations=7.0
    ),
}


def stated(market: str, cost: float) -> HedgingProblem:
    return HedgingProblem(
        MARKETS[market],
        Call(strike=100.0, maturity=MATURITY),
        ProportionalCost(cost),
        time_grid(MATURITY, 30),
        close_out=False,
    )


def optimum(market: str, cost: float, aversion: float, variances: int | None = None) -> Solved:
    """One cell of the table; with so many nodes of the variance, if that is given."""
    resolution = RESOLUTIONS[market]
    if variances is not None:
        resolution = dataclasses.replace(resolution, variances=variances)
    return solve_entropic(stated(market, cost), Entropic(aversion=aversion), resolution=resolution)


def table(
    market: str, aversions: Sequence[float], costs: Sequence[float], variances: int | None
) -> None:
    """Print the rows of one market."""
    for aversion in aversions:
        for cost in costs:
            begin = time.perf_counter()
            found = optimum(market, cost, aversion, variances)
            seconds = time.perf_counter() - begin
            print(
                f"| {market} | {aversion:g} | {cost:g} | {found.value:.5f} | {found.error:.0e} | "
                f"[{found.lower:.3f}, {found.upper:.3f}] | {seconds:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--markets", nargs="+", default=list(MARKETS), choices=list(MARKETS))
    parser.add_argument("--aversions", nargs="+", type=float, default=AVERSIONS)
    parser.add_argument("--costs", nargs="+", type=float, default=COSTS)
    parser.add_argument("--variances", type=int, default=None, help="nodes, in Heston's market")
    options = parser.parse_args()
    print("| market | aversion | cost | optimum | error | band at the start | seconds |")
    print("|---|---|---|---|---|---|---|")
    for name in options.markets:
        table(name, options.aversions, options.costs, options.variances)
