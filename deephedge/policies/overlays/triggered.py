"""What the overlays that rebalance on a trigger share."""

from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp

from deephedge.markets.base import Snapshot
from deephedge.policies.base import AbstractPolicy, Account
from deephedge.typing import Array, Bool, Float, PyTree


class AbstractTriggered(AbstractPolicy):
    """Does what the wrapped policy asks when a trigger says so, and stands still in between.

    The first date always trades. The wrapped policy's memory moves on at every date, so that a
    rule that counts dates or filters returns sees them all.
    """

    policy: eqx.AbstractVar[AbstractPolicy]

    @abstractmethod
    def begin(self) -> PyTree:
        """What the trigger remembers before the first date."""

    @abstractmethod
    def look(self, now: Snapshot) -> PyTree:
        """What the trigger makes of the snapshot alone."""

    @abstractmethod
    def due(
        self,
        seen: PyTree,
        wanted: Float[Array, " asset"],
        held: Float[Array, " asset"],
        memory: PyTree,
    ) -> tuple[Bool[Array, ""], PyTree, PyTree]:
        """Whether to trade, and the trigger's memory if it does and if it does not."""

    def init(self) -> tuple[Bool[Array, ""], PyTree, PyTree]:
        return jnp.asarray(False), self.begin(), self.policy.init()

    def observe(self, now: Snapshot) -> tuple[PyTree, PyTree]:
        return self.look(now), self.policy.observe(now)

    def act(
        self, seen: tuple[PyTree, PyTree], account: Account, memory: PyTree
    ) -> tuple[Float[Array, " asset"], PyTree]:
        begun, own, inner = memory
        wanted, inner = self.policy.act(seen[1], account, inner)
        due, traded, waited = self.due(seen[0], wanted, account.holdings, own)
        due = due | ~begun
        own = jax.tree.map(lambda a, b: jnp.where(due, a, b), traded, waited)
        return jnp.where(due, wanted, account.holdings), (jnp.asarray(True), own, inner)
