"""Mean and standard deviation, in one number."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.numerics import safe
from deephedge.numerics.checks import non_negative
from deephedge.risk.base import AbstractCashInvariantMeasure, uniform
from deephedge.typing import Array, Float, Scalar


class MeanStandardDeviation(AbstractCashInvariantMeasure):
    r"""Expected loss plus standard deviations: $-E X + a \operatorname{Std} X$.

    `aversion` $a$ is a pure number: twice the position has twice the risk. Not monotone: a large
    gain adds deviation. The slope of a P&L without any is that of its mean.

    Reference: Cao, Chen, Hull and Poulos (2021), Deep hedging of derivatives using reinforcement
    learning, section 2, with a = 1.5.
    """

    aversion: Scalar = eqx.field(converter=non_negative("aversion"))

    def __call__(
        self, pnl: Float[Array, " path"], weights: Float[Array, " path"] | None = None
    ) -> Scalar:
        weights = uniform(pnl, weights)
        mean = jnp.sum(weights * pnl)
        return self.aversion * safe.sqrt(jnp.sum(weights * (pnl - mean) ** 2)) - mean

    @classmethod
    def example(cls) -> "MeanStandardDeviation":
        """A typical member, for tests and documentation."""
        return cls(aversion=1.5)
