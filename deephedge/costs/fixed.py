"""A fee per trade, whatever its size."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.costs.base import AbstractCost
from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import non_negative, per_asset
from deephedge.typing import Array, Float, Scalar


class FixedCost(AbstractCost):
    r"""A fee for each asset traded: $\sum_j f_j\,1\{n_j \ne 0\}$.

    `fee` $f$ is in currency, a single number or one per asset. Its slope in the trade is zero
    everywhere: training does not see that a smaller number of trades would be cheaper.
    """

    fee: Float[Array, " asset"] = eqx.field(converter=per_asset(non_negative("fee")))

    def __call__(self, trade: Float[Array, " asset"], now: Snapshot) -> Scalar:
        return jnp.sum(jnp.where(trade != 0, jnp.broadcast_to(self.fee, trade.shape), 0.0))

    @classmethod
    def example(cls) -> "FixedCost":
        """A typical member, for tests and documentation."""
        return cls(fee=0.02)
