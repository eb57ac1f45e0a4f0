"""Everything a training run needs to go on after a stop, and its file."""

import json
import os
import pathlib

import equinox as eqx
import jax
import jax.numpy as jnp

from deephedge.typing import Array, Float, Int, PyTree


class TrainingState(eqx.Module):
    """The state after some steps; every leaf has a leading axis of members.

    The draws of step k depend on the member's key and on k alone.
    """

    step: Int[Array, "*member"]
    params: PyTree
    optimizer: PyTree
    average: PyTree
    """The exponential average of the weights: what is judged and kept."""
    best_params: PyTree
    best_validation: Float[Array, "*member"]
    best_step: Int[Array, "*member"]


def stacked(trees: tuple[PyTree, ...]) -> PyTree:
    """Trees of arrays of the same shapes as one, with a leading axis."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def member(tree: PyTree, index: int) -> PyTree:
    """One tree of those that were stacked."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf[index]), tree)


def save_state(path: pathlib.Path, state: TrainingState, history: list) -> None:
    """Write the checkpoint atomically: a kill leaves the old file or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(path.suffix + ".partial")
    with open(partial, "wb") as file:
        file.write(json.dumps(history).encode() + b"\n")
        eqx.tree_serialise_leaves(file, state)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def load_state(path: pathlib.Path, like: TrainingState) -> tuple[TrainingState, list]:
    """Read a checkpoint of a run with the same policies and optimiser."""
    with open(path, "rb") as file:
        try:
            history = json.loads(file.readline())
            return eqx.tree_deserialise_leaves(file, like), history
        except Exception as error:
            raise ValueError(
                f"`checkpoint` {path} does not fit this policy and optimiser, or is damaged "
                f"({error}); delete it to start afresh."
            ) from None


def fresh_state(params: PyTree, optimizer_state: PyTree, dtype: jnp.dtype) -> TrainingState:
    """One member's state before the first step."""
    return TrainingState(
        step=jnp.asarray(0, jnp.int32),
        params=params,
        optimizer=optimizer_state,
        average=params,
        best_params=params,
        best_validation=jnp.asarray(jnp.inf, dtype),
        best_step=jnp.asarray(0, jnp.int32),
    )
