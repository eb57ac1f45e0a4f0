"""A simulation in batches gives the same numbers inside a loop over states."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from deephedge.claims import BasketCall
from deephedge.markets import BlackScholes
from deephedge.pricing import MonteCarlo

ASSETS = 7


def single(tree):
    return jax.tree.map(lambda x: x.astype(jnp.float32), tree)


@pytest.mark.slow
def test_a_basket_is_worth_the_same_state_by_state_and_all_at_once():
    # In float32, in two batches of paths, in one batch of states: XLA for CPU once got it wrong.
    market = single(BlackScholes(spot=np.full(ASSETS, 100.0), vol=np.linspace(0.15, 0.45, ASSETS)))
    claim = single(BasketCall(strike=100.0, weights=np.full(ASSETS, 1 / ASSETS), maturity=0.5))
    pricer = MonteCarlo(market, n_paths=8192, n_steps=1, key=jax.random.key(0), batch_size=4096)
    moves = 0.2 * jax.random.normal(jax.random.key(1), (16, ASSETS), jnp.float32)

    def price(prices):
        return pricer.price(claim, dataclasses.replace(market.start(), prices=prices))

    states = jnp.float32(100.0) * jnp.exp(moves)
    one_by_one = jax.jit(lambda x: lax.map(price, x))(states)
    together = jax.jit(lambda x: lax.map(price, x, batch_size=16))(states)
    np.testing.assert_allclose(together, one_by_one, rtol=1e-5)
