"""Half of a bid-ask spread quoted in basis points."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.costs.base import AbstractCost
from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import non_negative, per_asset
from deephedge.typing import Array, Float, Scalar


class HalfSpread(AbstractCost):
    r"""Every trade pays half the spread: $\sum_j 10^{-4} b_j |n_j| S_j$.

    `basis_points` $b$ is the distance from the mid price to the bid or the ask, that is half of
    the spread, in basis points of the mid price; a single number or one per asset.
    """

    basis_points: Float[Array, " asset"] = eqx.field(
        converter=per_asset(non_negative("basis_points"))
    )

    def __call__(self, trade: Float[Array, " asset"], now: Snapshot) -> Scalar:
        value = jnp.abs(trade) * now.prices
        return jnp.sum(jnp.broadcast_to(1e-4 * self.basis_points, value.shape) * value)

    @classmethod
    def example(cls) -> "HalfSpread":
        """A typical member, for tests and documentation."""
        return cls(basis_points=5.0)
