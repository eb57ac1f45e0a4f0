"""Bertrand and Prigent (2005): insurance by a multiple of the cushion, and by an option.

Black-Scholes, drift 9 %, rate 3 %, volatility 20 %, one year, floor 80 % of the money put in (in
final money). The programme with constant proportions ends at

    F + C exp[(r - m (r - sigma^2 / 2) - m^2 sigma^2 / 2) T] (S_T / S_0)^m

(their equation 8; Black and Perold, 1992), and its mean is F + C exp[(r + m (mu - r)) T]; the
option-based one holds the stock and a put. Neither dominates the other: the two final wealths
cross. Simulated with fine trading: the wealth path by path, its mean and its deviation.

    deephedge reproduce bertrand_prigent_2005_cppi_and_obpi --full
"""

import math
import pathlib

import jax
import numpy as np

from deephedge.claims import NoClaim
from deephedge.costs import NoCost
from deephedge.markets import BlackScholes
from deephedge.policies import CPPI, StaticHedge, SyntheticPut
from deephedge.reports import Finding, Paper
from deephedge.rollout import HedgingProblem, sample, time_grid

PAPER = Paper(
    reference="Bertrand and Prigent (2005), Portfolio insurance strategies: CPPI versus OBPI",
    claim="CPPI ends at a power of the stock above its floor; CPPI and OBPI cross, none dominates.",
    minutes=1.0,
    deviations="The formulas with the parameters of this file; moments are compared, not tables.",
)
WEALTH, FLOOR, RATE, DRIFT, VOL, MATURITY, M = 100.0, 0.8, 0.03, 0.09, 0.2, 1.0, 3.0


def ends(ledger):
    """Final wealth in today's money."""
    return ledger.wealth[-1]


def run(seed: int = 0, smoke: bool = False, out: pathlib.Path | None = None) -> list[Finding]:
    """Moments of CPPI by formula and simulated; where the two kinds of insurance cross."""
    n_dates, n_paths = (126, 4_000) if smoke else (1008, 50_000)
    market = BlackScholes(spot=100.0, vol=VOL, rate=RATE, drift=DRIFT)
    times = time_grid(MATURITY, n_dates)
    nothing = NoClaim(MATURITY)
    problem = HedgingProblem(market, nothing, NoCost(), times, premium=WEALTH, close_out=False)
    key = jax.random.key(seed)
    cppi = CPPI(multiplier=M, floor=FLOOR * math.exp(-RATE * MATURITY), leverage=1e6)
    wealth = np.asarray(sample(problem, cppi, n_paths, key=key, keep=ends)) * math.exp(RATE)
    one_share = np.asarray(sample(problem, StaticHedge(1.0), n_paths, key=key, keep=ends))
    stock = (one_share - WEALTH + 100.0) * math.exp(RATE)
    floor, cushion = FLOOR * WEALTH, WEALTH - FLOOR * WEALTH * math.exp(-RATE)
    power = RATE - M * (RATE - 0.5 * VOL**2) - 0.5 * M**2 * VOL**2
    formula = floor + cushion * math.exp(power) * (stock / 100.0) ** M
    mean = floor + cushion * math.exp(RATE + M * (DRIFT - RATE))
    spread = (mean - floor) * math.sqrt(math.expm1((M * VOL) ** 2))
    error = float(wealth.std()) / math.sqrt(n_paths)
    miss = float(np.sqrt(np.mean((wealth - formula) ** 2)))
    put = SyntheticPut(floor=FLOOR, vol=VOL, rate=RATE, maturity=MATURITY)
    insured = np.asarray(sample(problem, put, n_paths, key=key, keep=ends)) * math.exp(RATE)
    ahead = float(np.mean(wealth > insured))
    if out is not None:
        draw(stock, wealth, insured, out)
    return [
        Finding("CPPI, mean", float(wealth.mean()), mean, 4.0 * error, error, "equation 11"),
        Finding("CPPI, deviation", float(wealth.std()), spread, 0.05 * spread, place="equation 12"),
        # Between dates the proportion drifts: an error of order 1 / sqrt(n).
        Finding(
            "CPPI, path by path, root mean square", miss, 0.0, 0.03 * spread, place="equation 8"
        ),
        Finding("share of paths on which CPPI ends ahead (none dominates)", ahead, 0.5, 0.45),
    ]


def draw(stock: np.ndarray, cppi: np.ndarray, obpi: np.ndarray, out: pathlib.Path) -> None:
    """Final wealth against the final stock."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5.6, 3.6), layout="constrained")
    few = slice(0, 300)
    axes.plot(stock[few], cppi[few], ".", ms=3, label="CPPI")
    axes.plot(stock[few], obpi[few], ".", ms=3, label="OBPI")
    axes.set_xlabel("stock at the end")
    axes.set_ylabel("wealth at the end")
    axes.legend(frameon=False)
    figure.savefig(out)
