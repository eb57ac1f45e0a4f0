"""The multilayer perceptron that learned policies share."""

import equinox as eqx
import jax
import jax.numpy as jnp

from deephedge.typing import PRNGKeyArray


def silent_network(
    n_in: int, n_out: int, *, width: int, depth: int, dtype: jnp.dtype, key: PRNGKeyArray
) -> eqx.nn.MLP:
    """`depth` hidden layers of `width` SiLU units, whose last layer starts at zero.

    A policy that adds the output to a classical hedge therefore *starts as* that hedge.
    """
    for name, value in (("width", width), ("depth", depth)):
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"`{name}` must be a whole number of at least 1, got {value!r}.")
    network = eqx.nn.MLP(
        n_in, n_out, width, depth, activation=jax.nn.silu, dtype=dtype, key=key
    )
    last = lambda net: (net.layers[-1].weight, net.layers[-1].bias)  # noqa: E731
    return eqx.tree_at(last, network, jax.tree.map(jnp.zeros_like, last(network)))
