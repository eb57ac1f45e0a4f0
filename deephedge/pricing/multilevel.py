"""Multilevel Monte Carlo: many coarse paths, and a few fine ones to correct them."""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from deephedge.claims.base import AbstractClaim
from deephedge.markets.base import AbstractModel, Snapshot
from deephedge.numerics.threefry import counted_normals
from deephedge.pricing.pathwise import path_value
from deephedge.typing import Array, Float, PRNGKeyArray, Scalar

BATCH = 256
"""Paths in memory at once; the number of paths of a level is a multiple of it."""


class Level(NamedTuple):
    """What one level has cost and found."""

    n_steps: int
    n_paths: int
    mean: float
    """Of the fine price less the coarse price, on the same Brownian path."""
    variance: float
    fine_variance: float
    """Of the fine price alone, as a plain simulation has it."""
    cost: int
    """Steps of one path of the level, the coarse ones included."""


class Multilevel(NamedTuple):
    r"""A price by `multilevel`, with what was measured on the way.

    The mean of a level falls as $M^{-\alpha l}$, its variance as $M^{-\beta l}$.
    """

    value: float
    standard_error: float
    bias: float
    """Estimated size of the error that the finest step leaves."""
    levels: tuple[Level, ...]
    alpha: float
    beta: float

    @property
    def cost(self) -> int:
        """Steps simulated, all levels together."""
        return sum(level.n_paths * level.cost for level in self.levels)


def multilevel(
    model: AbstractModel,
    claim: AbstractClaim,
    now: Snapshot,
    *,
    accuracy: float,
    key: PRNGKeyArray,
    coarsest: int = 1,
    refinement: int = 4,
    n_pilot: int = 1024,
    most_levels: int = 8,
) -> Multilevel:
    r"""A price with a root mean square error of `accuracy` in the limit of small time steps.

    $$E\,P_L = E\,P_0 + \sum_{l=1}^L E[P_l - P_{l-1}], \qquad
    N_l = \Bigl\lceil 2\epsilon^{-2}\sqrt{V_l/C_l}\sum_k \sqrt{V_k C_k} \Bigr\rceil$$

    Level l has $n_0 M^l$ equal steps; the coarse path of a pair takes the sums of M of the fine
    path's normals, over $\sqrt M$. Levels are added until the last means show a bias under
    $\epsilon/\sqrt 2$. The model must be one whose normals are the increments of Brownian
    motions (Euler's scheme, or exact in them); the claim may also depend on the dates alone. The
    cost is of order $\epsilon^{-2}$ for $\beta > 1$, against $\epsilon^{-2 - 1/\alpha}$.

    Args:
        model: restarted at `now`.
        claim: its payoff, Lipschitz in the path, on the dates of the level.
        now: where paths start.
        accuracy: root mean square error, in cash.
        key: of all draws.
        coarsest: steps of level 0.
        refinement: M.
        n_pilot: paths from which a level's variance is first estimated.
        most_levels: beyond which the bias is left as it is, and stated.

    Reference: Giles (2008), Multilevel Monte Carlo path simulation, section 5.
    """
    if not accuracy > 0:
        raise ValueError(f"`accuracy` must be positive, got {accuracy}.")
    if refinement < 2:
        raise ValueError(f"`refinement` must be at least 2, got {refinement}.")
    keys = jax.random.split(key, most_levels + 1)
    drawn = _Drawn(model, claim, now, keys, coarsest, refinement)
    while True:
        drawn.begin_level(n_pilot)
        for _ in range(2):  # variances become known better as paths are added
            for i, n_paths in enumerate(_wanted(drawn.levels, accuracy)):
                drawn.draw(i, n_paths)
        levels = drawn.levels
        bias = _bias(levels, refinement)
        if bias < accuracy / math.sqrt(2.0) or len(levels) > most_levels:
            break
    return Multilevel(
        value=sum(level.mean for level in levels),
        standard_error=math.sqrt(sum(level.variance / level.n_paths for level in levels)),
        bias=bias,
        levels=tuple(levels),
        alpha=_order([abs(level.mean) for level in levels[1:]], refinement),
        beta=_order([level.variance for level in levels[1:]], refinement),
    )


