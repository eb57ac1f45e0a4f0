"""An escalation protocol around any rule, and the log of what it did."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import at_least_one, one_or_more
from deephedge.policies.base import AbstractPolicy, Account
from deephedge.policies.classical.delta import DeltaHedge
from deephedge.policies.overlays.levels import AbstractLevel, Halve, Tighten
from deephedge.policies.overlays.rebalance_on_drift import RebalanceOnDrift
from deephedge.policies.overlays.triggers import AbstractTrigger
from deephedge.typing import Array, Float, Int, PyTree

NEVER = np.iinfo(np.int32).max
"""Calm dates after which a level that is never left would be."""


_levels = one_or_more(
    "levels", AbstractLevel, what="levels", example="Flatten(triggers=[Drawdown(limit=2.0)])"
)


class Alert(eqx.Module):
    """What an escalation remembers; its first three fields are its log, date by date."""

    level: Int[Array, "*date"]
    """0: the wrapped rule rules; k: level k does."""
    quiet: Int[Array, "*date"]
    """Dates in a row on which nothing at the level or above it has fired."""
    values: Float[Array, "*date trigger"]
    """What the triggers measured, level by level."""
    asked: Float[Array, "*date asset"]
    """What the wrapped rule asked for."""
    triggers: PyTree
    actions: PyTree
    rule: PyTree


class Escalation(AbstractPolicy):
    r"""The wrapped policy, until a trigger fires; then what the level of that trigger does.

    Levels are ordered: 1 is the first of `levels`, 0 is calm. On every date, before trading, the
    triggers of all levels are measured. With $\ell$ the level so far and f the highest level of
    which any trigger fires (0: none),

    * $f > \ell$: up to f at once;
    * $f < \ell$: the date is calm; after as many in a row as the level's `calm` says, down to f;
    * $f = \ell$, or fewer calm dates: stay.

    At the level the holdings are what it makes of those that the wrapped policy asks for: see
    `Tighten`, `Halve`, `Flatten`, `Halt`. Where these differ the wrapped policy goes on, on paper,
    from what it asked for, with the wealth of the real account; after `Tighten` it goes on from
    what is held. With no limit ever reached this is the wrapped policy exactly.

    `n_assets` is the number of the market's prices. `changes` reads the log from the memories that
    `deephedge.rollout.trace` returns.
    """

    policy: AbstractPolicy
    levels: tuple[AbstractLevel, ...] = eqx.field(converter=_levels)
    n_assets: int = eqx.field(static=True, default=1)

    def __check_init__(self):
        at_least_one(n_assets=self.n_assets)

    @property
    def triggers(self) -> tuple[AbstractTrigger, ...]:
        """Those of all levels, in their order."""
        return tuple(trigger for level in self.levels for trigger in level.triggers)

    def init(self) -> Alert:
        limits = jnp.stack([trigger.limit for trigger in self.triggers])
        return Alert(
            level=_integers(0),
            quiet=_integers(0),
            values=jnp.zeros_like(limits),
            asked=jnp.zeros(self.n_assets, limits.dtype),
            triggers=tuple(trigger.init() for trigger in self.triggers),
            actions=tuple(level.init() for level in self.levels),
            rule=self.policy.init(),
        )

    def observe(self, now: Snapshot) -> tuple[PyTree, PyTree, PyTree]:
        if now.prices.shape != (self.n_assets,):
            raise ValueError(
                f"`n_assets` must be {now.prices.shape[0]}, the number of the market's prices, "
                f"got {self.n_assets}."
            )
        return (
            self.policy.observe(now),
            tuple(trigger.observe(now) for trigger in self.triggers),
            tuple(level.observe(now) for level in self.levels),
        )

    def act(
        self, seen: tuple[PyTree, PyTree, PyTree], account: Account, memory: Alert
    ) -> tuple[Float[Array, " asset"], Alert]:
        rule_saw, triggers_saw, levels_saw = seen
        apart = jnp.asarray([False, *(level.apart for level in self.levels)])[memory.level]
        paper = Account(jnp.where(apart, memory.asked, account.holdings), account.wealth)
        wanted, rule = self.policy.act(rule_saw, paper, memory.rule)

        rows = zip(self.triggers, triggers_saw, memory.triggers, strict=True)
        values, triggers = _each(t.measure(saw, account, own) for t, saw, own in rows)
        level, quiet = self._next(values, memory)
        rows = zip(self.levels, levels_saw, memory.actions, strict=True)
        holdings, actions = _each(x.hold(saw, wanted, account, own) for x, saw, own in rows)
        alert = Alert(level, quiet, jnp.stack(values), wanted, triggers, actions, rule)
        return jnp.stack([wanted, *holdings])[level], alert

    def _next(
        self, values: tuple[Array, ...], memory: Alert
    ) -> tuple[Int[Array, ""], Int[Array, ""]]:
        """The level at this date and its calm dates, once the triggers are measured."""
        fired = jnp.stack([t.fires(x) for t, x in zip(self.triggers, values, strict=True)])
        of = _integers([k for k, x in enumerate(self.levels, 1) for _ in x.triggers])
        highest = jnp.max(jnp.where(fired, of, 0))
        quiet = jnp.where(highest < memory.level, memory.quiet + 1, 0)
        needed = [NEVER if x.calm is None else x.calm for x in self.levels]
        left = quiet >= _integers([NEVER, *needed])[memory.level]
        level = jnp.where((highest > memory.level) | left, highest, memory.level)
        return level, jnp.where(level == memory.level, quiet, 0)

    @classmethod
    def example(cls) -> "Escalation":
        """A typical member, for tests and documentation."""
        rule = RebalanceOnDrift(DeltaHedge.example(), tolerance=0.2)
        return cls(rule, (Tighten.example(), Halve.example()))


def _integers(value: object) -> Int[Array, "..."]:
    return jnp.asarray(value, dtype=jnp.int32)


def _each(pairs) -> tuple[tuple, tuple]:
    first, second = zip(*pairs, strict=True)
    return tuple(first), tuple(second)


class Change(NamedTuple):
    """One line of the log: a change of level."""

    date: int
    """Number of the date, from 0."""
    before: int
    after: int
    trigger: str
    """What fired, or `calm`."""
    value: float
    """What it measured; of `calm`, the dates in a row."""
    limit: float


def escalation_in(policy: AbstractPolicy) -> Escalation | None:
    """The escalation that a policy is or wraps; an error where it wraps two side by side."""
    return _only(policy, Escalation)


def alert_in(memory: PyTree) -> Alert | None:
    """The memory of the escalation in a policy's memory."""
    return _only(memory, Alert)


