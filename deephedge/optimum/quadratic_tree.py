"""Quadratic hedging on a tree: exact, for any claim on any number of assets."""

import dataclasses

import numpy as np
from numpy.typing import ArrayLike

from deephedge.numerics.checks import at_least_one
from deephedge.typing import Float

Array = np.ndarray
"""Trees live on the host, in float64: each level has a shape of its own to compile for."""


@dataclasses.dataclass(frozen=True)
class ScenarioTree:
    """Every way that prices can go, each node with the same number of branches.

    The children of node j of a level are nodes jb ... jb + b - 1 of the next, b being the number
    of branches. It does not recombine, so that a claim may depend on the whole path.
    """

    prices: tuple[Float[Array, "_ asset"], ...]
    """Level by level, discounted, dividends reinvested."""
    probabilities: tuple[Float[Array, "_ branch"], ...]
    """Of the branches of each node of each level but the last."""

    @classmethod
    def of_returns(
        cls,
        spot: ArrayLike,
        returns: ArrayLike,
        probabilities: ArrayLike,
        n_steps: int,
    ) -> "ScenarioTree":
        """The tree of independent discounted returns: binomial, trinomial ...

        Args:
            spot: a price for each asset.
            returns: a row for each branch, a column for each asset.
            probabilities: of the branches.
        """
        at_least_one(n_steps=n_steps)
        spot, returns, probabilities = map(_double, (spot, returns, probabilities))
        levels = [spot[None, :]]
        for _ in range(n_steps):
            grown = levels[-1][:, None, :] * returns[None, :, :]
            levels.append(grown.reshape(-1, spot.shape[0]))
        chances = [
            np.broadcast_to(probabilities[None, :], (level.shape[0], probabilities.shape[0]))
            for level in levels[:-1]
        ]
        return cls(tuple(levels), tuple(chances))


@dataclasses.dataclass(frozen=True)
class TreeHedge:
    r"""The variance-optimal hedge on a tree; see `recursion` for the equations.

    At wealth w a node holds `pure` + `feedback` (V - w); from capital c the least mean squared
    error is $L_0(c - V_0)^2 + J_0$.
    """

    opportunity: tuple[Float[Array, " _"], ...]
    value: tuple[Float[Array, " _"], ...]
    square: tuple[Float[Array, " _"], ...]
    """J at each node: the least mean square from wealth V."""
    pure: tuple[Float[Array, "_ asset"], ...]
    feedback: tuple[Float[Array, "_ asset"], ...]

    @property
    def capital(self) -> float:
        """The best capital to start from, $V_0$."""
        return float(self.value[0][0])

    @property
    def squared_error(self) -> float:
        """The least mean squared error, from the best capital: $J_0$."""
        return float(self.square[0][0])

    def holdings(self, level: int, wealth: Float[Array, " node"]) -> Float[Array, "node asset"]:
        """Units of each asset to hold at the nodes of a level."""
        short = self.value[level] - wealth
        return self.pure[level] + self.feedback[level] * short[:, None]


def quadratic_tree(tree: ScenarioTree, owed: ArrayLike) -> TreeHedge:
    r"""Backwards over the levels, with the matrices of all assets' gains.

    $a = E[L'\Delta X\Delta X^\top]^+ E[L'\Delta X]$; with this a and the like for $\xi$ the rest
    is as for one asset. Redundant assets are no problem.

    Args:
        tree: of discounted prices.
        owed: the payoff in today's money, leaf by leaf.

    Reference: Schweizer (1995), Variance-optimal hedging in discrete time; Černý and Kallsen
    (2009), Hedging by sequential regressions revisited, for L and a.
    """
    owed = _double(owed)
    opportunity, value, square = [np.ones_like(owed)], [owed], [np.zeros_like(owed)]
    pure, feedback = [], []
    levels = zip(tree.prices[:-1], tree.prices[1:], tree.probabilities, strict=True)
    for now, later, chances in reversed(list(levels)):
        shape = chances.shape
        weights = chances * opportunity[0].reshape(shape)
        gains = later.reshape(*shape, -1) - now[:, None, :]
        after = value[0].reshape(shape)
        both = np.einsum("nb,nba,nbc->nac", weights, gains, gains)
        inverse = np.linalg.pinv(both, hermitian=True)
        mean = np.einsum("nb,nba->na", weights, gains)
        a = np.einsum("nac,nc->na", inverse, mean)
        kept = weights * (1.0 - np.einsum("nba,na->nb", gains, a))
        least = np.sum(kept, axis=1)
        v = np.sum(kept * after, axis=1) / least
        change = after - v[:, None]
        xi = np.einsum("nac,nb,nbc,nb->na", inverse, weights, gains, change)
        left = change - np.einsum("nba,na->nb", gains, xi)
        j = np.sum(chances * square[0].reshape(shape) + weights * left**2, axis=1)
        opportunity, value, square = [least, *opportunity], [v, *value], [j, *square]
        pure, feedback = [xi, *pure], [a, *feedback]
    fields = (opportunity, value, square, pure, feedback)
    return TreeHedge(*map(tuple, fields))


def _double(values: ArrayLike) -> Array:
    return np.asarray(values, dtype=np.float64)
