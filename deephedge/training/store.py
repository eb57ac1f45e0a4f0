"""Trained policies on disk: weights as safetensors, with the configuration beside them."""

import pathlib

import equinox as eqx

from deephedge.numerics.tensors import load_configuration as load_configuration
from deephedge.numerics.tensors import load_tensors, save_tensors
from deephedge.policies.base import AbstractTrainablePolicy
from deephedge.training.trainable import split_trainable


def save_policy(path: pathlib.Path, policy: AbstractTrainablePolicy, configuration: dict) -> None:
    """Write the trained weights, and a JSON configuration that says how to build the rest."""
    save_tensors(path, split_trainable(policy)[0], configuration)


def load_policy(path: pathlib.Path, template: AbstractTrainablePolicy) -> AbstractTrainablePolicy:
    """The policy `template` with the weights of the file; names and shapes must agree."""
    weights, rest = split_trainable(template)
    return eqx.combine(load_tensors(path, weights, "policy"), rest)
