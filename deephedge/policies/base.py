"""What a policy is: a rule that sees the present and its own account, never the future."""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp

from deephedge.markets.base import Snapshot
from deephedge.typing import Array, Float, PyTree, Scalar


class Account(eqx.Module):
    """What the hedger owns before trading at a date."""

    holdings: Float[Array, " asset"]
    """Units of each asset."""
    wealth: Scalar
    """Premium + gains - costs so far, in today's money."""


class AbstractPolicy(eqx.Module):
    """A hedging rule. It is never given a path: looking ahead is impossible by type.

    What it remembers beyond the account goes through `memory`, a pytree of arrays that keeps its
    shapes; a rule without memory returns `None`.
    """

    @abstractmethod
    def init(self) -> PyTree:
        """The memory before the first date."""

    @abstractmethod
    def step(
        self, now: Snapshot, account: Account, memory: PyTree
    ) -> tuple[Float[Array, " asset"], PyTree]:
        """Units of each asset to hold from `now` until the next date, and the new memory."""


class AbstractTrainablePolicy(AbstractPolicy):
    """A policy with a part that training changes.

    Only the floating-point arrays inside `network` are trained: strikes and volatilities are
    arrays too, and a blanket filter would train them.
    """

    network: eqx.AbstractVar[PyTree]


class AbstractBandPolicy(AbstractPolicy):
    """A policy that trades only when its holdings leave a band, and then only to its edge.

    With proportional costs that is the shape of the optimal policy (Davis, Panas and
    Zariphopoulou, 1993).
    """

    def init(self) -> None:
        return None

    def step(
        self, now: Snapshot, account: Account, memory: None
    ) -> tuple[Float[Array, " asset"], None]:
        lower, upper = self.band(now)
        return jnp.clip(account.holdings, min=lower, max=upper), None

    @abstractmethod
    def band(self, now: Snapshot) -> tuple[Float[Array, " asset"], Float[Array, " asset"]]:
        """Lower and upper edge of the no-trade band, in units of each asset."""
