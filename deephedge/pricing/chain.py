"""A simulated path as a chain of steps, each affine in the normals of its own prices."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp

from deephedge.numerics import safe
from deephedge.typing import Array, Float, PyTree, Scalar

Normals = Float[Array, "step normal"]
State = tuple[Float[Array, " asset"], Float[Array, " factor"]]
"""Prices and factors at a date: with the date, all that the next step depends on."""

VANISHED = 40.0
"""A price that has lost this much of its logarithm counts as 0."""


class Chain(NamedTuple):
    """How a path comes about, as functions of parameters (a pytree of float arrays)."""

    start: Callable[[PyTree], State]
    advance: Callable[[PyTree, Array, State, Float[Array, " normal"]], State]
    """From the state at date k (an integer) to that at date k + 1 by the normals of the step."""
    log_prices: Callable[[PyTree, Normals], Float[Array, "time asset"]]
    """Of the whole path."""
    levels: Callable[[PyTree, Normals], list[tuple[int, Float[Array, " time"]]]]
    """See `AbstractClaim.jumps`."""


class Step(NamedTuple):
    r"""The log-prices after a step, $m + A z$ in the first `asset` normals z of the step."""

    mean: Float[Array, " asset"]
    scale: Float[Array, "asset asset"]


def one_step(
    chain: Chain, parameters: PyTree, k: Array, state: State, normals: Float[Array, " normal"]
) -> Step:
    """The step from a state, given the normals that do not belong to the prices."""
    n_assets = state[0].shape[0]
    quiet = normals.at[:n_assets].set(0.0)

    def after(z: Float[Array, " normal"]) -> Float[Array, " asset"]:
        return safe.log(chain.advance(parameters, k, state, z)[0])

    mean = after(quiet)
    columns = [after(quiet.at[j].set(1.0)) - mean for j in range(n_assets)]
    return Step(mean, jnp.stack(columns, axis=1))


def solve(
    step: Step, moves: Float[Array, " asset"], otherwise: Float[Array, " asset"]
) -> tuple[Float[Array, " asset"], Scalar]:
    """The normals behind the `moves`, and log |det A|; a step without noise keeps its own."""
    scale = step.scale
    if scale.shape[0] == 1:
        noisy = scale[0] != 0
        safe_scale = jnp.where(noisy, scale[0], 1.0)
        return jnp.where(noisy, moves / safe_scale, otherwise), jnp.log(jnp.abs(safe_scale[0]))
    noisy = jnp.linalg.det(scale) != 0
    safe_scale = jnp.where(noisy, scale, jnp.eye(scale.shape[0], dtype=scale.dtype))
    z = jnp.linalg.solve(safe_scale, moves)
    return jnp.where(noisy, z, otherwise), jnp.linalg.slogdet(safe_scale)[1]


def is_affine(
    step: Step, log_prices: Float[Array, " asset"], normals: Float[Array, " asset"]
) -> Array:
    """Whether the step does give `log_prices` at its `normals`."""
    error = jnp.abs(step.mean + step.scale @ normals - log_prices)
    deviation = jnp.max(jnp.abs(step.scale), axis=1)
    return jnp.all(error <= 0.05 * deviation + 1e-4)
