"""Half of a bid-ask spread quoted in cash."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.costs.base import AbstractCost
from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import non_negative, per_asset
from deephedge.typing import Array, Float, Scalar


class CashSpread(AbstractCost):
    r"""Every trade pays half the spread: $\sum_j s_j |n_j|$, whatever the price.

    `half_spread` $s$ is the distance from the mid price to the bid or the ask, in currency per
    unit, as a tick is; a single number or one per asset.

    Reference: Roll (1984), A simple implicit measure of the effective bid-ask spread.
    """

    half_spread: Float[Array, " asset"] = eqx.field(
        converter=per_asset(non_negative("half_spread"))
    )

    def __call__(self, trade: Float[Array, " asset"], now: Snapshot) -> Scalar:
        return jnp.sum(jnp.broadcast_to(self.half_spread, trade.shape) * jnp.abs(trade))

    @classmethod
    def example(cls) -> "CashSpread":
        """A typical member, for tests and documentation."""
        return cls(half_spread=0.01)
