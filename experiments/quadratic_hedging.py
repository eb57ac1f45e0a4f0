"""How far delta hedging is from the least squared error that any hedge without costs has.

A call at the money on 100, a year, the model's own delta (at the model's price) against the
variance-optimal hedge, in markets that grow by 8 % a year and in the same without excess growth.
Both are shown by the deviation of their P&L, that is from the best capital each; the optimum is
by `quadratic_hedge`, with its error from two grids, and by simulation on the delta's paths; the
last column is the delta's deviation over that of the optimum on those paths.

    python experiments/quadratic_hedging.py [--paths 16384] [--seed 0]
"""

import argparse
import dataclasses

import jax
import numpy as np

from deephedge.claims import Call
from deephedge.costs import NoCost
from deephedge.markets import AbstractAffineModel, BlackScholes, Heston, Kou, Merton
from deephedge.optimum import quadratic_hedge
from deephedge.policies import DeltaHedge
from deephedge.pricing import Fourier, pricer_for
from deephedge.rollout import HedgingProblem, pnl_only, sample, time_grid

CALL = Call(strike=100.0, maturity=1.0)
DRIFT = 0.08
MARKETS = {
    "Black-Scholes, 12 steps": (BlackScholes(spot=100.0, vol=0.2, rate=0.02), 12),
    "Black-Scholes, 52 steps": (BlackScholes(spot=100.0, vol=0.2, rate=0.02), 52),
    "Merton, 12 steps": (dataclasses.replace(Merton.example(), dividend=0.0), 12),
    "Kou, 12 steps": (dataclasses.replace(Kou.example(), dividend=0.0), 12),
    "Heston, 12 steps": (dataclasses.replace(Heston.example(), dividend=0.0), 12),
}


@dataclasses.dataclass(frozen=True)
class Row:
    capital: float
    price: float
    optimum: float
    uncertainty: float
    attained: float
    error: float
    delta: float


def row(market: AbstractAffineModel, n_steps: int, n_paths: int, seed: int) -> Row:
    """Deviations of the P&L, in cash of today."""
    times = time_grid(1.0, n_steps)
    best = quadratic_hedge(market, CALL, times)
    pricer = pricer_for(market, CALL)
    if isinstance(pricer, Fourier):
        pricer = Fourier(market, n_terms=64, width=8.0)
    problem = HedgingProblem(market, CALL, NoCost(), times, premium=best.capital, close_out=False)
    own, delta = (
        np.asarray(sample(problem, policy, n_paths, key=jax.random.key(seed), keep=pnl_only))
        for policy in (best.policy, DeltaHedge(CALL, pricer))
    )
    root = float(np.sqrt(best.squared_error))
    attained = float(np.sqrt(np.mean(own**2)))
    return Row(
        capital=float(best.capital),
        price=float(pricer_for(market, CALL).price(CALL, market.start())),
        optimum=root,
        uncertainty=float(best.squared_error_uncertainty) / (2.0 * root),
        attained=attained,
        error=float(np.std(own**2) / np.sqrt(n_paths)) / (2.0 * attained),
        delta=float(np.std(delta)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--paths", type=int, default=16_384)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print("market | growth | capital (price) | optimum (grids) | simulated (s.e.) | delta | more")
    for name, (market, n_steps) in MARKETS.items():
        for drift in (DRIFT, float(market.rate)):
            found = row(dataclasses.replace(market, drift=drift), n_steps, given.paths, given.seed)
            print(
                f"{name} | {drift:.2f} | {found.capital:.4f} ({found.price:.4f}) | "
                f"{found.optimum:.4f} ({found.uncertainty:.0e}) | "
                f"{found.attained:.4f} ({found.error:.4f}) | {found.delta:.4f} | "
                f"{100.0 * (found.delta / found.attained - 1.0):.1f} %",
                flush=True,
            )


if __name__ == "__main__":
    main()
