"""How near to the best possible three learned hedges are: certificates of what none can beat.

    python experiments/certificates.py [--problem reference|asian|heston] [--seed 0]

Each problem: 30 days of 365 in 30 steps, entropic risk with aversion 1, closing out not charged.

* reference: a call in Black-Scholes, proportional cost 0.001; the optimum is 2.5249.
* asian: the same with an arithmetic Asian call.
* heston: a call in Heston's market, hedged with the stock (cost 0.001) and a prepaid variance
  swap of 90 days (cost 0.01).
"""

import argparse
import time
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from reference_problem import AVERSION, COST, FORMULA, OPTIMUM, RISK, reference_problem

from deephedge.claims import AsianCall, Call, VarianceSwap
from deephedge.costs import ProportionalCost
from deephedge.markets import BlackScholes, Heston, Snapshot
from deephedge.numerics import normal, safe
from deephedge.optimum import Certificate, certificate
from deephedge.policies import NoTransactionBand, Zakamouline
from deephedge.policies.base import AbstractBandPolicy, AbstractClassicalBand
from deephedge.pricing import Held, ListedModel
from deephedge.reports import Finding, compare
from deephedge.reports.experiment import main
from deephedge.rollout import HedgingProblem, time_grid
from deephedge.training import default_optimizer, train
from deephedge.typing import Array, Float, Scalar

MATURITY = 30 / 365
SWAP = VarianceSwap(strike=0.0, maturity=90 / 365, notional=2500.0)
HESTON = Heston(
    spot=100.0,
    variance=0.04,
    mean_reversion=1.5,
    long_variance=0.04,
    vol_of_variance=0.5,
    correlation=-0.7,
)


class AsianBand(AbstractClassicalBand):
    """A band of Whalley and Wilmott's width around the delta of a lognormal average.

    The average still to come has the mean of the price and a variance of sigma^2 tau / 3.
    """

    claim: AsianCall
    vol: Scalar

    def observe(self, now: Snapshot) -> tuple[Float[Array, " asset"], Float[Array, " asset"]]:
        share = self.claim.tau(now) / self.claim.maturity
        forward, strike = share * now.prices[0], self.claim.strike - now.progress[0]
        vol = jnp.maximum(self.vol * jnp.sqrt(self.claim.tau(now) / 3.0), 1e-4)
        d1 = safe.log(forward / jnp.maximum(strike, 1e-3)) / vol + 0.5 * vol
        delta = share * normal.cdf(d1)
        gamma = share * normal.pdf(d1) / (now.prices[0] * vol)
        width = safe.power(1.5 * COST * now.prices[0] * gamma**2 / AVERSION, 1.0 / 3.0) + 1e-3
        return (delta - width)[None], (delta + width)[None]


class SwapBand(AbstractClassicalBand):
    """Delta of Black-Scholes at the mean variance to come; the swap takes the claim's vega.

    The bands are of Whalley and Wilmott's width in the stock, and a quarter of the target in the
    swap.
    """

    claim: Call
    model: Heston

    def observe(self, now: Snapshot) -> tuple[Float[Array, " asset"], Float[Array, " asset"]]:
        tau = jnp.maximum(self.claim.tau(now), 1e-4)
        pull, level, variance = self.model.mean_reversion, self.model.long_variance, now.factors[0]
        reach = -jnp.expm1(-pull * tau) / (pull * tau)
        vol = safe.sqrt(level + (variance - level) * reach)
        spot, deviation = now.prices[0], vol * jnp.sqrt(tau)
        d1 = safe.log(spot / self.claim.strike) / deviation + 0.5 * deviation
        density = normal.pdf(d1)
        by_variance = spot * density * jnp.sqrt(tau) * reach / (2.0 * vol)
        left = SWAP.maturity - now.time
        swap = SWAP.notional / SWAP.maturity * -jnp.expm1(-pull * left) / pull
        gamma = density / (spot * deviation)
        width = safe.power(1.5 * COST * spot * gamma**2 / AVERSION, 1.0 / 3.0) + 1e-3
        middle = jnp.stack([normal.cdf(d1), by_variance / swap])
        around = jnp.stack([width, 0.25 * middle[1] + 1e-3])
        return middle - around, middle + around


