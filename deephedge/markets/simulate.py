"""A batch of paths, to look at, to standardise features by, or to replay."""

import equinox as eqx
import jax
import jax.numpy as jnp

from deephedge.markets.base import AbstractMarket, Path
from deephedge.numerics.checks import at_least_one, refuse_no_key
from deephedge.numerics.draws import AbstractSource, Draws, pseudo
from deephedge.typing import Array, Float, PRNGKeyArray


def simulate(
    market: AbstractMarket,
    times: Float[Array, " time"],
    n_paths: int,
    *,
    key: PRNGKeyArray,
    draws: Draws = pseudo,
) -> Path:
    """`n_paths` paths in memory at once, with a leading path axis on every field."""
    at_least_one(n_paths=n_paths)
    refuse_no_key(key)
    n_steps = times.shape[0] - 1
    source = draws(key, n_paths, n_steps, market.normals_per_step, times.dtype)
    return _simulate(market, times, source, n_paths)


@eqx.filter_jit
def _simulate(
    market: AbstractMarket, times: Float[Array, " time"], source: AbstractSource, n_paths: int
) -> Path:
    return jax.vmap(lambda i: market.path(times, source(i)))(jnp.arange(n_paths))
