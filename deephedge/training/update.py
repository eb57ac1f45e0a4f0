"""One step of training, for all members at once."""

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from deephedge.numerics.draws import AbstractSource
from deephedge.risk.base import AbstractRiskMeasure
from deephedge.training.family import Trainable, risk_over
from deephedge.training.state import TrainingState, fresh_state, stacked
from deephedge.typing import Array, Bool, Float, PyTree, Scalar


class Members(eqx.Module):
    """What does not change while they train; `arrays` and `rates` have a leading axis."""

    arrays: PyTree
    """What a policy holds beside its weights: the scales of its features, a strike."""
    rest: PyTree
    rates: Float[Array, " member"]
    """Multiples of the optimiser's learning rate."""


@eqx.filter_jit
def start(
    params: PyTree, optimizer: optax.GradientTransformation, dtype: jnp.dtype
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
    problem: Trainable,
    risk: AbstractRiskMeasure,
    optimizer: optax.GradientTransformation,
    averaging: float,
    n_paths: int,
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
    ) -> tuple[TrainingState, Scalar]:
        static = eqx.combine(arrays, members.rest)

        def loss(params: PyTree) -> Scalar:
            return risk_over(problem, eqx.combine(params, static), risk, source, n_paths)

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
    if others:
        return jax.vmap(one)(state, stacked(sources), active, members.arrays, members.rates)
    # One alone is not batched: that would compile for twice as long.
    lone = jax.tree.map(lambda x: x[0], (state, active, members.arrays, members.rates))
    after, value = one(lone[0], first, *lone[1:])
    return jax.tree.map(lambda x: x[None], (after, value))