def asian() -> tuple[HedgingProblem, AbstractBandPolicy]:
    claim = AsianCall(strike=100.0, maturity=MATURITY)
    market = BlackScholes(spot=100.0, vol=0.2)
    problem = HedgingProblem(
        market, claim, ProportionalCost(COST), time_grid(MATURITY, 30), close_out=False
    )
    return problem, AsianBand(claim, jnp.asarray(0.2, problem.times.dtype))


def heston() -> tuple[HedgingProblem, AbstractBandPolicy]:
    claim = Call(strike=100.0, maturity=MATURITY)
    market = ListedModel(HESTON, (Held(SWAP),))
    cost = ProportionalCost([COST, 0.01])
    problem = HedgingProblem(market, claim, cost, time_grid(MATURITY, 30), close_out=False)
    return problem, SwapBand(claim, HESTON)


def reference() -> tuple[HedgingProblem, AbstractBandPolicy]:
    problem = reference_problem()
    return problem, Zakamouline(problem.claim, FORMULA, cost_rate=COST, aversion=AVERSION)


class Result(NamedTuple):
    """A learned hedge and the bound on every other."""

    risk: float
    standard_error: float
    certificate: Certificate

    @property
    def gap(self) -> float:
        """The share of the risk that a better hedge might save, at most."""
        return self.certificate.gap(self.risk)


def certified(
    made: Callable[[], tuple[HedgingProblem, AbstractBandPolicy]],
    *,
    seed: int,
    learning_steps: int,
    n_steps: int,
    n_paths: int,
    slack: float,
) -> Result:
    """Train a band, measure its risk on fresh paths, and bound what any hedge can reach."""
    problem, base = made()
    create_key, train_key, compare_key, bound_key = jax.random.split(jax.random.key(seed), 4)
    policy = NoTransactionBand.create(
        problem.market, problem.claim, problem.times, base=base, width=16, key=create_key
    )
    trained = train(
        problem,
        policy,
        RISK,
        key=train_key,
        optimizer=default_optimizer(learning_steps, learning_rate=0.02),
        n_steps=learning_steps,
        n_paths=2048,
        validate_every=learning_steps,
    ).policy
    policies = {"before": base, "learned band": trained}
    result = compare(problem, policies, {"entropic": RISK}, n_paths=n_paths, key=compare_key)
    print(result)
    risk = result.at("learned band", "entropic")
    begin = time.perf_counter()

    def report(step: int, text: str) -> None:
        if step % 50 == 0:
            print(f"step {step}: {text}, {time.perf_counter() - begin:.0f} s", flush=True)

    found = certificate(
        problem, RISK, key=bound_key, policy=trained, n_steps=n_steps, slack=slack, report=report
    )
    print(found)
    return Result(risk.value, risk.standard_error, found)


PROBLEMS = {
    "reference": (reference, 100, 1e-3),
    "asian": (asian, 200, 1e-3),
    # Where the variance comes near zero its scheme has kinks, and quadrature misses more.
    "heston": (heston, 200, 5e-3),
}
"""How each is made, how long its hedge is trained, and the share of the spread left unused."""
WITHIN = {"reference": 0.01, "asian": 0.03, "heston": 0.03}


def experiment(
    problem: str = "reference", seed: int = 0, n_steps: int = 400, n_paths: int = 400_000
) -> list[Finding]:
    """The gap of each learned hedge, and where the optimum is known that the bound is below it."""
    made, learning_steps, slack = PROBLEMS[problem]
    result = certified(
        made,
        seed=seed,
        learning_steps=learning_steps,
        n_steps=n_steps,
        n_paths=n_paths,
        slack=slack,
    )
    found = [Finding(f"{problem}: gap of the learned hedge", result.gap, 0.0, WITHIN[problem])]
    if problem == "reference":
        excess = max(result.certificate.lower - OPTIMUM, 0.0)
        found.append(Finding("reference: the bound above the optimum", excess, 0.0, 1e-4))
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--problem", choices=PROBLEMS, default="reference")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=400)
    options = parser.parse_args()
    main(lambda: experiment(options.problem, options.seed, options.steps))
