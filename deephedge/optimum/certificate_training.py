"""Raise the bound of a certificate by the gradient, on fresh paths under its own measure."""

import dataclasses
import math
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax import lax

from deephedge.numerics.draws import AbstractSource, pseudo
from deephedge.optimum.certificate_dual import Dual
from deephedge.optimum.certificate_shadow import Shadow
from deephedge.typing import PRNGKeyArray, PyTree, Scalar

Report = Callable[[int, str], None]
"""Called after every step: how many are done, and a short text."""


def learned(
    dual: Dual,
    *,
    key: PRNGKeyArray,
    n_steps: int,
    n_paths: int,
    learning_rate: float,
    report: Report,
) -> tuple[Shadow, str]:
    """The shadow price after training, and why training stopped; see `Trained.stopped`."""
    # A step is skipped where the slope is not finite; clipped ones were measured to end lower.
    adam = optax.adam(optax.cosine_decay_schedule(learning_rate, n_steps))
    optimizer = optax.apply_if_finite(adam, max_consecutive_errors=10)
    params, static = eqx.partition(dual.shadow, _trainable(dual.shadow))
    with jax.numpy_dtype_promotion("standard"):
        memory = optimizer.init(params)
    stopped = "finished"
    try:
        for step in range(n_steps):
            source = noise(dual, jax.random.fold_in(key, step), n_paths)
            fixed = (static, dual, optimizer, source, n_paths)
            changed, value = _update((params, memory), *fixed)
            bound = float(value)
            if not math.isfinite(bound):
                stopped = "nan"
                break
            params, memory = changed
            report(step + 1, f"bound {bound:.5g}")
    except KeyboardInterrupt:
        stopped = "interrupted"
    return eqx.combine(params, static), stopped


def noise(dual: Dual, key: PRNGKeyArray, n_paths: int) -> AbstractSource:
    """Fresh normals for so many paths."""
    times = dual.chain.times
    return pseudo(key, n_paths, times.shape[0] - 1, dual.shadow.n_normals, times.dtype)


def _trainable(shadow: Shadow) -> PyTree:
    every, nothing = (jax.tree.map(lambda _, x=x: x, shadow) for x in (True, False))
    return eqx.tree_at(
        lambda s: (s.network, s.control, s.opening),
        nothing,
        (every.network, every.control, every.opening),
    )


@eqx.filter_jit
def _update(
    learnt: tuple[PyTree, PyTree],
    static: PyTree,
    dual: Dual,
    optimizer: optax.GradientTransformation,
    source: AbstractSource,
    n_paths: int,
) -> tuple[tuple[PyTree, PyTree], Scalar]:
    """The weights and the optimiser's memory one step on, and the bound before it."""
    params, memory = learnt

    def loss(params: PyTree) -> tuple[Scalar, Scalar]:
        moved = dataclasses.replace(dual, shadow=eqx.combine(params, static))
        paths = jax.vmap(lambda i: moved.path(source(i)))(jnp.arange(n_paths))
        before, weight = paths.owed - paths.penalty, paths.weight
        bound = jnp.mean(weight * (before - paths.gains))
        # The control is no part of the bound: it is taught apart, to leave little variance.
        before, weight, middle = lax.stop_gradient((before, weight, bound))
        spread = jnp.mean((weight * (before - paths.control - middle)) ** 2)
        return spread - bound, bound

    (_, bound), slope = eqx.filter_value_and_grad(loss, has_aux=True)(params)
    # optax mixes Python and array scalars, which strict promotion would refuse.
    with jax.numpy_dtype_promotion("standard"):
        change, memory = optimizer.update(slope, memory, params)
        params = eqx.apply_updates(params, change)
    return (params, memory), bound
