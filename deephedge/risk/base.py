"""What a risk measure is."""

from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deephedge.numerics.checks import refuse_other
from deephedge.typing import Array, Float, Scalar


class AbstractRiskMeasure(eqx.Module):
    """The capital that makes a random P&L acceptable: one number, less is better.

    A measure is a function of the *weighted* empirical law of the P&L. Equal weights are the
    default; the derivative with respect to the weights is the influence function, from which
    every standard error in this library comes (`numerics.statistics.influence`).
    """

    @abstractmethod
    def __call__(
        self, pnl: Float[Array, " path"], weights: Float[Array, " path"] | None = None
    ) -> Scalar:
        """Risk of the P&L sample `pnl`; `weights` are probabilities (they add up to 1)."""


class AbstractCashInvariantMeasure(AbstractRiskMeasure):
    r"""A measure in units of cash: $\rho(X + c) = \rho(X) - c$ for every amount $c$."""


class AbstractThresholdMeasure(AbstractCashInvariantMeasure):
    r"""A measure that is the least of a mean over one number: $\rho(X) = \min_w E f(X, w)$.

    At any threshold $w$ the mean is an upper bound, and an average over paths estimates it without
    bias, however few they are; the measure of a small sample is too low on average, because each
    sample chooses its own $w$. Trained beside a network, $w$ makes the two meet.

    Reference: Rockafellar and Uryasev (2000), theorem 1; Ben-Tal and Teboulle (2007), section 2.
    """

    @abstractmethod
    def threshold(
        self, pnl: Float[Array, " path"], weights: Float[Array, " path"] | None = None
    ) -> Scalar:
        """The least point: cash, such as the loss that is exceeded in the tail."""

    @abstractmethod
    def at(
        self,
        threshold: Scalar,
        pnl: Float[Array, " path"],
        weights: Float[Array, " path"] | None = None,
    ) -> Scalar:
        """The mean at a given threshold: a smooth bound on the risk from above."""


def uniform(pnl: Float[Array, " path"], weights: Float[Array, " path"] | None) -> Array:
    """`weights`, or equal ones where there are none."""
    refuse_other("pnl", pnl, (jax.Array, np.ndarray), "ledger.pnl")
    return jnp.full_like(pnl, 1.0 / pnl.shape[0]) if weights is None else weights
