"""Where a model's parameters may lie, and a smooth way to move them over the whole real line."""

import dataclasses
import math

import jax
import jax.numpy as jnp

from deephedge.markets.base import AbstractMarket
from deephedge.typing import Array

NOT_FITTED = (
    *("spot", "rate", "dividend", "drift", "reference"),
    *("curve_times", "maturities", "log_moneyness", "regime"),
)
"""What quotes state themselves or say nothing of, dates and prices of a curve, and a count."""

_LOWS = (-math.inf, -1.0, 0.0, 1.0)
_HIGHS = (math.inf, 2.0, 1.0, 0.5)

# So that a parameter on its way to a bound stays inside in float32 too.
_LEAST, _MOST = 1e-30, 1.0 - 1e-6

AT_THE_END = 1e-5
"""A parameter this near to an end of its domain has run into it."""

# Beyond these points of the real line the maps have next to no slope.
_FLAT_BELOW, _FLAT = -14.0, 7.0


@dataclasses.dataclass(frozen=True)
class Domain:
    r"""An open interval, and its bijection from the real line.

    $x$ itself on the line; $a + \log(1 + e^x)$ above a; $a + (b - a)\,(1 + \tanh x)/2$ between,
    a millionth of the interval away from its ends.
    """

    low: float
    high: float

    def value(self, x: Array) -> Array:
        """The point of the interval that belongs to `x`."""
        if math.isinf(self.low):
            return x
        if math.isinf(self.high):
            return self.low + (jax.nn.softplus(x) + _LEAST)
        return self.low + 0.5 * (self.high - self.low) * (1.0 + _MOST * jnp.tanh(x))

    def unbounded(self, value: Array) -> Array:
        """The inverse of `value`."""
        if math.isinf(self.low):
            return value
        above = value - self.low
        if math.isinf(self.high):
            above = jnp.maximum(above - _LEAST, _LEAST)
            return above + jnp.log(-jnp.expm1(-above))
        return jnp.arctanh((2.0 * above / (self.high - self.low) - 1.0) / _MOST)

    def steep(self, x: Array) -> Array:
        """`x` itself, or the nearest point at which `value` still has a slope."""
        if math.isinf(self.low):
            return x
        if math.isinf(self.high):
            return jnp.maximum(x, _FLAT_BELOW)
        return jnp.clip(x, -_FLAT, _FLAT)

    def __contains__(self, value: float) -> bool:
        return self.low < value < self.high


def domains(model: AbstractMarket) -> dict[str, Domain]:
    """The parameters of a model that can be fitted: its numbers and arrays, with their domains.

    A domain is read off what the field's converter accepts, so a new model need not state it twice.
    """
    found = {field.name: _domain(model, field) for field in dataclasses.fields(model)}
    return {
        name: domain
        for name, domain in found.items()
        if domain is not None and name not in NOT_FITTED
    }


def _domain(model: AbstractMarket, field: dataclasses.Field) -> Domain | None:
    value, convert = vars(model)[field.name], field.metadata.get("converter")
    if convert is None or not isinstance(value, jax.Array) or not value.size:
        return None

    def accepts(x: float) -> bool:
        try:
            convert(x)
        except ValueError:
            return False
        return True

    step = 1e-4
    lows = (low for low in _LOWS if accepts(max(low + step, -1e6)))
    highs = (high for high in _HIGHS if accepts(min(high - step, 1e6)))
    low, high = next(lows, None), next(highs, None)
    return None if low is None or high is None else Domain(low, high)
