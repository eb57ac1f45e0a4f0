"""Hold more around announcements that are known in advance."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import non_negative, per_asset, real
from deephedge.policies.base import AbstractPolicy, Account
from deephedge.policies.classical.delta import DeltaHedge
from deephedge.typing import Array, Float, PyTree, Scalar


class ScheduledEvents(AbstractPolicy):
    r"""The wrapped policy's holdings, times `factor` on dates in $[\text{start}_i, \text{end}_i]$.

    `starts` and `ends` (years) bound each event, both dates included: the hedge ratio is raised
    ahead of it and released after. A factor below 1 lowers it.
    """

    policy: AbstractPolicy
    starts: Float[Array, " event"] = eqx.field(converter=per_asset(real("starts")))
    ends: Float[Array, " event"] = eqx.field(converter=per_asset(real("ends")))
    factor: Scalar = eqx.field(converter=non_negative("factor"))

    def __check_init__(self):
        if self.starts.shape != self.ends.shape:
            raise ValueError(
                f"`ends` must have one date for each of the {self.starts.shape[0]} starts, "
                f"got {self.ends.shape[0]}."
            )

    def init(self) -> PyTree:
        return self.policy.init()

    def observe(self, now: Snapshot) -> tuple[Scalar, PyTree]:
        during = jnp.any((self.starts <= now.time) & (now.time <= self.ends))
        return jnp.where(during, self.factor, 1.0), self.policy.observe(now)

    def act(
        self, seen: tuple[Scalar, PyTree], account: Account, memory: PyTree
    ) -> tuple[Float[Array, " asset"], PyTree]:
        factor, inner = seen
        wanted, memory = self.policy.act(inner, account, memory)
        return factor * wanted, memory

    @classmethod
    def example(cls) -> "ScheduledEvents":
        """A typical member, for tests and documentation."""
        return cls(DeltaHedge.example(), starts=[0.1], ends=[0.15], factor=1.2)
