"""Bellman training against exact answers on binomial trees, with and without arriving clients."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from binomial_market import (
    CLAIM,
    MARKET,
    RATE,
    N,
    least_entropic_risk,
    least_with_arrivals,
    problem_in,
)

from deephedge.claims import ArrivingUnits, Call
from deephedge.costs import Execution, ProportionalCost
from deephedge.markets import BlackScholes, OrderFlow, simulate
from deephedge.numerics.statistics import influence, standard_error
from deephedge.policies import Feedforward
from deephedge.risk import Entropic, ExponentialUtility
from deephedge.rollout import HedgingProblem, sample, time_grid
from deephedge.rollout.sample import pnl_only
from deephedge.training import train_bellman

RISK = Entropic(aversion=1.0)


def learned(problem, holdings, key, **effort):
    policy = Feedforward.create(
        problem.market, problem.claim, problem.times, width=32, key=jax.random.key(key)
    )
    utility = ExponentialUtility(aversion=1.0)
    return train_bellman(
        problem, policy, utility, key=jax.random.key(key + 1), holdings=holdings, **effort
    )


def judged(problem, found):
    """The policy's risk from the start and its error, and what the critic says of it."""
    pnl = sample(problem, found.policy, 400_000, key=jax.random.key(9), keep=pnl_only)
    start = problem.market.start()
    value, _ = eqx.filter_jit(found.critic)(start, jnp.zeros_like(start.prices))
    return float(RISK(pnl)), float(standard_error(influence(RISK, pnl))), -float(value)


@pytest.mark.slow
def test_a_sold_call_on_a_tree():
    """Within 1 % of the optimum, which is exact; the critic knows it within 1.5 %."""
    best = least_entropic_risk(1.0)
    problem = problem_in(MARKET, CLAIM)
    found = learned(problem, (-0.5, 1.5), 0, n_steps=1500, learning_rate=0.02)
    risk, error, believed = judged(problem, found)
    assert error < 0.002
    assert best - 4 * error < risk < 1.01 * best + 4 * error
    assert believed == pytest.approx(best, rel=0.015)


@pytest.mark.slow
def test_clients_that_come_at_random():
    """Within 2 %, and V within 5 %, where a client comes in a step with probability 0.3."""
    chance = 0.3
    intensity = -np.log1p(-chance) / (0.1 / N)
    book = ArrivingUnits(CLAIM, premium=1.5)
    problem = problem_in(OrderFlow(MARKET, intensity=intensity), book)
    best = least_with_arrivals(chance, 1.5)
    found = learned(problem, (-0.5, 5.5), 2, n_steps=2500, n_paths=256, learning_rate=0.02)
    risk, error, believed = judged(problem, found)
    print(f"optimum {best:.4f}, learned {risk:.4f} ± {error:.4f}, critic {believed:.4f}")
    assert error < 0.007
    assert best - 4 * error < risk < 1.02 * best + 4 * error
    assert believed == pytest.approx(best, rel=0.05), (best, risk, error)


def test_orders_come_at_their_rate_and_are_paid_for():
    market = OrderFlow(BlackScholes(spot=100.0, vol=0.2), intensity=12.0, sold=2.0)
    times = jnp.linspace(0.0, 0.5, 7)
    paths = simulate(market, times, 4096, key=jax.random.key(0))
    new = np.diff(np.asarray(paths.factors)[:, :, 0], axis=1)
    assert set(np.unique(new)) == {0.0, 1.0}
    expected, error = 1 - np.exp(-1.0), 0.5 / np.sqrt(new.size)
    assert error < 0.004 and abs(new.mean() - expected) < 4 * error
    path = jax.tree.map(lambda x: x[0], paths)
    call, units = Call(strike=90.0, maturity=0.5), path.factors[-1, 0]
    payoff = ArrivingUnits(call, premium=3.0).payoff(path)
    np.testing.assert_allclose(payoff, units * (call.payoff(path) - 3.0), rtol=1e-12)


@pytest.mark.slow
def test_a_problem_with_lots_is_refused():
    problem = HedgingProblem(
        BlackScholes.example(), CLAIM, ProportionalCost(RATE), time_grid(0.1, 2),
        close_out=False, execution=Execution(lot=0.1),
    )  # fmt: skip
    with pytest.raises(ValueError, match="`execution` must be left out for training by"):
        train_bellman(
            problem, Feedforward.example(), ExponentialUtility(aversion=1.0),
            key=jax.random.key(0), holdings=(0.0, 1.0),
        )  # fmt: skip
