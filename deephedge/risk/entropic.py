"""The entropic risk measure: exponential utility in units of cash."""

import equinox as eqx
from jax.scipy.special import logsumexp

from deephedge.numerics.checks import positive
from deephedge.risk.base import AbstractCashInvariantMeasure, uniform
from deephedge.typing import Array, Float, Scalar


class Entropic(AbstractCashInvariantMeasure):
    r"""The certainty equivalent loss under exponential utility.

    $$\rho(X) = \frac{1}{a} \log E\, e^{-aX}$$

    with `aversion` $a$ per unit of currency. Computed by log-sum-exp.

    Reference: Föllmer and Schied (2016), Stochastic Finance, example 4.13.
    """

    aversion: Scalar = eqx.field(converter=positive("aversion"))

    def __call__(
        self, pnl: Float[Array, " path"], weights: Float[Array, " path"] | None = None
    ) -> Scalar:
        weights = uniform(pnl, weights)
        return logsumexp(-self.aversion * pnl, b=weights) / self.aversion

    @classmethod
    def example(cls) -> "Entropic":
        """A typical member, for tests and documentation."""
        return cls(aversion=0.5)
