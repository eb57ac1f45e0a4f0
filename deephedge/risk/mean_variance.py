"""Mean and variance, in one number."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.numerics.checks import non_negative
from deephedge.risk.base import AbstractCashInvariantMeasure, uniform
from deephedge.typing import Array, Float, Scalar


class MeanVariance(AbstractCashInvariantMeasure):
    r"""Expected loss plus a price on variance: $-E X + \tfrac{a}{2}\operatorname{Var} X$.

    `aversion` $a$ is per unit of currency. Not monotone: a large gain adds variance.

    Reference: Markowitz (1952); Föllmer and Schied (2016), section 4.1, for what it violates.
    """

    aversion: Scalar = eqx.field(converter=non_negative("aversion"))

    def __call__(
        self, pnl: Float[Array, " path"], weights: Float[Array, " path"] | None = None
    ) -> Scalar:
        weights = uniform(pnl, weights)
        mean = jnp.sum(weights * pnl)
        variance = jnp.sum(weights * (pnl - mean) ** 2)
        return 0.5 * self.aversion * variance - mean

    @classmethod
    def example(cls) -> "MeanVariance":
        """A typical member, for tests and documentation."""
        return cls(aversion=0.5)
