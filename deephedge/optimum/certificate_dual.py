"""The bound that a shadow price and a measure give, path by path under that measure."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from deephedge.markets.base import Path, Snapshot
from deephedge.optimum.certificate_chain import Chain
from deephedge.optimum.certificate_shadow import SOFTNESS, Choice, Shadow, ramp
from deephedge.optimum.tilt import Nodes, root
from deephedge.policies.base import AbstractPolicy, Account
from deephedge.typing import Array, Float, PyTree, Scalar

_ROUNDING = 1e-9


class Width(eqx.Module):
    r"""The half-spread to second order: $w_0 + g\cdot e + \tfrac12 e\cdot He$."""

    value: Float[Array, " asset"]
    slope: Float[Array, "asset normal"]
    curvature: Float[Array, "asset normal normal"]

    def __call__(self, standard: Float[Array, " normal"]) -> Float[Array, " asset"]:
        return self.value + self.slope @ standard + 0.5 * self.curvature @ standard @ standard

    def mean(
        self,
        level: Float[Array, " asset"],
        slope: Float[Array, "asset normal"],
        shift: Float[Array, " normal"],
    ) -> Float[Array, " asset"]:
        r"""The mean of $(w_0 + g\cdot e + \tfrac12 e\cdot He)\,r(\alpha + \beta\cdot e)$, exactly.

        With r the ramp, R its mean and $e = \delta + \epsilon$: $E[\epsilon r] = \beta R'$ and
        $E[\epsilon\epsilon^\top r] = R + \beta\beta^\top R''$ (Stein's lemma).
        """
        softness = jnp.sqrt(SOFTNESS**2 + jnp.sum(slope**2, axis=1))
        place = level + slope @ shift
        mean, steepness, bend = ramp(place, softness)
        along = self.slope + self.curvature @ shift
        trace = jnp.trace(self.curvature, axis1=1, axis2=2)
        twice = jnp.einsum("ai,aij,aj->a", slope, self.curvature, slope)
        first = self(shift) * mean + jnp.sum(along * slope, axis=1) * steepness
        return first + 0.5 * (trace * mean + twice * bend)


class State(eqx.Module):
    """Where a path stands under Q."""

    now: Snapshot
    place: Float[Array, " asset"]
    shadow: Float[Array, " asset"]
    """The shadow price in today's money."""
    account: Account
    memory: PyTree
    log_density: Scalar
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
    log_density: Scalar
    """Of Q with respect to P."""
    gains: Scalar
    control: Scalar
    drift: Float[Array, " asset"]
    allowance: Float[Array, " asset"]


class Step(eqx.Module):
    r"""One step: functions of its normals in the form $e = \delta + \epsilon$."""

    chain: Chain
    choice: Choice
    now: Snapshot
    k: Array
    charged: Scalar
    """0 at a last date that nothing is traded at, else 1."""
    unused: Scalar
    """The share of the spread that is left unused."""

    def later(self, standard: Float[Array, " normal"]) -> Snapshot:
        """What is known at the next date."""
        return self.chain.after(self.k, self.now, self.choice.tilt.normals(standard))

    def spread(self, later: Snapshot) -> Float[Array, " asset"]:
        """What trading one unit costs then."""
        return self.charged * self.chain.half_width(later)

    def width(self) -> Width:
        """The half-spread to second order around no noise and no shift."""

        def spread(standard: Array) -> Array:
            return self.spread(self.later(standard))

        zero = jnp.zeros_like(self.choice.tilt.mean)
        slope = jax.jacfwd(spread)
        return Width(spread(zero), slope(zero), jax.jacfwd(slope)(zero))

    def position(self, standard: Float[Array, " normal"]) -> Float[Array, " asset"]:
        """Where in the spread the shadow price is then, from -1 to 1, but for what is unused."""
        return (1.0 - self.unused) * ramp(self.place(standard), SOFTNESS).value

    def above(self, standard: Float[Array, " normal"], later: Snapshot) -> Float[Array, " asset"]:
        """By how much the shadow price is above the price: never more than the spread."""
        return self.spread(later) * self.position(standard)

    def grown(self, later: Snapshot) -> Float[Array, " asset"]:
        """The price with the dividends of the step, in today's money."""
        return later.discount * later.prices * later.accrual / self.now.accrual

    def values(self, width: Width, points: Float[Array, "node normal"]) -> Array:
        """What quadrature integrates: the price, and what the spread is beyond second order."""

        def one(standard: Array) -> Array:
            later = self.later(standard)
            rest = self.spread(later) - width(standard)
            return self.grown(later) + rest * self.position(standard)

        return jax.vmap(one)(points)

    def mean(
        self, nodes: Nodes, values: Array, width: Width, shift: Float[Array, " normal"]
    ) -> Float[Array, " asset"]:
        """The mean of the shadow price, with dividends, under the tilt with that shift."""
        exact = width.mean(self.choice.level, self.choice.slope, shift)
        return nodes.expectation(values, shift) + (1.0 - self.unused) * exact

    def place(self, standard: Float[Array, " normal"]) -> Float[Array, " asset"]:
        """The next position in the spread."""
        return self.choice.level + self.choice.slope @ standard


class Dual(eqx.Module):
    """All that a path of the bound depends on, but its noise."""

    chain: Chain
    shadow: Shadow
    policy: AbstractPolicy | None
    premium: Scalar
    nodes: Nodes
    finer: Nodes | None
    n_iterations: int = eqx.field(static=True)
    close_out: bool = eqx.field(static=True)

    def path(self, noise: Float[Array, "step normal"]) -> Outcome:
        """One path under Q, from standard normals."""
        start = self._start()

        def step(state: State, inputs: tuple[Array, Array]) -> tuple[State, Snapshot]:
            state = self._step(state, *inputs)
            return state, state.now

        end, later = lax.scan(jax.checkpoint(step), start, (jnp.arange(noise.shape[0]), noise))
        rows = jax.tree.map(
            lambda x, y: jnp.concatenate([x[None], y]), vars(start.now), vars(later)
        )
        path = Path(**rows)
        owed = path.discount[-1] * self.chain.claim.payoff(path) - self.premium
        return Outcome(owed, end.log_density, end.gains, end.control, end.drift, end.allowance)

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
            log_density=zero,
            gains=zero,
            control=zero,
            drift=none,
            allowance=self._room(now),
        )

    def _room(self, now: Snapshot) -> Float[Array, " asset"]:
        """What drift may add up to: the unused spread, or so much of a price without one."""
        width = self.shadow.slack * self.chain.half_width(now)
        return jnp.where(width > 0, width, _ROUNDING * jnp.abs(now.discount * now.prices))

    def _step(self, state: State, k: Array, noise: Float[Array, " normal"]) -> State:
        now = state.now
        account, memory = self._hedged(state)
        choice = self.shadow.choice(now, state.place, account.holdings)
        last = k == self.chain.times.shape[0] - 2
        charged = jnp.where(last & (not self.close_out), 0.0, 1.0).astype(noise.dtype)
        unused = jnp.asarray(self.shadow.slack, noise.dtype)
        step = Step(self.chain, choice, now, k, charged, unused)
        width = step.width()
        values = step.values(width, self.nodes.points)
        shift = self._solved(step, width, values, state.shadow)

        standard = shift + noise
        later = step.later(standard)
        price = later.discount * later.prices
        shadow = price + step.above(standard, later)
        grown = step.grown(later)
        drift, allowance = state.drift, state.allowance
        if self.finer is not None:
            values = step.values(width, self.finer.points)
            drift = drift + jnp.abs(step.mean(self.finer, values, width, shift) - state.shadow)
            room = self._room(later)
            allowance = jnp.where(last, allowance, jnp.minimum(allowance, room))
        held = account.holdings
        gain = jnp.sum(held * (grown - now.discount * now.prices))
        earned = shadow + grown - price - state.shadow
        gains = jnp.sum(lax.stop_gradient(choice.holdings) * earned)
        control = jnp.sum(choice.holdings * lax.stop_gradient(earned))
        return State(
            now=self.chain.remembered(now, later),
            place=step.place(standard),
            shadow=shadow,
            account=Account(held, account.wealth + gain),
            memory=memory,
            log_density=state.log_density + choice.tilt.log_density(standard, noise),
            gains=state.gains + gains,
            control=state.control + control,
            drift=drift,
            allowance=allowance,
        )

    def _hedged(self, state: State) -> tuple[Account, PyTree]:
        """The account after the policy's trade; without a policy nothing is held."""
        if self.policy is None:
            return state.account, None
        now, account = state.now, state.account
        holdings, memory = self.policy.step(now, account, state.memory)
        cost = now.discount * self.chain.cost(holdings - account.holdings, now)
        return Account(holdings, account.wealth - cost), memory

    def _solved(
        self, step: Step, width: Width, values: Array, shadow: Float[Array, " asset"]
    ) -> Float[Array, " normal"]:
        r"""The shift $\delta$ that makes the shadow price a martingale over the step."""
        n = shadow.shape[0]
        rest = jnp.zeros(step.choice.tilt.mean.shape[0] - n, shadow.dtype)

        def drift(parameters: PyTree, moved: Float[Array, " asset"]) -> Float[Array, " asset"]:
            level, slope, width, values, shadow = parameters
            shift = jnp.concatenate([moved, rest])
            exact = (1.0 - step.unused) * width.mean(level, slope, shift)
            return self.nodes.expectation(values, shift) + exact - shadow

        parameters = (step.choice.level, step.choice.slope, width, values, shadow)
        moved = root(drift, parameters, jnp.zeros_like(shadow), self.n_iterations)
        return jnp.concatenate([moved, rest])
