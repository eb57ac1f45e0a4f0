"""Buy once and hold."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import per_asset, real
from deephedge.policies.base import AbstractTargetPolicy
from deephedge.typing import Array, Float


class StaticHedge(AbstractTargetPolicy):
    """Hold `units` of each asset from the first date to the last."""

    units: Float[Array, " asset"] = eqx.field(converter=per_asset(real("units")))

    def observe(self, now: Snapshot) -> Float[Array, " asset"]:
        return jnp.broadcast_to(self.units, now.prices.shape)

    @classmethod
    def example(cls) -> "StaticHedge":
        """A typical member, for tests and documentation."""
        return cls(units=0.5)
