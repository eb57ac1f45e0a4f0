"""Standard errors of any functional of a sample, by its influence function."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

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
