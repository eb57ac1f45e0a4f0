"""Bellman training against exact answers on binomial trees, with and without arriving clients."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.special import ndtr

from deephedge.claims import ArrivingUnits, Call
from deephedge.costs import Execution, ProportionalCost
from deephedge.markets import AbstractMarket, BlackScholes, OrderFlow, simulate
from deephedge.markets.base import at_start, one_asset_path
from deephedge.numerics.statistics import influence, standard_error
from deephedge.optimum import Tree, solve_tree
from deephedge.policies import Feedforward
from deephedge.risk import Entropic, ExponentialUtility
from deephedge.rollout import HedgingProblem, sample, time_grid
from deephedge.rollout.sample import pnl_only
from deephedge.training import train_bellman

UP, DOWN, P, RATE, N = 1.02, 0.985, 0.45, 0.002, 4
CLAIM = Call(strike=100.0, maturity=0.1)
RISK = Entropic(aversion=1.0)


class Binomial(AbstractMarket):
    """The price goes up with probability `P`, else down."""

    spot: jax.Array

    @property
    def normals_per_step(self):
        return 1

    def start(self):
        return at_start(self.spot[None])

    def path(self, times, normals):
        moves = jnp.where(ndtr(normals[:, 0]) < P, UP, DOWN)
        prices = self.spot * jnp.concatenate([jnp.ones_like(moves[:1]), jnp.cumprod(moves)])
        one = jnp.ones_like(times)
        return one_asset_path(times, prices, discount=one, dividend=0.0 * one[0])


MARKET = Binomial(jnp.asarray(100.0))


def problem_in(market, claim):
    return HedgingProblem(market, claim, ProportionalCost(RATE), time_grid(0.1, N), close_out=False)


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
    tree = Tree(spot=100.0, lowest=DOWN, ratio=UP / DOWN, probabilities=[1 - P, P], n_steps=N)
    cost = ProportionalCost(RATE)
    best = float(solve_tree(tree, CLAIM, cost, 1.0, (-1.0, 2.0), close_out=False).value)
    problem = problem_in(MARKET, CLAIM)
    found = learned(problem, (-0.5, 1.5), 0, n_steps=1500, learning_rate=0.02)
    risk, error, believed = judged(problem, found)
    assert error < 0.002
    assert best - 4 * error < risk < 1.01 * best + 4 * error
    assert believed == pytest.approx(best, rel=0.015)


def with_arrivals(chance, premium):
    """The least risk where each step brings one more client: by the grid, over all states."""
    held = np.linspace(-0.5, 6.0, 651)
    trades = np.abs(held[None, :] - held[:, None])
    prices = 100.0 * UP ** np.arange(N + 1) * DOWN ** (N - np.arange(N + 1))
    units = np.arange(1, N + 2)
    owed = units[None, :] * (np.maximum(prices - 100.0, 0.0)[:, None] - premium)
    risk = np.repeat(owed[:, :, None], len(held), axis=2)
    for k in reversed(range(N)):
        prices = 100.0 * UP ** np.arange(k + 1) * DOWN ** (k - np.arange(k + 1))
        before = np.empty((k + 1, k + 1, len(held)))
        for j in range(k + 1):
            for n in range(k + 1):
                total = sum(
                    p * q * np.exp(risk[j + up, n + more] - held * prices[j] * (move - 1))
                    for p, up, move in ((P, 1, UP), (1 - P, 0, DOWN))
                    for q, more in ((chance, 1), (1 - chance, 0))
                )
                cost = RATE * prices[j] * trades
                before[j, n] = np.min(np.log(total)[None, :] + cost, axis=1)
        risk = before
    return float(np.interp(0.0, held, risk[0, 0]))


@pytest.mark.slow
def test_clients_that_come_at_random():
    """Within 2 %, and V within 5 %, where a client comes in a step with probability 0.3."""
    chance = 0.3
    intensity = -np.log1p(-chance) / (0.1 / N)
    book = ArrivingUnits(CLAIM, premium=1.5)
    problem = problem_in(OrderFlow(MARKET, intensity=intensity), book)
    best = with_arrivals(chance, 1.5)
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
    with pytest.raises(ValueError, match="`execution` must be left out for Bellman"):
        train_bellman(
            problem, Feedforward.example(), ExponentialUtility(aversion=1.0),
            key=jax.random.key(0), holdings=(0.0, 1.0),
        )  # fmt: skip
