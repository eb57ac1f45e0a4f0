"""What an escalation does at each of its levels."""

from abc import abstractmethod
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp

from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import at_least_one, non_negative, one_or_more
from deephedge.policies.base import AbstractPolicy, Account
from deephedge.policies.classical.delta import DeltaHedge
from deephedge.policies.overlays.triggers import AbstractTrigger, BookGreek, Drawdown, Jump
from deephedge.typing import Array, Float, PyTree, Scalar

_triggers = one_or_more("triggers", AbstractTrigger, what="triggers", example="Drawdown(limit=2.0)")


class AbstractLevel(eqx.Module):
    """One level of an escalation: it is entered when any of its triggers fires.

    It is left once nothing at it or above it has fired on `calm` dates in a row; `None`: never.
    """

    triggers: eqx.AbstractVar[tuple[AbstractTrigger, ...]]
    calm: eqx.AbstractVar[int | None]
    apart: ClassVar[bool] = True
    """Whether the wrapped rule goes on from what it asked for, not from what is held."""

    def __check_init__(self):
        if self.calm is not None:
            at_least_one(calm=self.calm)

    def init(self) -> PyTree:
        """The level's own memory before the first date."""
        return None

    def observe(self, now: Snapshot) -> PyTree:
        """What the level makes of the snapshot alone."""
        del now
        return None

    @abstractmethod
    def hold(
        self, seen: PyTree, wanted: Float[Array, " asset"], account: Account, memory: PyTree
    ) -> tuple[Float[Array, " asset"], PyTree]:
        """What to hold where the wrapped rule asks for `wanted`, and the new memory."""


class Tighten(AbstractLevel):
    """Follow a tighter `policy` instead of the wrapped one.

    For a rule that waits for a trigger, the rule that it wraps: trade back to the target although
    the trigger has not fired. For a band, a narrower one.
    """

    triggers: tuple[AbstractTrigger, ...] = eqx.field(converter=_triggers)
    policy: AbstractPolicy
    calm: int | None = eqx.field(static=True, default=5)
    apart: ClassVar[bool] = False

    def init(self) -> PyTree:
        return self.policy.init()

    def observe(self, now: Snapshot) -> PyTree:
        return self.policy.observe(now)

    def hold(
        self, seen: PyTree, wanted: Float[Array, " asset"], account: Account, memory: PyTree
    ) -> tuple[Float[Array, " asset"], PyTree]:
        return self.policy.act(seen, account, memory)

    @classmethod
    def example(cls) -> "Tighten":
        """A typical member, for tests and documentation."""
        return cls(triggers=(BookGreek.example(),), policy=DeltaHedge.example())


class Halve(AbstractLevel):
    """Hold a `share` of what the wrapped rule asks for: half, unless said otherwise.

    That lowers the risk of a portfolio; of a hedged claim it uncovers the other half.
    """

    triggers: tuple[AbstractTrigger, ...] = eqx.field(converter=_triggers)
    share: Scalar = eqx.field(converter=non_negative("share"), default=0.5)
    calm: int | None = eqx.field(static=True, default=5)

    def hold(
        self, seen: None, wanted: Float[Array, " asset"], account: Account, memory: None
    ) -> tuple[Float[Array, " asset"], None]:
        return self.share * wanted, None

    @classmethod
    def example(cls) -> "Halve":
        """A typical member, for tests and documentation."""
        return cls((Jump.example(), Drawdown.example()))


class Flatten(AbstractLevel):
    """Hold nothing."""

    triggers: tuple[AbstractTrigger, ...] = eqx.field(converter=_triggers)
    calm: int | None = eqx.field(static=True, default=5)

    def hold(
        self, seen: None, wanted: Float[Array, " asset"], account: Account, memory: None
    ) -> tuple[Float[Array, " asset"], None]:
        return jnp.zeros_like(wanted), None

    @classmethod
    def example(cls) -> "Flatten":
        """A typical member, for tests and documentation."""
        return cls(Drawdown(limit=3.0))


class Halt(AbstractLevel):
    """Hold what is held: no more trades, for good unless `calm` is given."""

    triggers: tuple[AbstractTrigger, ...] = eqx.field(converter=_triggers)
    calm: int | None = eqx.field(static=True, default=None)

    def hold(
        self, seen: None, wanted: Float[Array, " asset"], account: Account, memory: None
    ) -> tuple[Float[Array, " asset"], None]:
        return account.holdings, None

    @classmethod
    def example(cls) -> "Halt":
        """A typical member, for tests and documentation."""
        return cls(Drawdown(limit=4.0))
