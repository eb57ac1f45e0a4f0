"""Temporary price impact that is linear in the trade."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.costs.base import AbstractCost
from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import non_negative, per_asset
from deephedge.typing import Array, Float, Scalar


class QuadraticImpact(AbstractCost):
    r"""Buying $n_j$ units moves the price paid by $k_j n_j S_j$: $\sum_j k_j n_j^2 S_j$.

    `coefficient` $k$ is relative to the price, per unit traded; a single number or one per
    asset. The price recovers at once: later prices are not moved.

    Reference: Almgren and Chriss (2001), temporary impact; Gârleanu and Pedersen (2013).
    """

    coefficient: Float[Array, " asset"] = eqx.field(
        converter=per_asset(non_negative("coefficient"))
    )

    def __call__(self, trade: Float[Array, " asset"], now: Snapshot) -> Scalar:
        coefficient = jnp.broadcast_to(self.coefficient, trade.shape)
        return jnp.sum(coefficient * trade**2 * now.prices)

    @classmethod
    def example(cls) -> "QuadraticImpact":
        """A typical member, for tests and documentation."""
        return cls(coefficient=0.002)
