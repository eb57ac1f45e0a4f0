"""The bound that a shadow price and a measure give, path by path under that measure."""

import dataclasses
from abc import abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from deephedge.markets.base import Path, Snapshot
from deephedge.optimum.certificate_chain import Chain
from deephedge.optimum.certificate_shadow import Choice, Shadow
from deephedge.optimum.certificate_step import Step
from deephedge.optimum.tilt import Nodes
from deephedge.policies.base import AbstractPolicy, Account
from deephedge.rollout.problem import HedgingProblem
from deephedge.typing import Array, Float, PyTree, Scalar

_ROUNDING = 1e-9

DOUBLE = np.dtype("float64")


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


class Effort(NamedTuple):
    """How conditional means are integrated, and the equations in them solved."""

    rule: Callable[[int, int, jnp.dtype], Nodes]
    """From the nodes a normal, how many normals, and a precision."""
    n_nodes: int
    n_more: int
    """How many more nodes a normal the finer rule has."""
    n_iterations: int
    quick: tuple[int, int]
    """Nodes and iterations for training."""


class AbstractDensity(eqx.Module):
    """A family of measures Q, by their densities."""

    @property
    @abstractmethod
    def effort(self) -> Effort:
        """What its equations take."""

    @property
    @abstractmethod
    def n_seen(self) -> int:
        """How many numbers the network sees of where the density stands."""

    @abstractmethod
    def opening(self, dtype: jnp.dtype) -> Scalar:
        """Where the density of Q stands at the start."""

    @abstractmethod
    def moved(self, dual: "Dual", state: State, k: Array, noise: Float[Array, " normal"]) -> Moved:
        """The step from date k, after the policy's trade."""

    @abstractmethod
    def judged(self, measure: Scalar) -> tuple[Scalar, Scalar]:
        """Penalty and weight of a path, from where its density ends."""


class Dual(eqx.Module):
    """All that a path of the bound depends on, but its noise."""

    chain: Chain
    shadow: Shadow
    density: AbstractDensity
    policy: AbstractPolicy | None
    premium: Scalar
    nodes: Nodes
    finer: Nodes | None
    n_iterations: int = eqx.field(static=True)
    close_out: bool = eqx.field(static=True)

    @classmethod
    def of(
        cls,
        problem: HedgingProblem,
        policy: AbstractPolicy | None,
        shadow: Shadow,
        density: AbstractDensity,
        n_nodes: int | None,
    ) -> "Dual":
        """The dual in double precision, with the rules that a bound is measured by."""
        parts = cast((problem, policy, shadow, density), DOUBLE)
        problem, policy, shadow, density = parts
        chain, effort = Chain.of(problem), density.effort
        n_nodes = effort.n_nodes if n_nodes is None else n_nodes
        nodes, finer = (
            effort.rule(n, shadow.n_normals, problem.times.dtype)
            for n in (n_nodes, n_nodes + effort.n_more)
        )
        premium = problem.premium_at(chain.start())
        rules = (nodes, finer, effort.n_iterations)
        return cls(chain, shadow, density, policy, premium, *rules, problem.close_out)

    def quick(self, dtype: jnp.dtype) -> "Dual":
        """The same for training: in that precision, with fewer nodes and iterations."""
        n_nodes, n_iterations = self.density.effort.quick
        nodes = self.density.effort.rule(n_nodes, self.shadow.n_normals, dtype)
        return dataclasses.replace(
            cast(self, dtype), nodes=nodes, finer=None, n_iterations=n_iterations
        )

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
        judged = self.density.judged(end.measure)
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
            measure=self.density.opening(zero.dtype),
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
        now, moved = state.now, self.density.moved(self, state, k, noise)
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


def cast(tree: PyTree, dtype: jnp.dtype) -> PyTree:
    """The same numbers in another precision."""
    return jax.tree.map(lambda x: x.astype(dtype) if eqx.is_inexact_array(x) else x, tree)
