"""The distributional actor-critic against Monte Carlo, and against exact answers on a tree."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest
from binomial_market import CLAIM, MARKET, least_entropic_risk, problem_in

from deephedge.claims import Call
from deephedge.costs import Execution, ProportionalCost
from deephedge.markets import BlackScholes
from deephedge.numerics.statistics import influence, standard_error
from deephedge.policies import DeltaHedge, Feedforward, RebalanceEvery
from deephedge.pricing import BlackScholesFormula
from deephedge.risk import Entropic, ExpectedShortfall, MeanStandardDeviation
from deephedge.rollout import HedgingProblem, sample, time_grid
from deephedge.rollout.sample import pnl_only
from deephedge.training import train_actor_critic

RISK = Entropic(aversion=1.0)
DELTA = DeltaHedge(CLAIM, BlackScholesFormula(vol=0.2))


def network(problem, seed=0):
    return Feedforward.create(
        problem.market, problem.claim, problem.times, width=32, key=jax.random.key(seed)
    )


def judged(problem, policy, risk, n_paths=400_000):
    """Its risk from the start, and the error of that."""
    pnl = sample(problem, policy, n_paths, key=jax.random.key(9), keep=pnl_only)
    return float(risk(pnl)), float(standard_error(influence(risk, pnl)))


def believed(problem, found):
    """The critic's law of the P&L from the start."""
    start = problem.market.start()
    nothing = jnp.zeros_like(start.prices)
    return eqx.filter_jit(found.critic.outcomes)(problem, found.policy, start, nothing)


def test_what_single_steps_cannot_show_is_refused():
    problem = problem_in(MARKET, CLAIM)
    lots = dataclasses.replace(problem, execution=Execution(lot=0.1))
    for wrong, rule, message in (
        (lots, DELTA, "`execution` must be left out for training by single steps"),
        (problem, RebalanceEvery(DELTA, 2), "`policy` must have no memory"),
        (problem, DELTA, "`policy` must be one that can be trained, got DeltaHedge"),
    ):
        with pytest.raises(ValueError, match=message):
            train_actor_critic(wrong, rule, RISK, key=jax.random.key(0), holdings=(0.0, 1.0))


@pytest.mark.slow
def test_the_critic_knows_the_law_of_a_fixed_hedge():
    """Its quantiles' mean, deviation and shortfall are those of a million paths."""
    claim = Call(strike=100.0, maturity=0.1)
    problem = HedgingProblem(
        BlackScholes(spot=100.0, vol=0.2), claim, ProportionalCost(0.002), time_grid(0.1, 5),
        close_out=True,
    )  # fmt: skip
    found = train_actor_critic(
        problem, DELTA, None, key=jax.random.key(1), holdings=(-0.2, 1.2), n_quantiles=64
    )
    law = believed(problem, found)
    pnl = sample(problem, DELTA, 1_000_000, key=jax.random.key(2), keep=pnl_only)
    for name, measure in {
        "mean": MeanStandardDeviation(0.0),
        "deviation": MeanStandardDeviation(1.0),
        "shortfall": ExpectedShortfall(0.1),
        "entropic": RISK,
    }.items():
        true, error = float(measure(pnl)), float(standard_error(influence(measure, pnl)))
        print(f"{name}: critic {float(measure(law)):.4f}, paths {true:.4f} ± {error:.4f}")


@pytest.mark.slow
def test_a_sold_call_on_a_tree():
    problem = problem_in(MARKET, CLAIM)
    best = least_entropic_risk(1.0)
    found = train_actor_critic(
        problem, network(problem), RISK, key=jax.random.key(1), holdings=(-0.5, 1.5)
    )
    risk, error = judged(problem, found.policy, RISK)
    knows = float(RISK(believed(problem, found)))
    print(f"optimum {best:.4f}, learned {risk:.4f} ± {error:.4f}, critic {knows:.4f}")
