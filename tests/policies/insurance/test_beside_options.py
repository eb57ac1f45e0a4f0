"""A basket beside listed options that it does not hold."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import NoClaim, Put
from deephedge.costs import NoCost
from deephedge.markets import BlackScholes, simulate
from deephedge.policies import CPPI
from deephedge.pricing import Held, ListedModel
from deephedge.rollout import HedgingProblem, replay, time_grid


@pytest.mark.slow
def test_options_that_are_worth_next_to_nothing_do_not_touch_it():
    """Their price may rise from the smallest number of its type: a return that overflows."""
    stock, times = BlackScholes(spot=100.0, vol=0.2), time_grid(0.25, 5)
    market = ListedModel(stock, (Held(Put(strike=50.0, maturity=0.5)),))
    paths = simulate(market, times, 4, key=jax.random.key(0))
    tiny = np.finfo(paths.prices.dtype).smallest_normal

    @jax.vmap
    def given(path):
        alone = dataclasses.replace(
            path,
            prices=path.prices[:, :1],
            accrual=path.accrual[:, :1],
            factors=path.factors[:, :0],
        )
        return dataclasses.replace(path, prices=path.prices.at[2, 1].set(tiny)), alone

    both, alone = given(paths)
    claim = NoClaim(maturity=0.25)
    wealth = []
    for place, seen, weights in ((market, both, [1.0, 0.0]), (stock, alone, [1.0])):
        problem = HedgingProblem(place, claim, NoCost(), times, premium=100.0, close_out=True)
        policy = CPPI(multiplier=3.0, floor=0.8, weights=jnp.asarray(weights))
        wealth.append(replay(problem, policy, seen).wealth)
    np.testing.assert_allclose(wealth[0], wealth[1], rtol=1e-12)
