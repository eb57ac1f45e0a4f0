"""The bound that a shadow price and a measure give, path by path under that measure."""

from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from deephedge.markets.base import Path, Snapshot
from deephedge.optimum.certificate_chain import Chain
from deephedge.optimum.certificate_shadow import Choice, Shadow
from deephedge.optimum.certificate_step import Step
from deephedge.optimum.tilt import Nodes
from deephedge.policies.base import AbstractPolicy, Account
from deephedge.typing import Array, Float, PyTree, Scalar

_ROUNDING = 1e-9


class State(eqx.Module):
    """Where a path stands under Q."""

    now: Snapshot
    place: Float[Array, " asset"]
    shadow: Float[Array, " asset"]
    """The shadow price in today's money."""
    account: Account
    memory: PyTree
    measure: Scalar
    """Where the density of Q stands: its logarithm, or its probit below a cap."""
    gains: Scalar
    """Of the control's holdings at the shadow price: of mean 0 under Q."""
    control: Scalar
    """The same number, whose derivative is that in the control's holdings alone."""
    drift: Float[Array, " asset"]
    """What the finer quadrature sees the shadow price drift, added up without sign."""
    allowance: Float[Array, " asset"]
    """How much drift there is room for: the least so far."""


class Outcome(eqx.Module):
    """What a path contributes; in today's money."""

    owed: Scalar
    """Payoff less premium."""
    penalty: Scalar
    """Whose mean under Q is the risk measure's distance of Q from P."""
    weight: Scalar
    """1 where the path is drawn under Q, the density of Q where it is drawn under P."""
    gains: Scalar
    control: Scalar
    drift: Float[Array, " asset"]
    allowance: Float[Array, " asset"]


class Moved(eqx.Module):
    """A step that has been taken."""

    step: Step
    standard: Float[Array, " normal"]
    """The step's normals, standardised by its tilt."""
    later: Snapshot
    measure: Scalar
    missed: Float[Array, " asset"]
    """The drift that the finer quadrature sees."""


class AbstractDual(eqx.Module):
    """All that a path of the bound depends on, but its noise."""

    chain: eqx.AbstractVar[Chain]
    shadow: eqx.AbstractVar[Shadow]
    policy: eqx.AbstractVar[AbstractPolicy | None]
    premium: eqx.AbstractVar[Scalar]
    nodes: eqx.AbstractVar[Nodes]
    finer: eqx.AbstractVar[Nodes | None]
    n_iterations: eqx.AbstractVar[int]
    close_out: eqx.AbstractVar[bool]

    @abstractmethod
    def opening(self) -> Scalar:
        """Where the density of Q stands at the start."""

    @abstractmethod
    def moved(self, state: State, k: Array, noise: Float[Array, " normal"]) -> "Moved":
        """The step from date k, after the policy's trade."""

    @abstractmethod
    def judged(self, measure: Scalar) -> tuple[Scalar, Scalar]:
        """Penalty and weight of a path, from where its density ends."""

    def path(self, noise: Float[Array, "step normal"]) -> Outcome:
        """One path under Q, from standard normals."""
        start = self._start()

        def step(state: State, inputs: tuple[Array, Array]) -> tuple[State, Snapshot]:
            state = self.step(state, *inputs)
            return state, state.now

        end, later = lax.scan(jax.checkpoint(step), start, (jnp.arange(noise.shape[0]), noise))
        rows = jax.tree.map(
            lambda x, y: jnp.concatenate([x[None], y]), vars(start.now), vars(later)
        )
        path = Path(**rows)
        owed = path.discount[-1] * self.chain.claim.payoff(path) - self.premium
        judged = self.judged(end.measure)
        return Outcome(owed, *judged, end.gains, end.control, end.drift, end.allowance)

    def _start(self) -> State:
        now = self.chain.start()
        zero, none = jnp.zeros_like(now.time), jnp.zeros_like(now.prices)
        width = self.chain.half_width(now)
        place = self.shadow.opening
        return State(
            now=now,
            place=place,
            shadow=now.discount * now.prices + self.shadow.position(place) * width,
            account=Account(none, self.premium),
            memory=None if self.policy is None else self.policy.init(),
            measure=self.opening(),
            gains=zero,
            control=zero,
            drift=none,
            allowance=self._room(now),
        )

    def _room(self, now: Snapshot) -> Float[Array, " asset"]:
        """What drift may add up to: the unused spread, or so much of a price without one."""
        width = self.shadow.slack * self.chain.half_width(now)
        return jnp.where(width > 0, width, _ROUNDING * jnp.abs(now.discount * now.prices))

    def step(self, state: State, k: Array, noise: Float[Array, " normal"]) -> State:
        """Where the path stands a step later."""
        account, memory = self._hedged(state)
        state = eqx.tree_at(lambda s: s.account, state, account)
        now, moved = state.now, self.moved(state, k, noise)
        step, later = moved.step, moved.later
        price, grown = later.discount * later.prices, step.grown(later)
        shadow = price + step.above(moved.standard, later)
        last = k == self.chain.times.shape[0] - 2
        room = jnp.where(last, state.allowance, jnp.minimum(state.allowance, self._room(later)))
        gain = jnp.sum(account.holdings * (grown - now.discount * now.prices))
        earned = shadow + grown - price - state.shadow
        holdings = step.choice.holdings
        return State(
            now=self.chain.remembered(now, later),
            place=step.place(moved.standard),
            shadow=shadow,
            account=Account(account.holdings, account.wealth + gain),
            memory=memory,
            measure=moved.measure,
            gains=state.gains + jnp.sum(lax.stop_gradient(holdings) * earned),
            control=state.control + jnp.sum(holdings * lax.stop_gradient(earned)),
            drift=state.drift + moved.missed,
            allowance=room,
        )

    def begun(self, state: State, k: Array, choice: Choice) -> Step:
        """The step from date k, given what is chosen."""
        dtype = state.measure.dtype
        last = k == self.chain.times.shape[0] - 2
        charged = jnp.where(last & (not self.close_out), 0.0, 1.0).astype(dtype)
        unused = jnp.asarray(self.shadow.slack, dtype)
        return Step(self.chain, choice, state.now, k, charged, unused)

    def _hedged(self, state: State) -> tuple[Account, PyTree]:
        """The account after the policy's trade; without a policy nothing is held."""
        if self.policy is None:
            return state.account, None
        now, account = state.now, state.account
        holdings, memory = self.policy.step(now, account, state.memory)
        cost = now.discount * self.chain.cost(holdings - account.holdings, now)
        return Account(holdings, account.wealth - cost), memory
