"""Functions whose value *and slope* stay finite where the textbook ones have a pole.

Each uses the "double where": the argument is replaced by a harmless one before the singular
function sees it, because the derivative of an unselected branch still multiplies by zero, and
zero times infinity is not a number.
"""

import jax.numpy as jnp

from deephedge.typing import Array


def sqrt(x: Array) -> Array:
    """Square root of max(x, 0), with slope 0 instead of infinity at and below 0."""
    positive = x > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, x, 1.0)), 0.0)


def least(x: Array) -> float:
    """A number far below every price, by its type; in float64 its inverse cubed is no overflow."""
    return 1e-90 if x.dtype == jnp.float64 else 1e-30


def log(x: Array, floor: float | None = None) -> Array:
    """Natural logarithm of max(x, floor), with slope 0 below the floor; `least` if none given."""
    floor = least(x) if floor is None else floor
    inside = x > floor
    return jnp.where(inside, jnp.log(jnp.where(inside, x, 1.0)), jnp.log(jnp.full_like(x, floor)))


def divide(a: Array, b: Array, otherwise: float = 0.0) -> Array:
    """The ratio a / b, and the constant `otherwise` where b = 0."""
    nonzero = b != 0
    return jnp.where(nonzero, a / jnp.where(nonzero, b, 1.0), otherwise)


def power(x: Array, exponent: float | Array) -> Array:
    """max(x, 0) ** exponent, with slope 0 at and below 0 also for exponents under 1."""
    positive = x > 0
    return jnp.where(positive, jnp.where(positive, x, 1.0) ** exponent, 0.0)
