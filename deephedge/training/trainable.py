"""Which part of a policy training may change."""

import equinox as eqx
import jax

from deephedge.policies.base import AbstractTrainablePolicy
from deephedge.typing import PyTree


def split_trainable(policy: AbstractTrainablePolicy) -> tuple[PyTree, PyTree]:
    """The floating-point arrays of `policy.network`, and everything else.

    `eqx.combine` puts the two together again.
    """
    nothing = jax.tree.map(lambda _: False, policy)
    spec = eqx.tree_at(
        lambda p: p.network, nothing, jax.tree.map(eqx.is_inexact_array, policy.network)
    )
    return eqx.partition(policy, spec)
