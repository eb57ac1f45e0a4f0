"""What every cost must be."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from family_finder import members

import deephedge.costs
from deephedge.costs import AbstractCost
from deephedge.markets import BlackScholes

COSTS = [c.example() for c in members(deephedge.costs, AbstractCost)]
pytestmark = pytest.mark.parametrize("cost", COSTS, ids=lambda c: type(c).__name__)
NOW = BlackScholes(spot=[100.0, 30.0], vol=[0.2, 0.3]).start()


def test_not_trading_is_free(cost):
    assert float(cost(jnp.zeros(2), NOW)) == 0.0


def test_trading_never_pays(cost):
    trades = jax.random.normal(jax.random.key(0), (200, 2))
    assert np.all(np.asarray(jax.vmap(lambda trade: cost(trade, NOW))(trades)) >= 0.0)


def test_slopes_are_finite_also_at_no_trade(cost):
    for trade in ([0.0, 0.0], [0.0, -1.0], [2.0, 1e-12]):
        slope, at_prices = jax.grad(lambda x, s: cost(x, _with_prices(s)), argnums=(0, 1))(
            jnp.asarray(trade), NOW.prices
        )
        assert np.all(np.isfinite(np.asarray(slope)))
        assert np.all(np.isfinite(np.asarray(at_prices)))


def _with_prices(prices):
    return dataclasses.replace(NOW, prices=prices)
