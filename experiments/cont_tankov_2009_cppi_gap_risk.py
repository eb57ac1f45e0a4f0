"""Cont and Tankov (2009): portfolio insurance falls through its floor with the jumps.

A constant-proportion programme (floor 80 % in today's money, multiplier m) on a stock that jumps.
Between jumps it never loses its cushion; it does at the first jump below -1 / m, so that

    P(final wealth below the floor) = 1 - exp(-T nu(-inf, -1/m))

with nu the measure of the relative jumps (proposition 3.1). Simulated with daily and, at full size,
four times finer trading, in Kou's and Merton's markets, for m from 2 to 8; each within four
standard errors. Without jumps nothing is lost, and the final wealth is Black and Perold's.

    deephedge reproduce cont_tankov_2009_cppi_gap_risk --full
"""

import math
import pathlib

import jax
import numpy as np

from deephedge.claims import NoClaim
from deephedge.costs import NoCost
from deephedge.markets import Kou, Merton
from deephedge.policies import CPPI
from deephedge.reports import Finding, Paper
from deephedge.rollout import HedgingProblem, sample, time_grid

PAPER = Paper(
    reference="Cont and Tankov (2009), CPPI in the presence of jumps in asset prices",
    claim="The floor is lost with the chance 1 - exp(-T nu(-inf, -1/m)) of a jump below -1/m.",
    minutes=6.0,
    deviations="The paper's formula with jump parameters of ours; its fitted ones are not at hand.",
)
WHY = (
    "one path of 40,000: two jumps between two trades, which the formula for trading at every "
    "instant does not know, have a chance of some 1e-5 here"
)
WEALTH, FLOOR, RATE, MATURITY = 1000.0, 0.8, 0.03, 1.0
MARKETS = {
    "Kou": dict(vol=0.15, intensity=8.0, up_probability=0.4, up_size=0.03, down_size=0.06),
    "Merton": dict(vol=0.15, intensity=3.0, jump_mean=-0.1, jump_vol=0.12),
}


def mass_below(name: str, multiplier: float) -> float:
    """Jumps a year whose relative size is below -1 / m."""
    terms, edge = MARKETS[name], math.log(1.0 - 1.0 / multiplier)
    if name == "Kou":
        chance = (1.0 - terms["up_probability"]) * math.exp(edge / terms["down_size"])
    else:
        chance = 0.5 * math.erfc((terms["jump_mean"] - edge) / terms["jump_vol"] / math.sqrt(2.0))
    return terms["intensity"] * chance


def lost(name: str, multiplier: float, n_dates: int, n_paths: int, seed: int) -> np.ndarray:
    """Whether each path ended below the floor."""
    kind = {"Kou": Kou, "Merton": Merton}[name]
    market = kind(spot=100.0, rate=RATE, drift=0.08, **MARKETS[name])
    times = time_grid(MATURITY, n_dates)
    claim = NoClaim(MATURITY)
    problem = HedgingProblem(market, claim, NoCost(), times, premium=WEALTH, close_out=False)
    policy = CPPI(multiplier=multiplier, floor=FLOOR, leverage=1e6)
    key = jax.random.key(seed)
    # A thousand dates: a small batch keeps the memory small.
    wealth = sample(problem, policy, n_paths, key=key, keep=final_wealth)
    return np.asarray(wealth) < FLOOR * WEALTH


def final_wealth(ledger):
    """In today's money."""
    return ledger.wealth[-1]


def run(seed: int = 0, smoke: bool = False, out: pathlib.Path | None = None) -> list[Finding]:
    """The probability of a loss for several multipliers in two markets.

    In a smoke run one of each: Merton's market, whose jumps compile in half the time.
    """
    multipliers, n_paths = ((4.0,), 4_000) if smoke else ((2.0, 3.0, 4.0, 6.0, 8.0), 40_000)
    findings, curves = [], {}
    for name in ("Merton",) if smoke else MARKETS:
        rows = curves[name] = []
        for m in multipliers:
            exact = 1.0 - math.exp(-mass_below(name, m) * MATURITY)
            measured = lost(name, m, 252 if smoke else 1008, n_paths, seed).mean()
            error = math.sqrt(exact * (1.0 - exact) / n_paths)
            rows.append((m, measured, exact))
            why = WHY if n_paths * exact < 1.0 else ""
            what = f"{name}, m = {m:g}: probability of a loss"
            findings.append(
                Finding(what, float(measured), exact, 4.0 * error, error, "proposition 3.1", why)
            )
    if out is not None:
        draw(curves, out)
    return findings


def draw(curves: dict, out: pathlib.Path) -> None:
    """The probability of a loss against the multiplier."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5.6, 3.6), layout="constrained")
    for colour, (name, rows) in enumerate(curves.items()):
        m, measured, exact = zip(*rows, strict=True)
        axes.plot(m, exact, f"C{colour}-", label=f"{name}, formula")
        axes.plot(m, measured, f"C{colour}o", label=f"{name}, simulated")
    axes.set_xlabel("multiplier")
    axes.set_ylabel("probability of a loss of the floor")
    axes.legend(frameon=False)
    figure.savefig(out)
