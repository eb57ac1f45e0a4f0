"""Costs in proportion to the value traded."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.costs.base import AbstractCost
from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import per_asset, share
from deephedge.typing import Array, Float, Scalar


class ProportionalCost(AbstractCost):
    r"""A share of the value traded: $\sum_j \varepsilon_j |n_j| S_j$.

    `rate` $\varepsilon$ is one-way, a single number or one per asset.
    """

    rate: Float[Array, " asset"] = eqx.field(converter=per_asset(share("rate")))

    def __call__(self, trade: Float[Array, " asset"], now: Snapshot) -> Scalar:
        value = jnp.abs(trade) * now.prices
        return jnp.sum(jnp.broadcast_to(self.rate, value.shape) * value)

    @classmethod
    def example(cls) -> "ProportionalCost":
        """A typical member, for tests and documentation."""
        return cls(rate=0.001)
