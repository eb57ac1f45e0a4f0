"""How close the learned band comes to the exact optimum of the reference problem, and how fast.

Black-Scholes, spot = strike = 100, volatility 0.2, no interest, 30 days of 365 in 30 steps,
proportional cost 0.001, closing out not charged, entropic risk with aversion 1, no premium. The
exact optimum, 2.5249, is by dynamic programming (Hodges and Neuberger, 1989; Davis, Panas and
Zariphopoulou, 1993), known to about 1e-4; the risk of the Black-Scholes delta is 2.5852.

    python experiments/reference_problem.py [--paths 8000000] [--seed 0]
"""

import time

BEGIN = time.perf_counter()

import argparse  # noqa: E402
import math  # noqa: E402

import jax  # noqa: E402

from deephedge.claims import Call  # noqa: E402
from deephedge.costs import ProportionalCost  # noqa: E402
from deephedge.markets import BlackScholes  # noqa: E402
from deephedge.numerics.statistics import influence, standard_error  # noqa: E402
from deephedge.policies import (  # noqa: E402
    DeltaHedge,
    NoTransactionBand,
    WhalleyWilmott,
    Zakamouline,
)
from deephedge.pricing import BlackScholesFormula  # noqa: E402
from deephedge.risk import Entropic  # noqa: E402
from deephedge.rollout import HedgingProblem, pnl_only, sample, time_grid  # noqa: E402
from deephedge.training import Trained, default_optimizer, train  # noqa: E402

OPTIMUM, DELTA_RISK = 2.5249, 2.5852
COST, AVERSION, MATURITY = 0.001, 1.0, 30 / 365
RISK = Entropic(aversion=AVERSION)


def reference_problem() -> HedgingProblem:
    claim = Call(strike=100.0, maturity=MATURITY)
    market = BlackScholes(spot=100.0, vol=0.2)
    return HedgingProblem(
        market, claim, ProportionalCost(COST), time_grid(MATURITY, 30), close_out=False
    )


def learn(problem: HedgingProblem, seed: int) -> Trained:
    """Train the band, starting from Zakamouline's."""
    create_key, train_key = jax.random.split(jax.random.key(seed))
    formula = BlackScholesFormula(vol=0.2)
    base = Zakamouline(problem.claim, formula, cost_rate=COST, aversion=AVERSION)
    policy = NoTransactionBand.create(
        problem.market, problem.claim, problem.times, base=base, width=16, depth=2, key=create_key
    )
    return train(
        problem,
        policy,
        RISK,
        key=train_key,
        optimizer=default_optimizer(200, learning_rate=0.02),
        n_steps=200,
        n_paths=4096,
        validate_every=100,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--paths", type=int, default=8_000_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    problem = reference_problem()
    trained = learn(problem, options.seed)
    print(
        f"trained in {time.perf_counter() - BEGIN:.1f} s from the start of the program, "
        f"compilation {trained.compile_seconds:.1f} s of it included; {jax.devices()[0]}"
    )
    formula = BlackScholesFormula(vol=0.2)
    policies = {
        "delta": DeltaHedge(problem.claim, formula),
        "Whalley-Wilmott": WhalleyWilmott(problem.claim, formula, COST, AVERSION),
        "Zakamouline": Zakamouline(problem.claim, formula, COST, AVERSION),
        "learned band": trained.policy,
    }
    key = jax.random.key(options.seed + 1_000_003)
    influences = {}
    print(f"{'policy':>16s} {'risk':>9s} {'s.e.':>8s} {'gain on delta':>14s} {'s.e.':>8s} share")
    for name, policy in policies.items():
        pnl = sample(problem, policy, options.paths, key=key, keep=pnl_only)
        risk, influences[name] = float(RISK(pnl)), influence(RISK, pnl)
        error = float(standard_error(influences[name]))
        if name == "delta":
            delta_risk = risk
        gain = delta_risk - risk
        paired = float(standard_error(influences["delta"] - influences[name]))
        share = (DELTA_RISK - risk) / (DELTA_RISK - OPTIMUM)
        print(f"{name:>16s} {risk:9.5f} {error:8.5f} {gain:14.5f} {paired:8.5f} {share:6.1%}")
    if not math.isfinite(risk):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
