"""Weights that leave no statistical arbitrage on given paths, and the market they make."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.markets import (
    BlackScholes,
    DriftFree,
    Heston,
    Historical,
    elementary_gains,
    martingale_weights,
    simulate,
)

TIMES = jnp.arange(6.0) / 12.0
TRENDING = Heston(
    spot=100.0, variance=0.04, mean_reversion=2.0, long_variance=0.05, vol_of_variance=0.4,
    correlation=-0.7, rate=0.02, drift=0.15,
)  # fmt: skip
BOOTSTRAP = dataclasses.replace(
    Historical.example(), returns=np.asarray(Historical.example().returns) + 0.002, keep_drift=True
)


def _market(market, n_paths=4_096):
    return DriftFree.of(market, TIMES, n_paths, key=jax.random.key(0))


def test_two_outcomes_have_the_weights_of_the_binomial_tree():
    weights = martingale_weights(jnp.asarray([[2.0], [-1.0]]))
    np.testing.assert_allclose(weights, [1.0 / 3.0, 2.0 / 3.0], rtol=1e-8)


def test_weights_are_the_nearest_in_entropy():
    # Moves along every direction that keeps the constraints raise the relative entropy.
    rng = np.random.default_rng(0)
    gains = rng.normal(0.2, 1.0, (40, 3))
    weights = np.asarray(martingale_weights(jnp.asarray(gains)))
    constraints = np.column_stack([gains, np.ones(40)])
    free = np.linalg.svd(constraints.T)[2][4:]
    slope = free @ np.log(weights)
    np.testing.assert_allclose(slope, 0.0, atol=1e-6)
    np.testing.assert_allclose(weights @ constraints, [0.0, 0.0, 0.0, 1.0], atol=1e-8)
    assert np.all(weights > 0.0)


def test_a_normal_gain_is_moved_to_mean_zero_and_keeps_its_variance():
    # Girsanov: exp(-theta G) with theta = m / s^2, at relative entropy m^2 / (2 s^2).
    z = np.asarray(jax.scipy.special.ndtri((jnp.arange(20_000.0) + 0.5) / 20_000))
    weights = np.asarray(martingale_weights(jnp.asarray(0.3 + 2.0 * z)[:, None]))
    np.testing.assert_allclose(weights @ (0.3 + 2.0 * z) ** 2, 4.0, rtol=2e-3)
    entropy = np.sum(weights * np.log(weights * 20_000))
    np.testing.assert_allclose(entropy, 0.3**2 / 8.0, rtol=2e-3)


def _mean_variance(gains, weights):
    """The best linear policy at risk aversion 1, and its objective: half the squared ratio."""
    mean = weights @ gains
    centred = gains - mean
    policy = np.linalg.lstsq((weights[:, None] * centred).T @ centred, mean, rcond=1e-10)[0]
    return policy, 0.5 * float(mean @ policy)


@pytest.mark.slow
@pytest.mark.parametrize("market", [TRENDING, BOOTSTRAP], ids=["heston", "bootstrap"])
def test_an_unconstrained_mean_variance_policy_earns_nothing(market):
    fair = _market(market)
    gains = np.asarray(elementary_gains(fair.paths))
    gains = gains[:, gains.std(axis=0) > 0]
    equal = np.full(len(gains), 1.0 / len(gains))
    policy, before = _mean_variance(gains, equal)
    assert before > 0.02
    _, after = _mean_variance(gains, np.asarray(fair.weights))
    assert after < 1e-12
    # The policy that lived on the drift earns nothing on paths drawn from the market either.
    drawn = simulate(fair, TIMES, 16_384, key=jax.random.key(1))
    index = np.argsort(np.asarray(fair.paths.prices[:, -1, 0]))
    place = np.searchsorted(np.asarray(fair.paths.prices[index, -1, 0]), drawn.prices[:, -1, 0])
    earned = (gains @ policy)[index[place]]
    error = earned.std(ddof=1) / np.sqrt(earned.size)
    assert abs(earned.mean()) < 4.0 * error < 0.1 * float(equal @ gains @ policy)


def test_prices_are_martingales_under_the_weights_at_every_date():
    fair = _market(dataclasses.replace(TRENDING, dividend=0.03))
    paths = fair.paths
    worth = np.asarray(paths.discount * paths.prices[:, :, 0] * paths.accrual[:, :, 0])
    np.testing.assert_allclose(np.asarray(fair.weights) @ worth, 100.0, rtol=1e-8)


@pytest.mark.slow
def test_two_assets_are_both_freed():
    market = BlackScholes(
        spot=[100.0, 50.0], vol=[0.2, 0.3], drift=0.1, rate=0.01, correlation=[[1, 0.5], [0.5, 1]]
    )
    fair = _market(market)
    worth = np.asarray(fair.paths.discount[:, :, None] * fair.paths.prices)
    mean = np.einsum("p,pta->ta", np.asarray(fair.weights), worth)
    np.testing.assert_allclose(mean, np.broadcast_to([100.0, 50.0], mean.shape), rtol=1e-8)


@pytest.mark.slow
def test_a_fair_market_is_left_nearly_alone():
    fair = _market(dataclasses.replace(TRENDING, drift=None), n_paths=4_096)
    weights = np.asarray(fair.weights) * 4_096
    # The relative entropy of K fitted means is about K / 2n: here K = 13.
    assert np.mean(weights * np.log(weights)) < 2.0 * 13 / (2 * 4_096)


@pytest.mark.slow
def test_paths_are_drawn_as_often_as_they_weigh():
    paths = simulate(TRENDING, TIMES, 3, key=jax.random.key(2))
    market = DriftFree(paths, [0.5, 0.2, 0.3])
    z = jax.scipy.special.ndtri((jnp.arange(1_000.0) + 0.5) / 1_000)
    normals = jnp.zeros((1_000, 5, 1)).at[:, 0, 0].set(z)
    drawn = jax.jit(jax.vmap(lambda n: market.path(TIMES, n)))(normals)
    for row, share in enumerate((0.5, 0.2, 0.3)):
        same = np.all(np.asarray(drawn.prices) == np.asarray(paths.prices[row]), axis=(1, 2))
        assert abs(same.mean() - share) < 0.0011


@pytest.mark.parametrize("gains", [[[1.0], [2.0], [0.5]], [[1.0, 2.0], [-1.0, 1.0], [1.0, 1.0]]])
def test_an_arbitrage_is_refused(gains):
    with pytest.raises(ValueError, match="must leave no arbitrage"):
        martingale_weights(jnp.asarray(gains))


def test_more_dates_than_the_paths_have_are_refused():
    paths = simulate(TRENDING, TIMES, 3, key=jax.random.key(2))
    with pytest.raises(ValueError, match="`times` must be dates of the paths, 6, got 7"):
        DriftFree(paths, [0.5, 0.2, 0.3]).path(jnp.arange(7.0), jnp.zeros((6, 1)))
