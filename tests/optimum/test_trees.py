"""Exact hedging on trees: against enumeration, and against the price in a complete market."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from deephedge.claims import Call
from deephedge.costs import CostSum, FixedCost, NoCost, ProportionalCost, QuadraticImpact
from deephedge.optimum import Tree, solve_tree, solve_tree_among

CALL = Call(strike=101.0, maturity=1.0)
AVERSION = 0.7
UP, DOWN, P, DISCOUNT = 1.03, 0.98, 0.55, 0.999
HELD = (0.0, 0.4, 0.8, 1.0)


def binomial(n_steps):
    return Tree(100.0, DOWN, UP / DOWN, [1 - P, P], n_steps, DISCOUNT)


def trinomial(n_steps):
    return Tree(100.0, 0.97, 1.03, [0.25, 0.5, 0.25], n_steps, DISCOUNT)


def walk(tree):
    """Every sequence of moves with its probability and its prices, in today's money."""
    chances = np.asarray(tree.probabilities)
    for moves in itertools.product(range(len(chances)), repeat=tree.n_steps):
        prices = [float(tree.spot)]
        for move in moves:
            factor = tree.lowest * tree.ratio**move * tree.discount
            prices.append(prices[-1] * float(factor))
        yield moves, float(np.prod(chances[list(moves)])), prices


def risk_of(tree, cost, holdings_at, close_out):
    """The entropic risk of a hedge that is given by the moves before each date; cash by hand."""
    rate, fee, impact = cost
    total = 0.0
    for moves, chance, prices in walk(tree):
        n, held = tree.n_steps, 0.0
        growth = float(tree.discount) ** -n
        pnl = -max(prices[-1] * growth - 101.0, 0.0) / growth
        for k in range(n + close_out):
            new = holdings_at[moves[:k]] if k < n else 0.0
            trade = abs(new - held)
            pnl -= rate * prices[k] * trade + impact * prices[k] * trade**2
            pnl -= fee * float(tree.discount) ** k * (trade > 0)
            pnl += new * (prices[k + 1] - prices[k]) if k < n else 0.0
            held = new
        total += chance * np.exp(-AVERSION * pnl)
    return np.log(total) / AVERSION


def histories(tree):
    moves = range(tree.probabilities.shape[0])
    return [h for k in range(tree.n_steps) for h in itertools.product(moves, repeat=k)]


@pytest.mark.parametrize(
    ("tree", "choices", "terms"),
    [
        pytest.param(binomial(1), HELD, (0.01, 0.0, 0.0), marks=pytest.mark.slow),
        (binomial(2), HELD, (0.01, 0.0, 0.0)),
        pytest.param(binomial(3), (0.0, 0.5), (0.002, 0.05, 0.01), marks=pytest.mark.slow),
        pytest.param(trinomial(2), HELD, (0.01, 0.0, 0.0), marks=pytest.mark.slow),
    ],
)
def test_the_best_of_all_policies_on_a_list_of_holdings(tree, choices, terms):
    rate, fee, impact = terms
    cost = CostSum((ProportionalCost(rate), FixedCost(fee), QuadraticImpact(impact)))
    past = histories(tree)
    best = min(
        risk_of(tree, terms, dict(zip(past, policy, strict=True)), True)
        for policy in itertools.product(choices, repeat=len(past))
    )
    found = solve_tree_among(tree, CALL, cost, AVERSION, jnp.asarray(choices), close_out=True)
    assert float(found) == pytest.approx(best, abs=1e-12)


def over_histories(tree, rate, choices):
    """The least risk on the tree of histories, which does not recombine: nothing is merged."""
    chances = np.asarray(tree.probabilities)
    factors = np.asarray(tree.lowest * tree.discount) * np.asarray(tree.ratio) ** np.arange(2)
    prices = [np.array([float(tree.spot)])]
    for _ in range(tree.n_steps):
        prices.append((prices[-1][:, None] * factors).ravel())
    growth = float(tree.discount) ** -tree.n_steps
    owed = np.maximum(prices[-1] * growth - 101.0, 0.0) / growth
    held = np.asarray(choices)
    risk = np.repeat(owed[:, None], len(held), axis=1)
    for k in reversed(range(tree.n_steps)):
        gains = prices[k + 1].reshape(-1, 2) - prices[k][:, None]
        exponents = AVERSION * (risk.reshape(-1, 2, len(held)) - gains[:, :, None] * held)
        after = np.log(np.einsum("j,njh->nh", chances, np.exp(exponents))) / AVERSION
        trades = np.abs(held[None, :] - held[:, None])
        risk = np.min(after[:, None, :] + rate * prices[k][:, None, None] * trades, axis=2)
    return risk[0, 0]


@pytest.mark.parametrize(
    "n_steps", [*(pytest.param(n, marks=pytest.mark.slow) for n in range(4, 10)), 10]
)
def test_a_binomial_tree_against_all_its_histories(n_steps):
    tree, choices = binomial(n_steps), np.linspace(0.0, 1.0, 21)
    found = solve_tree_among(
        tree, CALL, ProportionalCost(0.004), AVERSION, jnp.asarray(choices), close_out=False
    )
    assert float(found) == pytest.approx(over_histories(tree, 0.004, choices), abs=1e-10)


@pytest.mark.parametrize("n_steps", [1, pytest.param(10, marks=pytest.mark.slow)])
def test_without_costs_it_is_the_price_less_the_entropy(n_steps):
    """In a complete market: E_Q[payoff] - H(Q | P) / a, whatever the hedge."""
    tree = binomial(n_steps)
    q = (1 / DISCOUNT - DOWN) / (UP - DOWN)
    entropy = q * np.log(q / P) + (1 - q) * np.log((1 - q) / (1 - P))
    price = sum(
        chance * max(prices[-1] / DISCOUNT**n_steps - 101.0, 0.0) * DISCOUNT**n_steps
        for moves, _, prices in walk(tree)
        for chance in [q ** sum(moves) * (1 - q) ** (n_steps - sum(moves))]
    )
    solved = solve_tree(tree, CALL, NoCost(), AVERSION, (-1.0, 2.0), close_out=False)
    assert float(solved.value) == pytest.approx(price - n_steps * entropy / AVERSION, abs=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("close_out", [False, True])
def test_any_holdings_against_a_search_over_all_of_them(close_out):
    tree, rate = binomial(2), 0.004
    solved = solve_tree(
        tree, CALL, ProportionalCost(rate), AVERSION, (-1.0, 2.0), close_out=close_out
    )
    past = histories(tree)

    def risk(holdings):
        held = dict(zip(past, holdings, strict=True))
        return risk_of(tree, (rate, 0.0, 0.0), held, close_out)

    best = min(
        minimize(risk, start, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-13}).fun
        for start in ([0.5, 0.3, 0.7], [0.2, 0.2, 0.2])
    )
    assert float(solved.value) == pytest.approx(best, abs=1e-9)
    assert float(solved.value) <= best + 1e-12
