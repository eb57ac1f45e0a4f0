"""Trade only at every n-th date."""

import equinox as eqx
import jax
import jax.numpy as jnp

from deephedge.markets.base import Snapshot
from deephedge.policies.base import AbstractPolicy, Account
from deephedge.policies.classical.delta import DeltaHedge
from deephedge.typing import Array, Float, Int, PyTree


def _at_least_one(value: object) -> Int[Array, ""]:
    if isinstance(value, jax.Array):
        return value
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"`every` must be a whole number of at least 1, got {value!r}.")
    return jnp.asarray(value, jnp.int32)


class RebalanceEvery(AbstractPolicy):
    """Ask the wrapped policy at dates 0, n, 2n, ... and stand still in between."""

    policy: AbstractPolicy
    every: Int[Array, ""] = eqx.field(converter=_at_least_one)

    def init(self) -> PyTree:
        return jnp.asarray(0, jnp.int32), self.policy.init()

    def observe(self, now: Snapshot) -> PyTree:
        return self.policy.observe(now)

    def act(
        self, seen: PyTree, account: Account, memory: PyTree
    ) -> tuple[Float[Array, " asset"], PyTree]:
        count, inner = memory
        due = count % self.every == 0
        wanted, updated = self.policy.act(seen, account, inner)
        holdings = jnp.where(due, wanted, account.holdings)
        kept = jax.tree.map(lambda new, old: jnp.where(due, new, old), updated, inner)
        return holdings, (count + 1, kept)

    @classmethod
    def example(cls) -> "RebalanceEvery":
        """A typical member, for tests and documentation."""
        return cls(DeltaHedge.example(), every=5)
