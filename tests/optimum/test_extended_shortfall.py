"""The least expected shortfall by wealth as a state, against linear programming and sampling."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq, linprog
from scipy.stats import binom, norm

from deephedge.claims import Call
from deephedge.costs import NoCost
from deephedge.markets import BlackScholes
from deephedge.numerics.statistics import influence
from deephedge.optimum import Lattice, shortfall_hedge
from deephedge.optimum.extended_shortfall import least_shortfall, rows_of
from deephedge.optimum.extended_solver import best_capital
from deephedge.policies import DeltaHedge
from deephedge.pricing import BlackScholesFormula
from deephedge.risk import ExpectedShortfall
from deephedge.rollout import HedgingProblem, pnl_only, sample, time_grid

TRINOMIAL = Lattice(100.0, 0.08, -0.08, np.array([0.22, 0.5, 0.28]))
N_STEPS = 3


def by_linear_programming(lattice, n_steps, tail):
    """The cap, a holding for each node, and the excess loss of each leaf, all at once."""
    returns, chances = lattice.returns, lattice.probabilities
    levels, chance = [np.array([lattice.spot])], np.ones(1)
    for _ in range(n_steps):
        levels.append(np.outer(levels[-1], returns).ravel())
        chance = np.outer(chance, chances).ravel()
    leaf, n = np.arange(len(chance)), len(returns)
    nodes = [len(level) for level in levels[:-1]]
    below = np.zeros((len(leaf), 1 + sum(nodes) + len(leaf)))
    below[:, 0], column = -1.0, 1
    for k in range(n_steps):
        node, child = leaf // n ** (n_steps - k), leaf // n ** (n_steps - k - 1)
        below[leaf, column + node] = levels[k][node] - levels[k + 1][child]
        column += nodes[k]
    below[leaf, column + leaf] = -1.0
    aim = np.concatenate([[1.0], np.zeros(sum(nodes)), chance / tail])
    bounds = [(None, None)] * (1 + sum(nodes)) + [(0.0, None)] * len(leaf)
    return linprog(aim, A_ub=below, b_ub=-np.maximum(levels[-1] - 100.0, 0.0), bounds=bounds).fun


def by_programming(lattice, n_steps, tail, n_wealth):
    rows = rows_of(lattice, n_steps, deviations=None)
    final = np.exp(np.asarray(rows.log_price(jnp.asarray(n_steps), jnp.arange(rows.n))))
    tables = least_shortfall(
        lattice, rows, np.maximum(final - 100.0, 0.0), n_steps,
        half_width=20.0, n_wealth=n_wealth, most=3.0,
    )  # fmt: skip
    return best_capital(tables, rows.start, tail)[0]


def test_no_strategy_on_a_tree_has_less_expected_shortfall():
    for tail in (0.1, 0.3):
        exact = by_linear_programming(TRINOMIAL, N_STEPS, tail)
        found = by_programming(TRINOMIAL, N_STEPS, tail, 2001)
        # The parabola through the least nodes may undercut the chords by a hair.
        assert -1e-3 * exact < found - exact < 5e-3 * exact


@pytest.mark.slow
def test_finer_wealth_comes_nearer_from_above():
    exact = by_linear_programming(TRINOMIAL, N_STEPS, 0.3)
    gaps = [by_programming(TRINOMIAL, N_STEPS, 0.3, n) - exact for n in (101, 401, 1601)]
    assert gaps[0] > gaps[1] > gaps[2] > -1e-3 * exact


@pytest.mark.slow
def test_a_complete_market_with_a_floor_leaves_the_worst_states_unhedged():
    """Efficient hedging: the payoff is made where it is cheapest for its probability.

    Reference: Föllmer and Leukert (2000), Efficient hedging, section on linear loss.
    """
    n_steps, vol, drift = 40, 0.2, 0.1
    dt = 1.0 / n_steps
    up = np.exp(vol * np.sqrt(dt))
    chance = (np.exp(drift * dt) - 1.0 / up) / (up - 1.0 / up)
    lattice = Lattice.binomial(spot=100.0, up=up, down=1.0 / up, probability=chance)
    rows = rows_of(lattice, n_steps, deviations=None)
    final = np.exp(np.asarray(rows.log_price(jnp.asarray(n_steps), jnp.arange(rows.n))))
    owed = np.maximum(final - 100.0, 0.0)
    tables = least_shortfall(
        lattice, rows, owed, n_steps, half_width=60.0, n_wealth=2401, most=1e3, floor=0.0
    )
    # At capital 5: the leaves are hedged in the order of P over Q until it is used up.
    count = np.arange(n_steps + 1)
    p = binom.pmf(count, n_steps, chance)
    q = binom.pmf(count, n_steps, (1.0 - 1.0 / up) / (up - 1.0 / up))
    order = np.argsort(-p / q)
    spent = np.minimum(np.cumsum((q * owed)[order]), 5.0)
    share = np.diff(spent, prepend=0.0) / np.maximum((q * owed)[order], 1e-300)
    least = np.sum((p * owed)[order] * (1.0 - share))
    wealth = np.asarray(tables.excess) + 60.0
    found = np.interp(5.0, wealth, np.asarray(tables.least))
    np.testing.assert_allclose(found, least, rtol=1e-2)
    # And its limit: a call that is knocked out below b, in Black and Scholes' model.

    def price(b, mu):
        d = (np.log(100.0 / b) + mu) / vol
        return 100.0 * np.exp(mu) * norm.cdf(d + 0.1) - 100.0 * norm.cdf(d - 0.1)

    edge = brentq(lambda b: price(b, 0.0) - 5.0, 100.0, 200.0)
    np.testing.assert_allclose(found, price(100.0, drift) - price(edge, drift), rtol=4e-2)


@pytest.mark.slow
def test_the_policy_attains_the_stated_shortfall_and_beats_delta():
    market, claim, times = BlackScholes(spot=100.0, vol=0.2), Call(100.0, 0.5), time_grid(0.5, 6)
    found = shortfall_hedge(market, claim, times, tail=0.1)
    assert found.uncertainty < 0.01 * found.risk
    problem = HedgingProblem(market, claim, NoCost(), times, close_out=False)
    measure, delta = ExpectedShortfall(tail=0.1), DeltaHedge(claim, BlackScholesFormula(vol=0.2))
    own, other = (
        np.asarray(sample(problem, policy, 65_536, key=jax.random.key(5), keep=pnl_only))
        for policy in (found.policy, delta)
    )
    risk = float(measure(jnp.asarray(own)))
    error = np.std(influence(measure, jnp.asarray(own))) / 256.0
    assert error < 0.01 * found.risk
    assert abs(risk - found.risk) < 4.0 * error + found.uncertainty
    assert risk < measure(jnp.asarray(other))
