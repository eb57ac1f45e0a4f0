"""Two ways to an error: influence functions of fresh paths, resamples of recorded ones."""

import dataclasses
from abc import ABC, abstractmethod
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax

from deephedge.numerics.statistics import Functional, influence, standard_error
from deephedge.typing import Array, Float

_NORMAL_95 = 1.959964
_BATCH = 64


class Measured(NamedTuple):
    """A value, and what its error is made from: influence values, or values of the resamples."""

    value: float
    spread: Array


class Numbers(NamedTuple):
    """A value and its paired difference, each with its error."""

    value: float
    standard_error: float
    difference: float
    difference_error: float
    difference_low: float
    difference_high: float


class Errors(ABC):
    """A way to errors."""

    words: str

    @abstractmethod
    def measured(self, functional: Functional, values: Float[Array, " path"]) -> Measured:
        """The functional of equally weighted values, with its spread."""

    @abstractmethod
    def standard_error(self, spread: Array) -> float:
        """One standard error of what has this spread; a spread is linear in its parts."""

    @abstractmethod
    def paired(self, policy: Measured, baseline: Measured) -> Numbers:
        """Errors of a policy's number and of its difference from the baseline's."""


@dataclasses.dataclass(frozen=True)
class _InfluenceErrors(Errors):
    groups: int
    words: str

    def measured(self, functional: Functional, values: Float[Array, " path"]) -> Measured:
        value, spread = _value_and_influence(functional, values)
        return Measured(float(value), spread)

    def standard_error(self, spread: Array) -> float:
        return float(standard_error(spread, self.groups))

    def paired(self, policy: Measured, baseline: Measured) -> Numbers:
        own = self.standard_error(policy.spread)
        error = self.standard_error(policy.spread - baseline.spread)
        difference = policy.value - baseline.value
        half = _NORMAL_95 * error
        return Numbers(policy.value, own, difference, error, difference - half, difference + half)


@dataclasses.dataclass(frozen=True)
class _BootstrapErrors(Errors):
    weights: Array
    words: str

    def measured(self, functional: Functional, values: Float[Array, " path"]) -> Measured:
        value, spread = _value_and_resamples(functional, values, self.weights)
        return Measured(float(value), spread)

    def standard_error(self, spread: Array) -> float:
        return float(np.std(np.asarray(spread), ddof=1))

    def paired(self, policy: Measured, baseline: Measured) -> Numbers:
        differences = policy.spread - baseline.spread
        low, high = np.quantile(np.asarray(differences), [0.025, 0.975])
        return Numbers(
            policy.value,
            self.standard_error(policy.spread),
            policy.value - baseline.value,
            self.standard_error(differences),
            float(low),
            float(high),
        )


def influence_errors(groups: int = 1) -> Errors:
    """For paths drawn independently, or in independent groups of so many."""
    pairs = ", averaged over antithetic pairs" if groups == 2 else ""
    words = (
        f"± is one standard error, from influence functions{pairs}; "
        "intervals are of the paired difference, 95 % normal."
    )
    return _InfluenceErrors(groups, words)


def bootstrap_errors(weights: Float[Array, "resample path"]) -> Errors:
    """For recorded paths, from the shares of each path in each resample."""
    words = (
        f"± is one standard error over {weights.shape[0]:,} block-bootstrap resamples; "
        "intervals are of the paired difference, 95 % percentile."
    )
    return _BootstrapErrors(weights, words)


@eqx.filter_jit
def _value_and_influence(functional: Functional, values: Array) -> tuple[Array, Array]:
    return functional(values, jnp.full_like(values, 1.0 / values.shape[0])), influence(
        functional, values
    )


@eqx.filter_jit
def _value_and_resamples(
    functional: Functional, values: Array, weights: Array
) -> tuple[Array, Array]:
    weights = weights.astype(values.dtype)
    resamples = lax.map(
        lambda w: functional(values, w), weights, batch_size=min(_BATCH, weights.shape[0])
    )
    return functional(values, jnp.full_like(values, 1.0 / values.shape[0])), resamples
