"""What learning from single steps gives up: an actor-critic beside direct training.

A call sold in Black-Scholes, spot = strike = 100, volatility 0.2, 30 days of 365, no premium,
closing out not charged. One network, which starts from holding nothing, is trained three ways: on
the risk of whole paths (`train`), by Bellman's equation (`train_bellman`, for utilities), and by
the quantiles of what is still to come (`train_actor_critic`, for any measure). In three problems:

* 10 steps, a cost of 0.002, entropic risk with aversion 1: all three seek the same optimum, which
  dynamic programming gives;
* 5 steps, no cost, expected shortfall at 10 %, and the mean plus 1.5 standard deviations: measures
  that change their mind, where the actor-critic seeks a plan that no later date would leave. The
  least expected shortfall is known over all hedges, those that see their wealth included;
* 5 steps, a cost of 0.002, entropic risk with aversion 0.1, a book that begins with one call and
  grows: in each step a client comes with a chance of 0.3, buys one more and pays 2.3. Direct
  training is the yardstick.

    python experiments/actor_critic.py [--steps 2000] [--paths 1000000] [--seed 0] [--only NAME ...]
"""

import argparse
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax

from deephedge.claims import AbstractClaim, ArrivingUnits, Call
from deephedge.costs import AbstractCost, NoCost, ProportionalCost
from deephedge.markets import AbstractMarket, BlackScholes, OrderFlow
from deephedge.numerics.statistics import influence, standard_error
from deephedge.optimum import shortfall_hedge, solve_entropic
from deephedge.policies import AbstractPolicy, Feedforward
from deephedge.reports import Finding
from deephedge.reports.experiment import main
from deephedge.risk import (
    AbstractRiskMeasure,
    Entropic,
    ExpectedShortfall,
    ExponentialUtility,
    MeanStandardDeviation,
)
from deephedge.rollout import HedgingProblem, pnl_only, sample, time_grid
from deephedge.training import default_optimizer, train, train_actor_critic, train_bellman

MATURITY = 30 / 365
CLAIM, MARKET = Call(strike=100.0, maturity=MATURITY), BlackScholes(spot=100.0, vol=0.2)
BOX = (-0.2, 1.2)
CHANCE, PAID = 0.3, 2.3


def hedging_problem(
    cost: AbstractCost,
    n_steps: int,
    market: AbstractMarket = MARKET,
    claim: AbstractClaim = CLAIM,
) -> HedgingProblem:
    return HedgingProblem(market, claim, cost, time_grid(MATURITY, n_steps), close_out=False)


def network(problem: HedgingProblem, seed: int) -> Feedforward:
    return Feedforward.create(
        problem.market, problem.claim, problem.times, key=jax.random.key(seed)
    )


