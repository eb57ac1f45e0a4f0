"""Bertrand and Prigent (2005): insurance by a multiple of the cushion, and by an option.

Black-Scholes, drift 9 %, rate 3 %, volatility 20 %, one year, floor 80 % of the money put in (in
final money). The programme with constant proportions ends at

    F + C exp[(r - m (r - sigma^2 / 2) - m^2 sigma^2 / 2) T] (S_T / S_0)^m

(their equation 8; Black and Perold, 1992), and its mean is F + C exp[(r + m (mu - r)) T]; the
option-based one holds the stock and a put. Neither dominates the other: the two final wealths
cross. Where they do is where F + A x^m meets lambda max(x, k), so that the share of paths on which
CPPI ends ahead is known as well. Simulated with fine trading: the wealth path by path, its mean,
its deviation, and that share, which trading at dates may move by 0.01 beside four standard errors
(stated beforehand, as all room here).

    deephedge reproduce bertrand_prigent_2005_cppi_and_obpi --full
"""

import math
import pathlib
import statistics

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deephedge.claims import NoClaim
from deephedge.costs import NoCost
from deephedge.markets import BlackScholes
from deephedge.policies import CPPI, SyntheticPut
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
    """Final wealth, and what a share earned, both in today's money: a path that holds shares."""
    return ledger.wealth[-1], jnp.sum(ledger.gains / ledger.holdings[:, 0])


def share_ahead(scale: float, put: SyntheticPut) -> float:
    """The chance that F + scale x^3 is above the wealth lambda max(x, k) of the insured stock x."""
    strike, floor = float(eqx.filter_jit(lambda x: x.strike)(put)), FLOOR * WEALTH
    units = floor / strike
    crossings = np.roots([scale, 0.0, -units, floor])
    first, second = np.sort(crossings[np.isreal(crossings) & (crossings.real > 0.0)].real)
    # Below the strike the put leaves the floor alone, and CPPI is always above it.
    assert M == 3.0 and strike < first
    normal = statistics.NormalDist((DRIFT - 0.5 * VOL**2) * MATURITY, VOL * MATURITY**0.5)
    return normal.cdf(math.log(first)) + 1.0 - normal.cdf(math.log(second))


def run(seed: int = 0, smoke: bool = False, out: pathlib.Path | None = None) -> list[Finding]:
    """Moments of CPPI by formula and simulated; where the two kinds of insurance cross."""
    n_dates, n_paths = (126, 4_000) if smoke else (1008, 50_000)
    market = BlackScholes(spot=100.0, vol=VOL, rate=RATE, drift=DRIFT)
    times = time_grid(MATURITY, n_dates)
    nothing = NoClaim(MATURITY)
    problem = HedgingProblem(market, nothing, NoCost(), times, premium=WEALTH, close_out=False)
    key = jax.random.key(seed)
    cppi = CPPI(multiplier=M, floor=FLOOR * math.exp(-RATE * MATURITY), leverage=1e6)
    wealth, earned = (
        np.asarray(x) * math.exp(RATE) for x in sample(problem, cppi, n_paths, key=key, keep=ends)
    )
    stock = 100.0 * math.exp(RATE) + earned
    floor, cushion = FLOOR * WEALTH, WEALTH - FLOOR * WEALTH * math.exp(-RATE)
    power = RATE - M * (RATE - 0.5 * VOL**2) - 0.5 * M**2 * VOL**2
    scale = cushion * math.exp(power)
    formula = floor + scale * (stock / 100.0) ** M
    mean = floor + cushion * math.exp(RATE + M * (DRIFT - RATE))
    spread = (mean - floor) * math.sqrt(math.expm1((M * VOL) ** 2))
    error = float(wealth.std()) / math.sqrt(n_paths)
    miss = float(np.sqrt(np.mean((wealth - formula) ** 2)))
    put = SyntheticPut(floor=FLOOR, vol=VOL, rate=RATE, maturity=MATURITY)
    insured = np.asarray(sample(problem, put, n_paths, key=key, keep=ends)[0]) * math.exp(RATE)
    ahead, exact = float(np.mean(wealth > insured)), share_ahead(scale, put)
    between = math.sqrt(exact * (1.0 - exact) / n_paths)
    if out is not None:
        draw(stock, wealth, insured, out)
    return [
        Finding("CPPI, mean", float(wealth.mean()), mean, 4.0 * error, error, "equation 11"),
        Finding("CPPI, deviation", float(wealth.std()), spread, 0.05 * spread, place="equation 12"),
        # Between dates the proportion drifts: an error of order 1 / sqrt(n).
        Finding(
            "CPPI, path by path, root mean square", miss, 0.0, 0.03 * spread, place="equation 8"
        ),
        Finding(
            "share of paths on which CPPI ends ahead (none dominates)",
            ahead,
            exact,
            0.01 + 4.0 * between,
            between,
            "where the two cross",
        ),
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
