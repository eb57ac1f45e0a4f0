r"""How much a Sharpe ratio proves: its sampling error, and the best of many tries.

All ratios here are per period (per day for daily returns), not per year: divide an annual one by
the root of the periods in a year.
"""

import math

import jax.numpy as jnp

from deephedge.numerics import normal, safe
from deephedge.typing import Array, Float, Scalar

EULER = 0.5772156649015329
"""Euler's constant."""


def sharpe_moments(returns: Float[Array, " period"]) -> tuple[Scalar, Scalar, Scalar]:
    """Sharpe ratio per period, skewness and kurtosis (3 for a normal) of returns above cash."""
    centred = returns - jnp.mean(returns)
    deviation = safe.sqrt(jnp.mean(centred**2))
    z = safe.divide(centred, deviation)
    return safe.divide(jnp.mean(returns), deviation), jnp.mean(z**3), jnp.mean(z**4)


def probabilistic_sharpe(
    sharpe: float | Scalar,
    n_periods: int,
    *,
    benchmark: float | Scalar = 0.0,
    skewness: float | Scalar = 0.0,
    kurtosis: float | Scalar = 3.0,
) -> Scalar:
    r"""The confidence that the true Sharpe ratio is above a benchmark.

    $$\Phi\Bigl(\frac{(\hat S - S^*)\sqrt{T - 1}}
    {\sqrt{1 - \gamma_3\hat S + \frac{\gamma_4 - 1}{4}\hat S^2}}\Bigr)$$

    with $\hat S$ the ratio per period over T periods, $\gamma_3$ skewness, $\gamma_4$ kurtosis.
    Periods are taken as independent.

    Reference: Bailey and López de Prado (2012), The Sharpe ratio efficient frontier, equation 9.
    """
    if n_periods < 2:
        raise ValueError(f"`n_periods` must be at least 2, got {n_periods}.")
    numbers = (sharpe, benchmark, skewness, kurtosis)
    ratio, least, skew, tails = (jnp.asarray(x, dtype=float) for x in numbers)
    spread = 1.0 - skew * ratio + 0.25 * (tails - 1.0) * ratio**2
    excess = (ratio - least) * math.sqrt(n_periods - 1)
    return normal.cdf(safe.divide(excess, safe.sqrt(spread)))


def expected_best_sharpe(n_trials: int, variance: float | Scalar) -> Scalar:
    r"""The Sharpe ratio per period that the best of so many worthless strategies shows.

    $$S_0 = \sqrt V\,\bigl((1 - \gamma)\,\Phi^{-1}(1 - \tfrac1N) +
    \gamma\,\Phi^{-1}(1 - \tfrac1{Ne})\bigr)$$

    with V `variance`, that of the trials' ratios, N `n_trials`, taken as independent, and
    $\gamma$ Euler's constant. Tries that resemble each other count for fewer.

    Reference: Bailey and López de Prado (2014), The deflated Sharpe ratio, equation 1.
    """
    if n_trials < 2:
        raise ValueError(f"`n_trials` must be at least 2, got {n_trials}.")
    tails = jnp.asarray([1.0 / n_trials, 1.0 / (n_trials * math.e)], dtype=float)
    quantiles = -normal.quantile(tails)
    weights = jnp.asarray([1.0 - EULER, EULER], dtype=float)
    return safe.sqrt(jnp.asarray(variance, dtype=float)) * jnp.sum(weights * quantiles)


def deflated_sharpe(
    sharpe: float | Scalar,
    n_periods: int,
    *,
    n_trials: int,
    variance: float | Scalar,
    skewness: float | Scalar = 0.0,
    kurtosis: float | Scalar = 3.0,
) -> Scalar:
    """The confidence that the best of `n_trials` is better than luck alone would make it.

    `probabilistic_sharpe` against the benchmark `expected_best_sharpe`.

    Reference: Bailey and López de Prado (2014), The deflated Sharpe ratio, equation 2.
    """
    return probabilistic_sharpe(
        sharpe,
        n_periods,
        benchmark=expected_best_sharpe(n_trials, variance),
        skewness=skewness,
        kurtosis=kurtosis,
    )


def best_of_many(
    returns: Float[Array, "strategy period"],
) -> tuple[int, Float[Array, " strategy"], Scalar]:
    """Which strategy has the highest Sharpe ratio, all of them per period, and the deflated one.

    Every strategy tried must be among the rows: leaving out the failures is what the deflation
    is there to undo.
    """
    ratios = jnp.stack([sharpe_moments(row)[0] for row in returns])
    best = int(jnp.argmax(ratios))
    ratio, skewness, kurtosis = sharpe_moments(returns[best])
    confidence = deflated_sharpe(
        ratio,
        returns.shape[1],
        n_trials=returns.shape[0],
        variance=jnp.var(ratios, ddof=1),
        skewness=skewness,
        kurtosis=kurtosis,
    )
    return best, ratios, confidence
