"""Arrays on disk: a tree's arrays as safetensors, by their place in it, with a configuration."""

import json
import pathlib
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from deephedge.typing import Array, PyTree


def named_arrays(tree: PyTree) -> dict[str, Array]:
    """The arrays of a tree by their place in it, such as `network.weights[0]`."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path).lstrip("."): leaf for path, leaf in leaves}


def save_tensors(path: pathlib.Path, tree: PyTree, configuration: Mapping) -> None:
    """Write every array of `tree`, and a JSON configuration that says how to build the rest."""
    from safetensors.numpy import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: np.asarray(leaf) for name, leaf in named_arrays(tree).items()}
    save_file(tensors, str(path), metadata={"configuration": json.dumps(configuration)})


def read_tensors(path: pathlib.Path, what: str) -> dict[str, np.ndarray]:
    """The arrays of a file by name; `what` they should be is for the message."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    if not path.is_file():
        raise ValueError(f"`path` must be a file of {what}, got {path}, which is not there.")
    try:
        return load_file(str(path))
    except SafetensorError:
        raise ValueError(f"`path` must be a file of {what}, got {path}, which is none.") from None


def load_tensors(path: pathlib.Path, template: PyTree, what: str) -> PyTree:
    """`template` with the arrays of the file in its own dtypes; names and shapes must agree."""
    tensors, wanted = read_tensors(path, f"trained weights of a {what}"), named_arrays(template)
    shapes = {name: leaf.shape for name, leaf in wanted.items()}
    got = {name: tensor.shape for name, tensor in tensors.items()}
    if shapes != got:
        raise ValueError(
            f"the weights in {path} do not fit the {what}: expected {shapes}, got {got}; build "
            "`template` with the configuration in the file."
        )
    ordered = [jnp.asarray(tensors[name], leaf.dtype) for name, leaf in wanted.items()]
    return jax.tree.unflatten(jax.tree.structure(template), ordered)


def load_configuration(path: pathlib.Path) -> dict:
    """The configuration that was saved with the arrays of a file."""
    from safetensors import safe_open

    with safe_open(str(path), framework="numpy") as file:
        return json.loads(file.metadata()["configuration"])
