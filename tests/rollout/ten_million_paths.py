"""Prints the most memory, in GiB, that sampling and comparing so many paths of 30 steps takes."""

import resource
import sys
import time

import jax

from deephedge.claims import Call
from deephedge.costs import ProportionalCost
from deephedge.markets import BlackScholes
from deephedge.policies import DeltaHedge, WhalleyWilmott
from deephedge.pricing import BlackScholesFormula
from deephedge.reports import compare
from deephedge.risk import ExpectedShortfall
from deephedge.rollout import HedgingProblem, pnl_only, sample, time_grid


def most_memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    n_paths = int(sys.argv[1])
    claim, formula = Call(strike=100.0, maturity=30 / 365), BlackScholesFormula(vol=0.2)
    market = BlackScholes(spot=100.0, vol=0.2)
    times = time_grid(30 / 365, 30)
    problem = HedgingProblem(market, claim, ProportionalCost(0.001), times, close_out=False)
    delta = DeltaHedge(claim, formula)
    begin = time.perf_counter()
    pnl = sample(problem, delta, n_paths, key=jax.random.key(0), keep=pnl_only)
    risk = ExpectedShortfall(0.01)
    print(f"{pnl.shape[0]} paths, shortfall {float(risk(pnl)):.4f}", file=sys.stderr)
    print(f"{time.perf_counter() - begin:.1f} s, {most_memory():.2f} GiB", file=sys.stderr)
    band = WhalleyWilmott(claim, formula, cost_rate=0.001, aversion=1.0)
    hedges = {"delta": delta, "band": band}
    print(
        compare(problem, hedges, {"shortfall": risk}, n_paths=n_paths, key=jax.random.key(1)),
        file=sys.stderr,
    )
    print(f"{time.perf_counter() - begin:.1f} s", file=sys.stderr)
    print(most_memory())
