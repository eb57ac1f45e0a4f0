"""A call on a binomial tree, as a market, whose optimum is exact."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr

from deephedge.claims import Call
from deephedge.costs import ProportionalCost
from deephedge.markets import AbstractMarket
from deephedge.markets.base import at_start, one_asset_path
from deephedge.optimum import Tree, solve_tree
from deephedge.rollout import HedgingProblem, time_grid

UP, DOWN, P, RATE, N = 1.02, 0.985, 0.45, 0.002, 4
CLAIM = Call(strike=100.0, maturity=0.1)


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


def least_entropic_risk(aversion):
    tree = Tree(spot=100.0, lowest=DOWN, ratio=UP / DOWN, probabilities=[1 - P, P], n_steps=N)
    cost = ProportionalCost(RATE)
    return float(solve_tree(tree, CLAIM, cost, aversion, (-1.0, 2.0), close_out=False).value)


def least_with_arrivals(chance, premium):
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
