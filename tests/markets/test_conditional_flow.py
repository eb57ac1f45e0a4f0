"""The learned market's law of a day, before it has learned anything and after a random lesson."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate

from deephedge.markets import ConditionalFlow, simulate
from deephedge.markets.conditional_flow import following

DT = jnp.asarray(1 / 252)
VOLS, TRENDS = jnp.asarray([0.3, 0.25, 0.2, 0.18]), jnp.asarray([-0.2, 0.05])


def taught():
    """A market whose network says something about volatility, skew and tails."""
    market = ConditionalFlow.example()
    weights = 0.3 * jax.random.normal(jax.random.key(1), market.network.weights[-1].shape)
    market = eqx.tree_at(lambda m: m.network.weights[-1], market, weights)
    return dataclasses.replace(market, vols=VOLS, trends=TRENDS)


@pytest.mark.slow
def test_the_density_of_a_day_is_one_with_a_martingale_and_the_quoted_volatility():
    market = taught()
    y = np.linspace(-0.6, 0.6, 120_001)
    density = np.exp(jax.vmap(lambda x: market.log_density(VOLS, TRENDS, x, DT))(jnp.asarray(y)))

    def mean(values):
        return integrate.simpson(density * values, x=y)

    vol = float(market.start().factors[0])
    assert vol != pytest.approx(0.2, rel=0.01)
    assert mean(1.0) == pytest.approx(1.0, abs=1e-6)
    assert mean(np.exp(y)) == pytest.approx(1.0, abs=1e-6)
    deviation = np.sqrt(mean(y**2) - mean(y) ** 2)
    assert deviation * np.sqrt(252) == pytest.approx(vol, rel=1e-3)


@pytest.mark.slow
def test_a_path_has_the_density_it_says():
    # The normal behind each return, found from the path alone, is the one that made it.
    market = dataclasses.replace(taught(), rate=jnp.asarray(0.0), dividend=jnp.asarray(0.0))
    normals = jax.random.normal(jax.random.key(0), (5, 1))
    path = market.path(DT * jnp.arange(6, dtype=float), normals)
    excess = jnp.diff(jnp.log(path.prices[:, 0]))
    for k in range(5):
        vol, law = market.law(path.factors[k, 1:5], path.factors[k, 5:])
        scale = vol * jnp.sqrt(DT)
        z, _ = law.inverse((excess[k] + law.log_moment(scale)) / scale)
        assert float(z) == pytest.approx(float(normals[k, 0]), rel=1e-6)
        state = following(path.factors[k, 1:5], path.factors[k, 5:], excess[k] / jnp.sqrt(DT))
        np.testing.assert_allclose(path.factors[k + 1, 1:], jnp.concatenate(state), rtol=1e-8)


def test_a_silent_network_has_the_volatility_of_riskmetrics():
    market = ConditionalFlow.example()
    path = simulate(market, DT * jnp.arange(60, dtype=float), 1, key=jax.random.key(2))
    factors = path.factors[0]
    np.testing.assert_allclose(factors[:, 0], factors[:, 3], rtol=2e-2)


def test_what_is_not_a_state_is_refused():
    market = ConditionalFlow.example()
    with pytest.raises(ValueError, match="`vols` must be 4 numbers"):
        dataclasses.replace(market, vols=[0.2])
    with pytest.raises(ValueError, match="`spot` must be positive"):
        dataclasses.replace(market, spot=-1.0)
