"""The work that `scripts/benchmark training` times, deephedge's side: a process of its own.

    python scripts/_training_work.py        one JSON request a line in, one JSON answer a line out

The other side is `_training_work_pfhedge.py`, which speaks the same way.
"""

import json
import os
import resource
import statistics
import sys
import time

STARTED = float(os.environ.get("BENCHMARK_STARTED", time.time()))
COST, AVERSION, N_STEPS, MATURITY = 0.001, 1.0, 30, 30 / 365

import jax  # noqa: E402
import numpy as np  # noqa: E402

from deephedge.claims import BasketCall, Call  # noqa: E402
from deephedge.costs import ProportionalCost  # noqa: E402
from deephedge.markets import BlackScholes, simulate  # noqa: E402
from deephedge.optimum import solve_entropic  # noqa: E402
from deephedge.policies import Feedforward, NoTransactionBand, Zakamouline  # noqa: E402
from deephedge.pricing import BlackScholesFormula  # noqa: E402
from deephedge.risk import Entropic  # noqa: E402
from deephedge.rollout import HedgingProblem, pnl_only, sample, time_grid  # noqa: E402
from deephedge.training import default_optimizer, train, train_ensemble  # noqa: E402

RISK, FORMULA = Entropic(aversion=AVERSION), BlackScholesFormula(vol=0.2)
JUDGE_KEY = jax.random.key(1_000_003)


def problem_of(n_steps: int = N_STEPS, n_assets: int = 1) -> HedgingProblem:
    """The reference problem: closing out is not charged, as in pfhedge.

    Of several assets, which are independent, the claim is a call on the average.
    """
    market, claim = BlackScholes(spot=100.0, vol=0.2), Call(strike=100.0, maturity=MATURITY)
    if n_assets > 1:
        market = BlackScholes(spot=[100.0] * n_assets, vol=[0.2] * n_assets)
        claim = BasketCall(100.0, [1.0 / n_assets] * n_assets, MATURITY)
    times = time_grid(MATURITY, n_steps)
    return HedgingProblem(market, claim, ProportionalCost(COST), times, close_out=False)


def perceptron(problem: HedgingProblem, seed: int = 0, width: int = 32) -> Feedforward:
    """Four layers that see moneyness, time and its root, and the previous holding."""
    return Feedforward.create(
        problem.market,
        problem.claim,
        problem.times,
        features=("moneyness", "time"),
        width=width,
        depth=4,
        activation="relu",
        key=jax.random.key(seed),
    )


def updates(
    *,
    n_paths: int,
    n_updates: int,
    n_dates: int = N_STEPS,
    n_seeds: int = 1,
    n_assets: int = 1,
    width: int = 32,
) -> dict[str, float]:
    """Seconds of so many updates of the public trainer; compilation and a first update apart."""
    problem = problem_of(n_dates, n_assets)
    policies = [perceptron(problem, seed, width) for seed in range(n_seeds)]
    begin = cpu_seconds()
    trained = train_ensemble(
        problem,
        policies,
        RISK,
        key=jax.random.key(1),
        optimizer=default_optimizer(100),
        n_steps=n_updates,
        n_paths=n_paths,
        validation_paths=512,
        validate_every=n_updates,
    )
    return {
        "seconds": trained.seconds - trained.compile_seconds,
        "compile_seconds": trained.compile_seconds,
        # Of the whole call, which makes one update more, and throws it away.
        "cpu_seconds": (cpu_seconds() - begin) * n_updates / (n_updates + 1),
        "loss": trained.members[0].history[-1]["loss"],
    }


def sampling(*, n_paths: int, repeats: int) -> dict[str, float]:
    """Median seconds to hedge along so many fresh paths, the P&L alone kept."""
    problem = problem_of()
    policy, times = perceptron(problem), []
    for i in range(repeats + 1):
        begin = time.perf_counter()
        key = jax.random.key(i)
        jax.block_until_ready(sample(problem, policy, n_paths, key=key, keep=pnl_only))
        times.append(time.perf_counter() - begin)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"seconds": statistics.median(times[1:]), "first_seconds": times[0], "gibibytes": peak}


RECIPES = {
    "to 2.5274": {"n_steps": 20, "n_paths": 1024, "averaging": 0.0, "rate": 0.02},
    "to 99 %": {"n_steps": 100, "n_paths": 4096, "averaging": 0.97, "rate": 0.05},
    "to 99.5 %": {"n_steps": 250, "n_paths": 4096, "averaging": 0.97, "rate": 0.05},
}
"""How the band is trained for each target, and no longer; all see deviations."""


def quality(*, recipe: str, judge: str) -> dict[str, float]:
    """Train the band, stop the clock that the process' start began, and then judge it."""
    problem, how = problem_of(), RECIPES[recipe]
    base = Zakamouline(problem.claim, FORMULA, cost_rate=COST, aversion=AVERSION)
    policy = NoTransactionBand.create(
        problem.market,
        problem.claim,
        problem.times,
        base=base,
        features=("moneyness", "time", "deviations"),
        width=16,
        key=jax.random.key(0),
    )
    trained = train(
        problem,
        policy,
        RISK,
        key=jax.random.key(7),
        optimizer=default_optimizer(how["n_steps"], how["rate"]),
        n_steps=how["n_steps"],
        n_paths=how["n_paths"],
        averaging=how["averaging"],
        validate_every=how["n_steps"],
        validation_paths=1024,
    )
    clock = {
        "seconds": time.time() - STARTED,
        "compile_seconds": trained.compile_seconds,
        "cpu_seconds": cpu_seconds(),
    }
    given = np.load(judge)
    pnl = sample(problem, trained.policy, len(given["best"]), key=JUDGE_KEY, keep=pnl_only)
    return {**clock, **against(np.asarray(pnl, float), given)}


def judge(*, file: str, n_paths: int) -> dict[str, float]:
    """Paths to judge hedges on, the P&L on them of the optimal hedge, and its exact risk."""
    problem = problem_of()
    best = solve_entropic(problem, RISK)
    ledger = sample(problem, best.policy, n_paths, key=JUDGE_KEY, keep=pnl_only)
    paths = simulate(problem.market, problem.times, n_paths, key=JUDGE_KEY)
    np.savez(file, prices=paths.prices[:, :, 0], best=np.asarray(ledger), optimum=best.value)
    return {"optimum": float(best.value), "error": float(best.error)}


def against(pnl: np.ndarray, given: np.lib.npyio.NpzFile) -> dict[str, float]:
    """The risk: the exact optimum, and what the hedge loses to the optimal one on its paths."""
    best = given["best"][: len(pnl)].astype(float)
    loss, least = np.exp(-AVERSION * pnl), np.exp(-AVERSION * best)
    excess = np.log(np.mean(loss) / np.mean(least)) / AVERSION
    influence = loss / np.mean(loss) - least / np.mean(least)
    error = np.std(influence) / AVERSION / np.sqrt(len(pnl))
    return {"risk": float(given["optimum"]) + float(excess), "error": float(error)}


def cpu_seconds() -> float:
    """Of this process, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


WORK = {"updates": updates, "sampling": sampling, "quality": quality, "judge": judge}


def main() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(WORK[request.pop("do")](**request)), flush=True)


if __name__ == "__main__":
    main()
