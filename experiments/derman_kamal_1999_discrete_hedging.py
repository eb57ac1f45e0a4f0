"""Derman and Kamal (1999): the deviation of a hedge that is renewed n times.

A call at the money, one month, volatility 0.2, spot 100, no costs, hedged by the Black-Scholes
delta at n equal dates. The paper's rule of thumb for the deviation of the P&L is
sqrt(pi / 4) vega sigma / sqrt(n); it leaves out terms of higher order in 1 / n, so that it should
be right to 5 % at n = 21 and n = 84, and the power of n to 0.03.

    deephedge reproduce derman_kamal_1999_discrete_hedging --full
"""

import math
import pathlib

import equinox as eqx
import jax
import numpy as np

from deephedge.claims import Call
from deephedge.costs import NoCost
from deephedge.markets import BlackScholes
from deephedge.policies import DeltaHedge
from deephedge.pricing import BlackScholesFormula, greeks
from deephedge.reports import Finding, Paper
from deephedge.rollout import HedgingProblem, pnl_only, sample, time_grid

PAPER = Paper(
    reference="Derman and Kamal (1999), When you cannot hedge continuously",
    claim="The deviation of a hedge renewed n times is sqrt(pi / 4) vega sigma / sqrt(n).",
    minutes=0.5,
)
MATURITY, VOL = 1.0 / 12.0, 0.2


def deviation(n_dates: int, n_paths: int, seed: int) -> tuple[float, float]:
    """Of the P&L, and its standard error."""
    claim, market = Call(strike=100.0, maturity=MATURITY), BlackScholes(spot=100.0, vol=VOL)
    problem = HedgingProblem(market, claim, NoCost(), time_grid(MATURITY, n_dates), close_out=False)
    delta = DeltaHedge(claim, BlackScholesFormula(vol=VOL))
    pnl = sample(problem, delta, n_paths, key=jax.random.key(seed), keep=pnl_only)
    centred = np.asarray(pnl) - np.mean(pnl)
    spread = float(np.sqrt(np.mean(centred**2)))
    return spread, float(np.std(centred**2)) / (2.0 * spread * math.sqrt(n_paths))


def run(seed: int = 0, smoke: bool = False, out: pathlib.Path | None = None) -> list[Finding]:
    """Measure the deviation at several n, and the power of n that it falls with."""
    n_paths = 20_000 if smoke else 400_000
    dates = (21, 84) if smoke else (5, 10, 21, 42, 84, 168, 336)
    claim, formula = Call(strike=100.0, maturity=MATURITY), BlackScholesFormula(vol=VOL)
    start = BlackScholes(spot=100.0, vol=VOL).start()
    vega = float(eqx.filter_jit(greeks)(formula, claim, start, ("vega",))["vega"])
    rule = {n: math.sqrt(math.pi / 4.0) * vega * VOL / math.sqrt(n) for n in dates}
    found = {n: deviation(n, n_paths, seed) for n in dates}
    power = float(np.polyfit(np.log(dates), np.log([found[n][0] for n in dates]), 1)[0])
    if out is not None:
        draw(found, rule, out)
    place = "the rule of thumb"
    findings = [
        Finding(f"deviation, n = {n}", found[n][0], rule[n], 0.05 * rule[n], found[n][1], place)
        for n in (21, 84)
    ]
    return [*findings, Finding("power of n", power, -0.5, 0.03, place=place)]


def draw(found: dict, rule: dict, out: pathlib.Path) -> None:
    """The deviation against n, on logarithmic axes."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5.6, 3.6), layout="constrained")
    axes.loglog(list(rule), list(rule.values()), "C0-", label="rule of thumb")
    axes.loglog(list(found), [value for value, _ in found.values()], "ko", label="simulated")
    axes.set_xlabel("times that the hedge is renewed")
    axes.set_ylabel("deviation of the P&L")
    axes.legend(frameon=False)
    figure.savefig(out)