def directly(
    problem: HedgingProblem, risk: AbstractRiskMeasure, n_steps: int, seed: int
) -> AbstractPolicy:
    """A quarter of the steps, each of 1,024 paths: about as long as the others."""
    n_steps = max(n_steps // 4, 4)
    return train(
        problem,
        network(problem, seed),
        risk,
        key=jax.random.key(seed + 1),
        optimizer=default_optimizer(n_steps),
        n_steps=n_steps,
        n_paths=1024,
        validate_every=n_steps // 4,
    ).policy


def ways(
    problem: HedgingProblem,
    risk: AbstractRiskMeasure,
    box: tuple[float, float],
    n_steps: int,
    seed: int,
) -> dict[str, Callable[[], AbstractPolicy]]:
    """The ways there are to make that measure less; `box` is where single steps begin."""
    common: dict[str, Any] = dict(
        key=jax.random.key(seed + 1), holdings=box, n_steps=n_steps, learning_rate=0.02
    )
    start = network(problem, seed)
    found: dict[str, Callable[[], AbstractPolicy]] = {
        "direct": lambda: directly(problem, risk, n_steps, seed),
        "actor-critic": lambda: train_actor_critic(problem, start, risk, **common).policy,
    }
    if isinstance(risk, Entropic):
        utility = ExponentialUtility(risk.aversion)
        found["bellman"] = lambda: train_bellman(problem, start, utility, **common).policy
    return found


def compared(
    name: str,
    problem: HedgingProblem,
    risk: AbstractRiskMeasure,
    best: float | None,
    n_steps: int,
    n_paths: int,
    seed: int,
    box: tuple[float, float] = BOX,
) -> dict[str, float]:
    """The risk of what each way finds, on the same fresh paths."""
    found = {}
    print(f"{name}: least {'unknown' if best is None else f'{best:.4f}'}", flush=True)
    for way, learn in ways(problem, risk, box, n_steps, seed).items():
        begin = time.perf_counter()
        policy = jax.block_until_ready(learn())
        seconds = time.perf_counter() - begin
        pnl = sample(problem, policy, n_paths, key=jax.random.key(seed + 99), keep=pnl_only)
        value, error = float(risk(pnl)), float(standard_error(influence(risk, pnl)))
        above = "" if best is None else f", {100 * (value / best - 1):.2f} % above"
        print(f"  {way}: {value:.4f} ± {error:.4f}{above}, {seconds:.0f} s", flush=True)
        found[way] = value
    return found


def entropic(effort: tuple[int, int, int]) -> list[Finding]:
    """Against dynamic programming."""
    problem, risk = hedging_problem(ProportionalCost(0.002), 10), Entropic(1.0)
    least = float(solve_entropic(problem, risk).value)
    found = compared("entropic", problem, risk, least, *effort)
    return [Finding(f"entropic, {x}", y, least, 0.05 * least) for x, y in found.items()]


def shortfall(effort: tuple[int, int, int]) -> list[Finding]:
    """Against dynamic programming over price and wealth."""
    with jax.enable_x64(True):
        claim, market = Call(strike=100.0, maturity=MATURITY), BlackScholes(spot=100.0, vol=0.2)
        least = float(shortfall_hedge(market, claim, time_grid(MATURITY, 5), tail=0.1).risk)
    problem = hedging_problem(NoCost(), 5)
    found = compared("shortfall", problem, ExpectedShortfall(0.1), least, *effort)
    return [Finding(f"shortfall, {x}", y, least, 0.1 * least) for x, y in found.items()]


def deviation(effort: tuple[int, int, int]) -> list[Finding]:
    """Against direct training alone."""
    problem = hedging_problem(NoCost(), 5)
    found = compared("deviation", problem, MeanStandardDeviation(1.5), None, *effort)
    direct, learned = found["direct"], found["actor-critic"]
    return [Finding("deviation, actor-critic beside direct", learned, direct, 0.1 * direct)]


def clients(effort: tuple[int, int, int]) -> list[Finding]:
    """A book that grows at random: against direct training alone."""
    market = OrderFlow(MARKET, intensity=-math.log1p(-CHANCE) * 5 / MATURITY)
    book = ArrivingUnits(CLAIM, premium=PAID)
    problem = hedging_problem(ProportionalCost(0.002), 5, market, book)
    found = compared("clients", problem, Entropic(0.1), None, *effort, box=(-0.5, 6.5))
    direct = found.pop("direct")
    return [
        Finding(f"clients, {x} beside direct", y, direct, 0.05 * direct) for x, y in found.items()
    ]


PARTS = {"entropic": entropic, "shortfall": shortfall, "deviation": deviation, "clients": clients}


def experiment(
    n_steps: int = 2000, n_paths: int = 1_000_000, seed: int = 0, only: Sequence[str] = tuple(PARTS)
) -> list[Finding]:
    """Train every way, and say how far from the least risk each stays."""
    return [finding for name in only for finding in PARTS[name]((n_steps, n_paths, seed))]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--paths", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    options = parser.parse_args()
    main(lambda: experiment(options.steps, options.paths, options.seed, options.only))
