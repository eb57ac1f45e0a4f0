"""Expected shortfall: the mean of the worst outcomes."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.numerics.checks import between
from deephedge.risk.base import AbstractThresholdMeasure, uniform
from deephedge.typing import Array, Float, Scalar


class ExpectedShortfall(AbstractThresholdMeasure):
    r"""The mean of the worst `tail` share of losses (CVaR at confidence 1 - `tail`).

    $$\rho(X) = \frac{1}{\tau}\int_0^\tau F^{-1}_{-X}(1 - u)\,du
    = \min_w \Bigl\{w + \frac{1}{\tau} E(-X - w)^+\Bigr\}$$

    with `tail` $\tau$. Exact for any weights: the path on the edge of the tail counts with the
    share of it that lies inside. On a small sample the estimate is too low on average.

    Reference: Rockafellar and Uryasev (2002), Conditional value-at-risk for general loss
    distributions, proposition 8.
    """

    tail: Scalar = eqx.field(converter=between("tail", 0.0, 1.0))

    def __call__(
        self, pnl: Float[Array, " path"], weights: Float[Array, " path"] | None = None
    ) -> Scalar:
        weights = uniform(pnl, weights)
        worst_first = jnp.argsort(pnl)
        losses, share = -pnl[worst_first], weights[worst_first]
        worse = jnp.cumsum(share) - share
        # Differentiated in `weights`, this clip gives (loss - quantile)^+ / tail up to a
        # constant, which is the influence function; in `pnl`, the share of each path.
        inside = jnp.minimum(jnp.maximum(self.tail - worse, 0.0), share)
        return jnp.sum(inside * losses) / self.tail

    def threshold(
        self, pnl: Float[Array, " path"], weights: Float[Array, " path"] | None = None
    ) -> Scalar:
        """Value at risk: the loss that is exceeded with a probability of `tail` at most."""
        worst_first = jnp.argsort(pnl)
        reached = jnp.cumsum(uniform(pnl, weights)[worst_first])
        edge = jnp.minimum(jnp.searchsorted(reached, self.tail), pnl.shape[0] - 1)
        return -pnl[worst_first[edge]]

    def at(
        self,
        threshold: Scalar,
        pnl: Float[Array, " path"],
        weights: Float[Array, " path"] | None = None,
    ) -> Scalar:
        beyond = jnp.maximum(-pnl - threshold, 0.0)
        return threshold + jnp.sum(uniform(pnl, weights) * beyond) / self.tail

    @classmethod
    def example(cls) -> "ExpectedShortfall":
        """A typical member, for tests and documentation."""
        return cls(tail=0.05)
