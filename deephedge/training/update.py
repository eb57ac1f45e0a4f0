"""One step of training, for all members at once."""

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh

from deephedge.costs.base import AbstractCost
from deephedge.costs.scaled import ScaledCost
from deephedge.numerics.draws import AbstractSource
from deephedge.risk.base import AbstractRiskMeasure, AbstractThresholdMeasure
from deephedge.rollout.devices import joined, quick_block
from deephedge.rollout.sample import batch_law
from deephedge.training.family import ProblemFamily, Trainable
from deephedge.training.state import TrainingState, Weights, fresh_state, stacked
from deephedge.typing import Array, Bool, Float, PyTree, Scalar


class Unit(eqx.Module):
    """Where the threshold of a risk measure begins, and what it is counted in; cash."""

    start: Float[Array, "*member"]
    deviation: Float[Array, "*member"]


class Members(eqx.Module):
    """What does not change while they train; arrays have a leading axis."""

    arrays: PyTree
    """What a policy holds beside its weights: the scales of its features, a strike."""
    rest: PyTree
    rates: Float[Array, " member"]
    """Multiples of the optimiser's learning rate."""
    unit: Unit | None
    """Of the thresholds, where they are trained."""


class Objective(eqx.Module):
    """What is made less, and how it is computed."""

    problem: Trainable
    risk: AbstractRiskMeasure
    cost_scale: Scalar | None
    """What the cost is multiplied by at this step; `None` for a cost that stays as it is."""
    n_paths: int = eqx.field(static=True)
    precision: str = eqx.field(static=True)
    mesh: Mesh | None = eqx.field(static=True)

    def __call__(
        self, weights: Weights, static: PyTree, unit: Unit | None, source: AbstractSource
    ) -> Scalar:
        """The risk on one batch, of fresh paths."""
        problem, network = self.problem, weights.network
        if self.cost_scale is not None:
            problem = eqx.tree_at(
                _cost, problem, replace_fn=lambda cost: ScaledCost(cost, self.cost_scale)
            )
        if self.precision == "bfloat16":
            network = jax.tree.map(lambda x: x.astype(jnp.bfloat16), network)
        policy = eqx.combine(network, static)
        if isinstance(problem, ProblemFamily):
            return problem.risk(policy, self.risk, source, self.n_paths)
        pnl, shares = batch_law(problem, policy, source, self.n_paths, self.mesh)
        if unit is None or weights.threshold is None:
            return self.risk(pnl, shares)
        assert isinstance(self.risk, AbstractThresholdMeasure)
        return self.risk.at(unit.start + unit.deviation * weights.threshold, pnl, shares)


def _cost(problem: Trainable) -> AbstractCost:
    return (problem.problem if isinstance(problem, ProblemFamily) else problem).cost


@eqx.filter_jit
def start(
    params: Weights, optimizer: optax.GradientTransformation, dtype: jnp.dtype
) -> TrainingState:
    """The members' state before the first step."""
    # optax mixes Python and array scalars, which strict promotion would refuse.
    with jax.numpy_dtype_promotion("standard"):
        return jax.vmap(lambda one: fresh_state(one, optimizer.init(one), dtype))(params)


@eqx.filter_jit
def update(
    state: TrainingState,
    sources: tuple[AbstractSource, ...],
    active: Bool[Array, " member"],
    members: Members,
    objective: Objective,
    optimizer: optax.GradientTransformation,
    averaging: Scalar,
) -> tuple[TrainingState, Float[Array, " member"]]:
    """The state one step on, and the losses before it.

    A member that is not active, or whose loss is not finite, stays as it was.
    """

    def one(
        state: TrainingState,
        source: AbstractSource,
        active: Bool[Array, ""],
        arrays: PyTree,
        rate: Scalar,
        unit: Unit | None,
    ) -> tuple[TrainingState, Scalar]:
        static = eqx.combine(arrays, members.rest)

        def loss(params: Weights) -> Scalar:
            return objective(params, static, unit, source)

        value, slope = eqx.filter_value_and_grad(loss)(state.params)
        with jax.numpy_dtype_promotion("standard"):
            change, rule = optimizer.update(slope, state.optimizer, state.params)
            change = jax.tree.map(lambda x: rate.astype(x.dtype) * x, change)
            params = eqx.apply_updates(state.params, change)
            # Young averages forget faster, or the first weights would stay in them.
            decay = jnp.minimum(averaging, state.step / (state.step + 10.0))
            average = jax.tree.map(
                lambda new, old: new + decay.astype(new.dtype) * (old - new), params, state.average
            )
        after = TrainingState(
            step=state.step + 1,
            params=params,
            optimizer=rule,
            average=average,
            best_params=state.best_params,
            best_validation=state.best_validation,
            best_step=state.best_step,
        )
        goes_on = active & jnp.isfinite(value)
        return jax.tree.map(lambda x, y: jnp.where(goes_on, x, y), after, state), value

    first, *others = sources
    own = (members.arrays, members.rates, members.unit)
    if others:
        each = (state, stacked(sources), active, *own)
        at_once = _at_once(len(sources), objective)
        after = jax.lax.map(lambda inputs: one(*inputs), each, batch_size=at_once)
        return joined(after, objective.mesh)
    # One alone is not batched: that would compile for twice as long.
    lone = jax.tree.map(lambda x: x[0], (state, active, own))
    after, value = one(lone[0], first, lone[1], *lone[2])
    return joined(jax.tree.map(lambda x: x[None], (after, value)), objective.mesh)


def _at_once(n_members: int, objective: Objective) -> int:
    """How many members are worth a batch: a divisor of their number, so that none is left over."""
    n_devices = 1 if objective.mesh is None else objective.mesh.size
    room = n_devices * quick_block(objective.mesh) // objective.n_paths
    return max(k for k in range(1, n_members + 1) if n_members % k == 0 and k <= max(room, 1))
