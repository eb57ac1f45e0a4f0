"""Everything a training run needs to go on after a stop, and its files."""

import hashlib
import io
import json
import os
import pathlib
import warnings

import equinox as eqx
import jax
import jax.numpy as jnp

from deephedge.typing import Array, Float, Int, PyTree, Scalar


class Weights(eqx.Module):
    """What the gradient changes."""

    network: PyTree
    threshold: Scalar | None
    """Of the risk measure, in deviations of the untrained P&L from where it began; `None` where
    the measure finds its own."""


class TrainingState(eqx.Module):
    """The state after some steps; every leaf has a leading axis of members.

    The draws of step k depend on the member's key and on k alone.
    """

    step: Int[Array, "*member"]
    params: PyTree
    """`Weights`."""
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


def previous(path: pathlib.Path) -> pathlib.Path:
    """Where the checkpoint before the last one stands."""
    return path.with_suffix(path.suffix + ".previous")


def save_state(path: pathlib.Path, state: TrainingState, history: list) -> None:
    """Write the checkpoint, keeping the one before it.

    A kill at any moment leaves one of the two whole: the new one is written beside them, down to
    the disk, before either is renamed. Of several processes the first one writes.
    """
    if jax.process_index() > 0:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(path.suffix + ".partial")
    content = io.BytesIO()
    content.write(json.dumps(history).encode() + b"\n")
    eqx.tree_serialise_leaves(content, state)
    with open(partial, "wb") as file:
        file.write(hashlib.sha256(content.getbuffer()).hexdigest().encode() + b"\n")
        file.write(content.getbuffer())
        file.flush()
        os.fsync(file.fileno())
    if path.exists():
        os.replace(path, previous(path))
    os.replace(partial, path)


def load_state(path: pathlib.Path, like: TrainingState) -> tuple[TrainingState, list] | None:
    """Read the checkpoint, or the one before it where this one is damaged; `None`: there is none.

    The checkpoint must be that of a run with the same policies and optimiser.
    """
    found = [file for file in (path, previous(path)) if file.exists()]
    for file in found:
        content = _whole(file)
        if content is None:
            continue
        if file != found[0]:
            warnings.warn(
                f"`checkpoint` {found[0]} is damaged; going on from the one before it, {file}.",
                stacklevel=2,
            )
        history = json.loads(content.readline())
        try:
            return eqx.tree_deserialise_leaves(content, like), history
        except Exception as error:
            raise ValueError(
                f"`checkpoint` {file} does not fit this policy and optimiser ({error}); delete it "
                "to start afresh."
            ) from None
    if found:
        raise ValueError(
            f"`checkpoint` {found[0]} is damaged, and there is no whole one before it; delete it "
            "to start afresh."
        )
    return None


def _whole(file: pathlib.Path) -> io.BytesIO | None:
    """What a checkpoint says, if it is as it was written."""
    digest, _, content = file.read_bytes().partition(b"\n")
    if hashlib.sha256(content).hexdigest().encode() != digest:
        return None
    return io.BytesIO(content)


def fresh_state(params: Weights, optimizer_state: PyTree, dtype: jnp.dtype) -> TrainingState:
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
