"""Trained policies on disk: weights as safetensors, with the configuration beside them."""

import json
import pathlib

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deephedge.policies.base import AbstractTrainablePolicy
from deephedge.training.trainable import split_trainable
from deephedge.typing import Array


def _named_weights(policy: AbstractTrainablePolicy) -> dict[str, Array]:
    params, _ = split_trainable(policy)
    leaves = jax.tree_util.tree_leaves_with_path(params)
    return {jax.tree_util.keystr(path).lstrip("."): leaf for path, leaf in leaves}


def save_policy(path: pathlib.Path, policy: AbstractTrainablePolicy, configuration: dict) -> None:
    """Write the trained weights, and a JSON configuration that says how to build the rest."""
    from safetensors.numpy import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: np.asarray(leaf) for name, leaf in _named_weights(policy).items()}
    save_file(tensors, str(path), metadata={"configuration": json.dumps(configuration)})


def load_policy(path: pathlib.Path, template: AbstractTrainablePolicy) -> AbstractTrainablePolicy:
    """The policy `template` with the weights of the file; names and shapes must agree."""
    from safetensors.numpy import load_file

    if not path.exists():
        raise ValueError(
            f"`path` must be a file of trained weights, got {path}, which is not there."
        )
    tensors = load_file(str(path))
    wanted = _named_weights(template)
    shapes = {name: leaf.shape for name, leaf in wanted.items()}
    got = {name: tensor.shape for name, tensor in tensors.items()}
    if shapes != got:
        raise ValueError(
            f"the weights in {path} do not fit the policy: expected {shapes}, got {got}; build "
            "`template` with the configuration in the file."
        )
    params, static = split_trainable(template)
    ordered = [jnp.asarray(tensors[name], leaf.dtype) for name, leaf in wanted.items()]
    return eqx.combine(jax.tree.unflatten(jax.tree.structure(params), ordered), static)


def load_configuration(path: pathlib.Path) -> dict:
    """The configuration that `save_policy` wrote."""
    from safetensors import safe_open

    with safe_open(str(path), framework="numpy") as file:
        return json.loads(file.metadata()["configuration"])
