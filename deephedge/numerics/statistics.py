"""Standard errors of any functional of a sample, by its influence function."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from deephedge.typing import Array, Float, Scalar

Functional = Callable[[Float[Array, " path"], Float[Array, " path"]], Scalar]
"""A number computed from values and their probabilities: `functional(values, weights)`."""


def influence(functional: Functional, values: Float[Array, " path"]) -> Float[Array, " path"]:
    r"""How far a little more weight on each path moves the functional; mean zero.

    $$\text{IF}_i = \frac{d}{d\epsilon} T\bigl((1-\epsilon)P_n + \epsilon\,\delta_{x_i}\bigr)$$

    at the equally weighted empirical law $P_n$.

    Reference: Hampel (1974), The influence curve and its role in robust estimation.
    """
    n_paths = values.shape[0]
    equal = jnp.full_like(values, 1.0 / n_paths)
    slope = jax.grad(functional, argnums=1)(values, equal)
    return slope - jnp.mean(slope)


def standard_error(influence_values: Float[Array, " path"], groups: int = 1) -> Scalar:
    r"""Standard error of an estimate with the given influence values: $\sqrt{\sum_i IF_i^2}/n$.

    Args:
        influence_values: from `influence`; a difference of two estimates on the same paths has
            the difference of their influence values.
        groups: how many consecutive paths were drawn together (2 for antithetic pairs); they
            are averaged first, because only the averages are independent.
    """
    n_paths = influence_values.shape[0]
    if groups < 1 or n_paths % groups:
        raise ValueError(
            f"`groups` must divide the number of paths, {n_paths}, got {groups}; "
            "pass `groups=1` for independent paths."
        )
    independent = jnp.mean(influence_values.reshape(-1, groups), axis=1)
    return jnp.sqrt(jnp.sum(independent**2)) / independent.shape[0]


class Spread(NamedTuple):
    """How a number varies between seeds."""

    mean: float
    standard_error: float
    """Of the mean: the deviation over the root of how many."""
    deviation: float
    least: float
    greatest: float


def spread(values: Sequence[float]) -> Spread:
    """Mean, standard error between seeds, deviation and range of independent results."""
    x = np.asarray(values, dtype=np.float64)
    deviation = float(np.std(x, ddof=1)) if x.size > 1 else math.nan
    return Spread(
        mean=float(np.mean(x)),
        standard_error=deviation / math.sqrt(x.size),
        deviation=deviation,
        least=float(np.min(x)),
        greatest=float(np.max(x)),
    )


def holm(p_values: Sequence[float]) -> Float[np.ndarray, " test"]:
    r"""Adjusted p-values that hold for all tests together.

    In increasing order $\tilde p_{(i)} = \max_{j \le i} \min((m - j + 1)\,p_{(j)}, 1)$: to call
    those below $\alpha$ false makes any mistake at all with probability at most $\alpha$,
    however the tests depend on each other.

    Reference: Holm (1979), A simple sequentially rejective multiple test procedure.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p)
    scaled = np.minimum(p[order] * (p.size - np.arange(p.size)), 1.0)
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate(scaled)
    return adjusted


def paired_p_value(differences: Sequence[float]) -> float:
    """Two-sided p-value of Student's test that paired differences have mean zero."""
    from scipy.stats import t

    x = spread(differences)
    if not x.standard_error > 0:
        return 1.0 if x.mean == 0.0 else 0.0
    return float(2.0 * t.sf(abs(x.mean) / x.standard_error, len(differences) - 1))
