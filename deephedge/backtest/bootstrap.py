"""Confidence from overlapping windows: resampling them in blocks of neighbours.

Windows that start a day apart share all but one of their days, so a thousand of them say far
less than a thousand independent ones. Drawn in blocks longer than a window, neighbours stay
together and the resampled numbers vary as much as the real ones would.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax

from deephedge.risk.base import AbstractRiskMeasure
from deephedge.typing import Array, Float, Scalar

BATCH = 64
"""Resamples in memory at once."""


class Interval(eqx.Module):
    """An estimate with its bootstrap standard error and percentile interval."""

    value: Scalar
    standard_error: Scalar
    low: Scalar
    high: Scalar


def block_weights(
    n: int, *, mean_block: float, n_resamples: int, seed: int
) -> Float[Array, "resample path"]:
    """The share of each of `n` consecutive windows in each resample of the stationary bootstrap.

    A resample is `n` windows in runs of neighbours with geometric lengths, `mean_block` on
    average, on a circle. Take `mean_block` at least twice the steps of a window.

    Reference: Politis and Romano (1994), The stationary bootstrap, section 2.
    """
    draws = block_draws(n, mean_block=mean_block, n_resamples=n_resamples, seed=seed)
    shares = [np.bincount(drawn, minlength=n) / n for drawn in draws]
    return jnp.asarray(np.stack(shares), dtype=float)


def block_draws(n: int, *, mean_block: float, n_resamples: int, seed: int) -> np.ndarray:
    """Which of `n` consecutive periods stand in each resample, in order: resamples by `n`.

    The same stationary bootstrap as `block_weights`, for measures to which the order matters,
    such as a drawdown.
    """
    if n < 2 or n_resamples < 2:
        raise ValueError(f"`n` and `n_resamples` must be at least 2, got {n} and {n_resamples}.")
    if not 1 <= mean_block < n:
        raise ValueError(f"`mean_block` must be at least 1 and below {n}, got {mean_block}.")
    random = np.random.default_rng(seed)
    return np.stack([_drawn(random, n, mean_block) for _ in range(n_resamples)])


def _drawn(random: np.random.Generator, n: int, mean_block: float) -> np.ndarray:
    """The periods of one resample."""
    restart = random.random(n) < 1.0 / mean_block
    restart[0] = True
    anchors = random.integers(n, size=n)
    place = np.arange(n)
    latest = np.maximum.accumulate(np.where(restart, place, 0))
    return (anchors[latest] + place - latest) % n


@eqx.filter_jit
def resampled(
    measure: AbstractRiskMeasure,
    pnl: Float[Array, " path"],
    weights: Float[Array, "resample path"],
) -> Float[Array, " resample"]:
    """The measure of every resample."""
    weights = weights.astype(pnl.dtype)
    n_resamples = weights.shape[0]
    return lax.map(lambda w: measure(pnl, w), weights, batch_size=min(BATCH, n_resamples))


def bootstrap_interval(
    measure: AbstractRiskMeasure,
    pnl: Float[Array, " path"],
    weights: Float[Array, "resample path"],
    level: float = 0.95,
) -> Interval:
    """The measure of `pnl` with a percentile interval of probability `level`.

    Reference: Efron (1979), Bootstrap methods; Künsch (1989) for blocks.
    """
    return percentile_interval(measure(pnl), resampled(measure, pnl, weights), level)


def paired_interval(
    measure: AbstractRiskMeasure,
    pnl: Float[Array, " path"],
    baseline: Float[Array, " path"],
    weights: Float[Array, "resample path"],
    level: float = 0.95,
) -> Interval:
    """The measure of `pnl` less that of `baseline`, both on the same resamples of the windows."""
    differences = resampled(measure, pnl, weights) - resampled(measure, baseline, weights)
    return percentile_interval(measure(pnl) - measure(baseline), differences, level)


def percentile_interval(
    value: Scalar, draws: Float[Array, " resample"], level: float = 0.95
) -> Interval:
    """An estimate with the deviation of its resamples and their percentile interval."""
    if not 0 < level < 1:
        raise ValueError(f"`level` must be between 0 and 1, got {level}.")
    edge = 0.5 * (1 - level)
    low, high = jnp.quantile(draws, jnp.asarray([edge, 1 - edge], draws.dtype))
    return Interval(value, jnp.std(draws, ddof=1), low, high)
