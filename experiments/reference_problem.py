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

import jax  # noqa: E402

from deephedge.claims import Call  # noqa: E402
from deephedge.costs import ProportionalCost  # noqa: E402
from deephedge.markets import BlackScholes  # noqa: E402
from deephedge.policies import (  # noqa: E402
    DeltaHedge,
    NoTransactionBand,
    WhalleyWilmott,
    Zakamouline,
)
from deephedge.pricing import BlackScholesFormula  # noqa: E402
from deephedge.reports import Comparison, Finding, compare  # noqa: E402
from deephedge.reports.experiment import main  # noqa: E402
from deephedge.risk import Entropic  # noqa: E402
from deephedge.rollout import HedgingProblem, time_grid  # noqa: E402
from deephedge.training import Trained, default_optimizer, train  # noqa: E402

OPTIMUM, DELTA_RISK = 2.5249, 2.5852
COST, AVERSION, MATURITY = 0.001, 1.0, 30 / 365
RISK = Entropic(aversion=AVERSION)
FORMULA = BlackScholesFormula(vol=0.2)


def reference_problem() -> HedgingProblem:
    claim = Call(strike=100.0, maturity=MATURITY)
    market = BlackScholes(spot=100.0, vol=0.2)
    return HedgingProblem(
        market, claim, ProportionalCost(COST), time_grid(MATURITY, 30), close_out=False
    )


def learn(problem: HedgingProblem, seed: int) -> Trained:
    """Train the band, starting from Zakamouline's."""
    create_key, train_key = jax.random.split(jax.random.key(seed))
    base = Zakamouline(problem.claim, FORMULA, cost_rate=COST, aversion=AVERSION)
    policy = NoTransactionBand.create(
        problem.market, problem.claim, problem.times, base=base, width=16, depth=2, key=create_key
    )
    return train(
        problem,
        policy,
        RISK,
        key=train_key,
        optimizer=default_optimizer(100, learning_rate=0.02),
        n_steps=100,
        n_paths=2048,
        validate_every=100,
    )


def beside_the_classics(
    problem: HedgingProblem, trained: Trained, n_paths: int, seed: int
) -> Comparison:
    """The learned band and the classical hedges on fresh paths."""
    policies = {
        "delta": DeltaHedge(problem.claim, FORMULA),
        "Whalley-Wilmott": WhalleyWilmott(problem.claim, FORMULA, COST, AVERSION),
        "Zakamouline": Zakamouline(problem.claim, FORMULA, COST, AVERSION),
        "learned band": trained.policy,
    }
    key = jax.random.key(seed + 1_000_003)
    measures = {"entropic": RISK}
    return compare(problem, policies, measures, n_paths=n_paths, key=key, optimum=OPTIMUM)


def experiment(n_paths: int = 8_000_000, seed: int = 0) -> list[Finding]:
    """Train, compare, and say how the risks stand to those of the literature and to the optimum."""
    problem = reference_problem()
    trained = learn(problem, seed)
    print(
        f"trained in {time.perf_counter() - BEGIN:.1f} s from the start of the program, "
        f"compilation {trained.compile_seconds:.1f} s of it included; {jax.devices()[0]}"
    )
    result = beside_the_classics(problem, trained, n_paths, seed)
    print(result)

    def risk(name: str) -> float:
        return result.at(name, "entropic").value

    def within(name: str) -> float:
        """Four standard errors, and the 1e-4 to which the other's number is known."""
        return 4 * result.at(name, "entropic").standard_error + 1e-4

    return [
        Finding("risk of the Black-Scholes delta", risk("delta"), DELTA_RISK, within("delta")),
        Finding(
            "risk of Whalley and Wilmott's band",
            risk("Whalley-Wilmott"),
            2.5559,
            within("Whalley-Wilmott"),
        ),
        # 98 % of the way from the delta to the optimum is 2.5261.
        Finding(
            "risk of the learned band, against the optimum", risk("learned band"), OPTIMUM, 1.3e-3
        ),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--paths", type=int, default=8_000_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    main(lambda: experiment(options.paths, options.seed))