def _only(tree: PyTree, kind: type):
    nodes = jax.tree.leaves(tree, is_leaf=lambda x: isinstance(x, kind))
    found = [x for x in nodes if isinstance(x, kind)]
    if len(found) > 1:
        raise ValueError(
            f"the policy must hold one escalation, got {len(found)}; read the log of each alone."
        )
    return found[0] if found else None


def changes(escalation: Escalation, alert: Alert, before: int = 0) -> list[Change]:
    """The log of one path: every change of level, with the trigger, its value and its limit.

    Args:
        escalation: the policy.
        alert: its memory at each date (a leading axis).
        before: the level before the first of these dates.
    """
    level, values = np.asarray(alert.level), np.asarray(alert.values)
    previous = np.concatenate([[before], level[:-1]])
    return [
        _change(escalation, int(date), int(previous[date]), int(level[date]), values[date])
        for date in np.flatnonzero(level != previous)
    ]


def _change(
    escalation: Escalation, date: int, before: int, after: int, values: np.ndarray
) -> Change:
    if after < before:
        calm = float(escalation.levels[before - 1].calm or 0)
        return Change(date, before, after, "calm", calm, calm)
    first = sum(len(level.triggers) for level in escalation.levels[: after - 1])
    for trigger, value in zip(escalation.levels[after - 1].triggers, values[first:], strict=False):
        if not value <= float(trigger.limit):
            return Change(date, before, after, trigger.name, float(value), float(trigger.limit))
    raise AssertionError("a level is entered only when one of its triggers fires")
