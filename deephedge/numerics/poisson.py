"""Poisson counts from standard normals."""

import jax.numpy as jnp

from deephedge.numerics import normal
from deephedge.typing import Array, Float

MOST_EVENTS = 64
"""Events that one step can hold."""

MOST_EXPECTED = 31.0
"""Expected events of a step, at most: the chance of more than `MOST_EVENTS` is 1.4e-7."""


def poisson(mean: Float[Array, " step"], z: Float[Array, " step"]) -> Float[Array, " step"]:
    """Poisson counts by the inverse distribution function: how many partial sums U exceeds.

    Not a number where more than `MOST_EXPECTED` events are expected: take smaller steps.
    """
    orders = jnp.arange(1, MOST_EVENTS, dtype=mean.dtype)
    ratios = jnp.cumprod(mean[:, None] / orders[None, :], axis=1)
    terms = jnp.concatenate([jnp.ones_like(mean)[:, None], ratios], axis=1)
    distribution = jnp.exp(-mean)[:, None] * jnp.cumsum(terms, axis=1)
    exceeded = normal.cdf(z)[:, None] > distribution
    counts = jnp.sum(exceeded.astype(mean.dtype), axis=1)
    return jnp.where(mean <= MOST_EXPECTED, counts, jnp.nan)
