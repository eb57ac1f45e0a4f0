"""Quadratic hedging on trees against least squares over all adapted strategies at once."""

import numpy as np
import pytest

from deephedge.optimum import ScenarioTree, quadratic_tree

BINOMIAL = (np.asarray([[1.1], [0.93]]), np.asarray([0.6, 0.4]))
TRINOMIAL = (np.asarray([[1.12], [1.01], [0.9]]), np.asarray([0.3, 0.5, 0.2]))
TWO_ASSETS = (
    np.asarray([[1.1, 1.2], [1.0, 0.97], [0.95, 1.1], [0.93, 0.8]]),
    np.asarray([0.3, 0.3, 0.2, 0.2]),
)


def brute_force(tree, owed):
    """The capital and a holding for every node and asset, by one weighted regression."""
    n_leaves, branches = owed.shape[0], tree.probabilities[0].shape[1]
    chance, columns = np.ones(1), [np.ones(n_leaves)]
    for k, chances in enumerate(tree.probabilities):
        chance = (chance[:, None] * np.asarray(chances)).ravel()
        leaf = np.arange(n_leaves)
        depth = len(tree.probabilities) - k
        node, child = leaf // branches**depth, leaf // branches ** (depth - 1)
        gains = np.asarray(tree.prices[k + 1])[child] - np.asarray(tree.prices[k])[node]
        for own in range(tree.prices[k].shape[0]):
            columns += [np.where(node == own, gain, 0.0) for gain in gains.T]
    root = np.sqrt(chance)
    matrix = np.stack(columns, axis=1) * root[:, None]
    found = np.linalg.lstsq(matrix, np.asarray(owed) * root, rcond=None)[0]
    return found[0], np.sum((matrix @ found - np.asarray(owed) * root) ** 2)


@pytest.mark.parametrize(
    ("law", "n_steps"), [(BINOMIAL, 6), (TRINOMIAL, 4), (TWO_ASSETS, 3)], ids=["2", "3", "4x2"]
)
def test_no_adapted_strategy_does_better_and_none_from_another_capital(law, n_steps):
    returns, chances = law
    tree = ScenarioTree.of_returns(np.full(returns.shape[1], 100.0), returns, chances, n_steps)
    # An average: it depends on the whole path.
    branches = chances.shape[0]
    leaves = np.arange(branches**n_steps)
    paths = [np.asarray(p)[leaves // branches ** (n_steps - k)] for k, p in enumerate(tree.prices)]
    owed = np.maximum((np.mean(paths, axis=(0, 2))) - 99.0, 0.0)
    found = quadratic_tree(tree, owed)
    capital, squared = brute_force(tree, owed)
    np.testing.assert_allclose(found.capital, capital, rtol=1e-10)
    np.testing.assert_allclose(found.squared_error, squared, rtol=1e-10, atol=1e-20)

    wealth = np.asarray([capital + 2.0])
    chance = np.ones(1)
    for k in range(n_steps):
        gains = tree.prices[k + 1].reshape(-1, branches, returns.shape[1])
        gains = gains - tree.prices[k][:, None, :]
        held = found.holdings(k, wealth)
        wealth = (wealth[:, None] + np.sum(gains * held[:, None, :], axis=2)).ravel()
        chance = (chance[:, None] * np.asarray(tree.probabilities[k])).ravel()
    attained = np.sum(chance * np.asarray(wealth - owed) ** 2)
    np.testing.assert_allclose(attained, found.opportunity[0][0] * 4.0 + squared, rtol=1e-10)


def test_a_binomial_tree_is_complete_and_gives_the_risk_neutral_price():
    returns, chances = BINOMIAL
    tree = ScenarioTree.of_returns(np.asarray([100.0]), returns, chances, 6)
    owed = np.maximum(tree.prices[-1][:, 0] - 100.0, 0.0)
    found = quadratic_tree(tree, owed)
    q = (1.0 - 0.93) / (1.1 - 0.93)
    weights = np.ones(1)
    for _ in range(6):
        weights = (weights[:, None] * np.array([q, 1.0 - q])).ravel()
    np.testing.assert_allclose(found.capital, weights @ np.asarray(owed), rtol=1e-12)
    assert abs(float(found.squared_error)) < 1e-20