class _Drawn:
    """The paths that were drawn so far."""

    def __init__(
        self,
        model: AbstractModel,
        claim: AbstractClaim,
        now: Snapshot,
        keys: Array,
        coarsest: int,
        refinement: int,
    ):
        self.priced = model, claim, now
        self.keys, self.coarsest, self.refinement = keys, coarsest, refinement
        self.steps: list[int] = []
        self.counts: list[int] = []
        self.sums: list[np.ndarray] = []
        """Of the fine prices less the coarse, of their squares, and of the fine ones likewise."""

    def begin_level(self, n_paths: int) -> None:
        """The first paths of one more level."""
        level = len(self.steps)
        self.steps.append(self.coarsest * self.refinement**level)
        self.sums.append(np.zeros(4))
        self.counts.append(0)
        self.draw(level, n_paths)

    def draw(self, level: int, n_paths: int) -> None:
        """More paths of a level, up to so many."""
        batches = math.ceil((n_paths - self.counts[level]) / BATCH)
        if batches > 0:
            m = self.refinement if level else 0
            some = jnp.asarray(self.counts[level]), jnp.asarray(batches)
            new = _sums(*self.priced, self.keys[level], *some, self.steps[level], m)
            self.sums[level] = self.sums[level] + np.asarray(new, dtype=float)
            self.counts[level] += batches * BATCH

    @property
    def levels(self) -> list[Level]:
        """What each level has found."""
        found = zip(self.steps, self.counts, self.sums, strict=True)
        return [_level(*x, self.refinement) for x in found]


def _wanted(levels: list[Level], accuracy: float) -> list[int]:
    """The numbers of paths with which the levels together are accurate at the least cost."""
    work = sum(math.sqrt(level.variance * level.cost) for level in levels)
    return [
        math.ceil(2.0 / accuracy**2 * math.sqrt(level.variance / level.cost) * work)
        for level in levels
    ]


def _level(n_steps: int, n_paths: int, sums: np.ndarray, refinement: int) -> Level:
    mean, square, fine_mean, fine_square = (float(x) for x in sums / n_paths)
    # On level 0 there is no coarse path, and the difference is the price itself.
    coarse = 0 if (mean, square) == (fine_mean, fine_square) else n_steps // refinement
    return Level(
        n_steps, n_paths, mean, square - mean**2, fine_square - fine_mean**2, n_steps + coarse
    )


def _bias(levels: list[Level], refinement: int) -> float:
    """The rest of the sum, extrapolated from the last two means at the order they show."""
    if len(levels) < 3:
        return math.inf
    order = max(_order([abs(level.mean) for level in levels[1:]], refinement), 0.5)
    last = max(abs(levels[-1].mean), abs(levels[-2].mean) / refinement**order)
    return last / (refinement**order - 1.0)


def _order(sizes: list[float], refinement: int) -> float:
    """The power of the step by which positive numbers fall from level to level."""
    if len(sizes) < 2:
        return math.nan
    logs = np.log(np.maximum(sizes, 1e-300)) / math.log(refinement)
    return -float(np.polyfit(np.arange(len(sizes)), logs, 1)[0])


@eqx.filter_jit
def _sums(
    model: AbstractModel,
    claim: AbstractClaim,
    now: Snapshot,
    key: PRNGKeyArray,
    first: Array,
    batches: Array,
    n_steps: int,
    refinement: int,
) -> Float[Array, " moment"]:
    """Over `batches` of paths: the level's differences and fine prices, and their squares."""
    n_normals, dtype = model.normals_per_step, now.prices.dtype

    def pair(index: Array) -> tuple[Scalar, Scalar]:
        flat = counted_normals(key, index, n_steps * n_normals, np.dtype(dtype).name)
        normals = flat.reshape(n_steps, n_normals)
        fine = path_value(model, claim, now, normals)
        if refinement == 0:
            return fine, fine
        blocks = normals.reshape(n_steps // refinement, refinement, n_normals)
        coarse = jnp.sum(blocks, axis=1) / refinement**0.5
        return fine - path_value(model, claim, now, coarse), fine

    def batch(b: Array, total: Array) -> Array:
        difference, fine = jax.vmap(pair)(first + b * BATCH + jnp.arange(BATCH))
        columns = [difference, difference**2, fine, fine**2]
        return total + jnp.stack([jnp.sum(x) for x in columns])

    return lax.fori_loop(0, batches, batch, jnp.zeros(4, dtype))
