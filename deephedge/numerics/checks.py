"""Field converters: bad input is refused once, where an object is built, in one clear line.

Each returns a function for `eqx.field(converter=...)` that turns a number into a JAX array of a
fixed float dtype (a weakly typed scalar would recompile what a strong one does not) and checks it.
Values traced by `jit`, `grad` or `vmap` carry no number to look at and pass unchecked: checking
them at run time would put a host callback inside every scan that builds a pricer.
"""

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from deephedge.typing import Array

Converter = Callable[[object], Array]
Kind = TypeVar("Kind")


def as_array(name: str, value: object) -> Array:
    """`value` as a float array of fixed dtype, or a `ValueError` naming the field."""
    if isinstance(value, Tracer):
        return value if jnp.issubdtype(value.dtype, jnp.inexact) else value.astype(float)
    if isinstance(value, bool | str | bytes) or value is None:
        raise ValueError(f"`{name}` must be a number, got {value!r}.")
    if isinstance(value, jax.Array | np.ndarray | np.generic) and jnp.issubdtype(
        value.dtype, jnp.floating
    ):
        return jnp.asarray(value, dtype=jax.dtypes.canonicalize_dtype(value.dtype))
    try:
        return jnp.asarray(np.asarray(value, dtype=float), dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"`{name}` must be a number, got {value!r}.") from None


def _checked(name: str, rule: str, holds: Callable[[np.ndarray], np.ndarray]) -> Converter:
    def convert(value: object) -> Array:
        array = as_array(name, value)
        if not isinstance(array, Tracer):
            got = np.asarray(array)
            if not np.all(holds(got)):
                shown = " ".join(str(got).split())  # a matrix in one line
                raise ValueError(f"`{name}` must be {rule}, got {shown}.")
        return array

    return convert


def real(name: str) -> Converter:
    """Any finite number."""
    return _checked(name, "finite", np.isfinite)


def positive(name: str) -> Converter:
    """A finite number above zero."""
    return _checked(name, "positive", lambda x: np.isfinite(x) & (x > 0))


def non_negative(name: str) -> Converter:
    """A finite number of zero or more."""
    return _checked(name, "zero or positive", lambda x: np.isfinite(x) & (x >= 0))


def bound(name: str) -> Converter:
    """A limit: a number of zero or more, infinite for none."""
    return _checked(name, "zero, positive or infinite", lambda x: x >= 0)


def between(name: str, low: float, high: float) -> Converter:
    """A number strictly between `low` and `high`."""
    return _checked(name, f"between {low:g} and {high:g}", lambda x: (x > low) & (x < high))


def share(name: str) -> Converter:
    """A share of something: zero or more, and less than the whole."""
    rule = "zero or positive and below 1, as a share (5 basis points are 0.0005, 1 % is 0.01)"
    return _checked(name, rule, lambda x: (x >= 0) & (x < 1))


def refuse_other(name: str, value: object, kind: type | tuple[type, ...], example: str) -> None:
    """Refuse what is of another kind: a class for an object, swapped arguments, a bare number."""
    if not isinstance(value, kind):
        got = f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__
        raise TypeError(f"`{name}` must be like `{example}`, got {got}.")


def of_kind(name: str, kind: type[Kind], example: str) -> Callable[[Kind], Kind]:
    """A field converter that changes nothing, and refuses what is of another kind."""

    def convert(value: Kind) -> Kind:
        refuse_other(name, value, kind, example)
        return value

    return convert


def refuse_no_key(key: object) -> None:
    """Refuse a number where a random key is asked for."""
    refuse_other("key", key, (jax.Array, np.ndarray), "jax.random.key(0)")


def at_least_one(**counts: int) -> None:
    """Refuse a number of paths, steps, terms ... below 1, or not whole."""
    for name, count in counts.items():
        if isinstance(count, float):
            raise ValueError(f"`{name}` must be a whole number of at least 1, got {count}.")
        if count < 1:
            raise ValueError(f"`{name}` must be at least 1, got {count}.")


def optional(converter: Converter) -> Callable[[object], Array | None]:
    """The same converter, which lets `None` through."""
    return lambda value: None if value is None else converter(value)


def per_asset(converter: Converter) -> Converter:
    """The same converter for a value per asset: a single number becomes an array of one."""
    return lambda value: jnp.atleast_1d(converter(value))


def one_or_more(
    name: str, kind: type[Kind], *, what: str, example: str
) -> Callable[[object], tuple[Kind, ...]]:
    """Objects of a kind, one or a row of them, as a tuple; `what` and `example` are for errors."""

    def convert(value: object) -> tuple[Kind, ...]:
        several = tuple(value) if isinstance(value, tuple | list) else (value,)
        found = tuple(x for x in several if isinstance(x, kind))
        if not found or len(found) < len(several):
            raise ValueError(
                f"`{name}` must be one or more {what}, got "
                f"{[type(x).__name__ for x in several]}; pass `{name}=[{example}]`."
            )
        return found

    return convert


def correlation(name: str) -> Converter:
    """A symmetric positive definite matrix with a unit diagonal."""

    def convert(value: object) -> Array:
        array = as_array(name, value)
        if isinstance(array, Tracer):
            return array
        got = np.asarray(array)
        if got.ndim != 2 or got.shape[0] != got.shape[1]:
            raise ValueError(f"`{name}` must be a square matrix, got shape {got.shape}.")
        unit = np.allclose(np.diag(got), 1.0) and np.allclose(got, got.T)
        if not unit or np.linalg.eigvalsh(got)[0] <= 0:
            raise ValueError(
                f"`{name}` must be symmetric and positive definite with a unit diagonal, "
                f"got {got.tolist()}."
            )
        return array

    return convert
