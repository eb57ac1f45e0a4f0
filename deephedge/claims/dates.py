"""What path-dependent claims remember: a value at a date, a first passage, ends of periods."""

import jax.numpy as jnp

from deephedge.claims.base import carried
from deephedge.markets.base import Path
from deephedge.typing import Array, Bool, Float, Scalar

_NEARLY = 1e-5
"""Dates this close, as a share of the period they end, are one date: float32 times are rounded."""


def fixing(
    path: Path, memory: Float[Array, ""] | None, values: Float[Array, " time"], date: Scalar
) -> Float[Array, " time"]:
    """0 before `date`, then the value at the path's first date on or after it.

    `memory` is the fixing as of the path's first date on a path in mid-life, else `None`.
    """
    past = on_or_after(path, date)
    start = jnp.where(past[0], values[0], 0.0) if memory is None else memory
    fixed = jnp.where(past[1:] & ~past[:-1], values[1:], 0.0)
    return jnp.cumsum(jnp.concatenate([start[None], fixed]))


def on_or_after(path: Path, date: Scalar) -> Bool[Array, " time"]:
    """Whether a date of the path is `date` or later."""
    return path.time >= date * (1.0 - _NEARLY)


def at_end(path: Path, level: Scalar) -> Float[Array, " time"]:
    """A level of the last date alone, for `AbstractClaim.jumps`: infinite before."""
    return jnp.full_like(path.time, jnp.inf).at[-1].set(level)


def discount_at_hit(path: Path, reached: Bool[Array, " time"]) -> Float[Array, "time progress"]:
    """0 until `reached` is first true, then the discount factor of that date."""
    start = carried(path, jnp.where(reached[:1], path.discount[:1], 0.0))
    ever = jnp.cumsum(reached) > 0
    first = reached[1:] & ~ever[:-1] & (start == 0)
    hit = jnp.where(first, path.discount[1:], 0.0)
    return jnp.cumsum(jnp.concatenate([start, hit]))[:, None]


def period_ends(path: Path, period: Scalar) -> Bool[Array, " time"]:
    """True at the path's first date on or after each multiple of `period`, its first row aside."""
    count = jnp.floor(path.time / period + _NEARLY)
    return jnp.concatenate([jnp.zeros(1, bool), count[1:] > count[:-1]])
