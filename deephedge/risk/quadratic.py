"""The mean square of the hedging error."""

import jax.numpy as jnp

from deephedge.risk.base import AbstractRiskMeasure, uniform
from deephedge.typing import Array, Float, Scalar


class Quadratic(AbstractRiskMeasure):
    r"""The mean square $E X^2$, in currency squared: gains count as badly as losses.

    Neither monotone nor cash-invariant: it asks for replication, not for profit.

    Reference: Schweizer (1995), Variance-optimal hedging in discrete time.
    """

    def __call__(
        self, pnl: Float[Array, " path"], weights: Float[Array, " path"] | None = None
    ) -> Scalar:
        return jnp.sum(uniform(pnl, weights) * pnl**2)

    @classmethod
    def example(cls) -> "Quadratic":
        """A typical member, for tests and documentation."""
        return cls()
