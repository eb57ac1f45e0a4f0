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
    """Premium + gains - costs - carry so far, in today's money."""


class AbstractPolicy(eqx.Module):
    """A hedging rule. It is never given a path: looking ahead is impossible by type.

    A decision has two parts. `observe` works out all that depends on the snapshot alone (a delta,
    a band, features); the rollout does it for every date at once, before time is scanned. `act`
    adds what depends on the past: the account and the rule's own `memory`, a pytree of arrays
    that keeps its shapes (`None` for a rule without memory).
    """

    @abstractmethod
    def init(self) -> PyTree:
        """The memory before the first date."""

    @abstractmethod
    def observe(self, now: Snapshot) -> PyTree:
        """What the rule makes of the snapshot alone."""

    @abstractmethod
    def act(
        self, seen: PyTree, account: Account, memory: PyTree
    ) -> tuple[Float[Array, " asset"], PyTree]:
        """Units of each asset to hold until the next date, and the new memory."""

    def step(
        self, now: Snapshot, account: Account, memory: PyTree
    ) -> tuple[Float[Array, " asset"], PyTree]:
        """One whole decision: what to hold from `now` until the next date, and the new memory."""
        return self.act(self.observe(now), account, memory)


class AbstractTargetPolicy(AbstractPolicy):
    """A policy whose holdings depend on the snapshot alone."""

    @abstractmethod
    def observe(self, now: Snapshot) -> Float[Array, " asset"]:
        """Units of each asset to hold."""

    def init(self) -> None:
        return None

    def act(
        self, seen: Float[Array, " asset"], account: Account, memory: None
    ) -> tuple[Float[Array, " asset"], None]:
        return seen, None


class AbstractTrainablePolicy(AbstractPolicy):
    """A policy with a part that training changes.

    Only the floating-point arrays inside `network` are trained: strikes and volatilities are
    arrays too, and a blanket filter would train them.
    """

    network: eqx.AbstractVar[PyTree]


class AbstractFittedPolicy(AbstractPolicy):
    """A policy whose numbers its class method `create` finds, once, from a sample of the market.

    Nothing of it is trained; a study builds it by `create`, with a `key` for the sample.
    """


class AbstractBandPolicy(AbstractPolicy):
    """A policy that trades only when its holdings leave a band, and then only to its edge.

    With proportional costs that is the shape of the optimal policy (Davis, Panas and
    Zariphopoulou, 1993).
    """

    @abstractmethod
    def edges(self, seen: PyTree) -> tuple[Float[Array, " asset"], Float[Array, " asset"]]:
        """Lower and upper edge of the no-trade band, from what `observe` saw."""

    def band(self, now: Snapshot) -> tuple[Float[Array, " asset"], Float[Array, " asset"]]:
        """Lower and upper edge of the no-trade band at `now`, in units of each asset."""
        return self.edges(self.observe(now))

    def init(self) -> None:
        return None

    def act(
        self, seen: PyTree, account: Account, memory: None
    ) -> tuple[Float[Array, " asset"], None]:
        lower, upper = self.edges(seen)
        return jnp.clip(account.holdings, min=lower, max=upper), None


class AbstractClassicalBand(AbstractBandPolicy):
    """A band that depends on the snapshot alone."""

    @abstractmethod
    def observe(self, now: Snapshot) -> tuple[Float[Array, " asset"], Float[Array, " asset"]]:
        """Lower and upper edge of the band."""

    def edges(self, seen: tuple[Array, Array]) -> tuple[Array, Array]:
        return seen
