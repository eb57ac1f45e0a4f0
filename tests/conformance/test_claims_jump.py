"""A payoff jumps only where the claim says so, or simulated Greeks are biased."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from family_finder import members

import deephedge.claims
from deephedge.claims import AbstractClaim, Chooser, ConvertibleBond
from deephedge.claims.american import AbstractEarlyExercise
from deephedge.markets import BlackScholes, simulate

# Every claim is looked at under `slow`; these always.
ALWAYS = ("Autocallable", "Portfolio")
# Where these jump, the holder is indifferent: the jump is 0 on average, at a price that the
# payoff decides by the rates (Chooser), or at the best boundary of exercise (the others).
INDIFFERENT = (Chooser, AbstractEarlyExercise, ConvertibleBond)
CLAIMS = [
    pytest.param(c.example(), marks=() if c.__name__ in ALWAYS else pytest.mark.slow, id=c.__name__)
    for c in members(deephedge.claims, AbstractClaim)
    if not issubclass(c, INDIFFERENT)
]
MARKET = BlackScholes(
    spot=[100.0, 98.0], vol=[0.3, 0.2], rate=0.02, correlation=[[1, 0.5], [0.5, 1]]
)
GRID = np.exp(np.linspace(np.log(60.0), np.log(160.0), 401))


@pytest.mark.parametrize("claim", CLAIMS)
def test_payoff_jumps_at_its_stated_levels_only(claim):
    times = claim.maturity * jnp.linspace(0.0, 1.0, 5)
    paths = simulate(MARKET, times, 4, key=jax.random.key(6))

    @jax.jit
    def payoffs(prices, path, date, asset):
        def one(price):
            moved = path.prices.at[date, asset].set(price)
            return claim.payoff(dataclasses.replace(path, prices=moved))

        return jax.vmap(one)(prices)

    for i in range(4):
        path = jax.tree.map(lambda x, i=i: x[i], paths)
        levels = [(asset, np.asarray(level)) for asset, level in claim.jumps(path)]
        for date in range(1, 5):
            for asset in range(2):
                stated = [level[date] for own, level in levels if own == asset]
                _check(lambda x, p=path, d=date, a=asset: payoffs(x, p, d, a), stated)


def _check(payoffs, stated):
    """Between grid points without a level, halving the distance halves the largest change."""
    values = np.asarray(payoffs(jnp.asarray(GRID)))
    changes = np.abs(np.diff(values))
    for level in stated:
        changes = np.where((GRID[:-1] <= level) & (level <= GRID[1:]), 0.0, changes)
    worst = int(np.argmax(changes))
    low, high = GRID[worst], GRID[worst + 1]
    near = np.asarray(payoffs(jnp.asarray(np.linspace(low, high, GRID.size))))
    largest = np.max(np.abs(np.diff(near)))
    assert largest <= 0.05 * changes[worst] + 1e-12, (low, high, largest, changes[worst])
