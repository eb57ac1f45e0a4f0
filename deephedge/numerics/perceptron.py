"""The multilayer perceptron that learned policies, pricers and markets share."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deephedge.numerics.layer import affine
from deephedge.typing import Array, Float, PRNGKeyArray

ACTIVATIONS = {"silu": jax.nn.silu, "relu": jax.nn.relu}
"""What lies between layers: the smooth $x/(1 + e^{-x})$, or the quicker max(x, 0)."""


class Perceptron(eqx.Module):
    r"""Layers $x \mapsto xW + b$ with an activation between them: see `ACTIVATIONS`.

    It computes in the precision of its weights, whatever that of what it is given, and gives that
    back.
    """

    weights: tuple[Float[Array, "_ _"], ...]
    biases: tuple[Float[Array, " _"], ...]
    activation: str = eqx.field(static=True, default="silu")

    def __call__(self, x: Float[Array, " feature"]) -> Float[Array, " output"]:
        outside, bend = x.dtype, ACTIVATIONS[self.activation]
        x = x.astype(self.weights[0].dtype)
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            x = bend(affine(weight, bias, x))
        return affine(self.weights[-1], self.biases[-1], x).astype(outside)


def silent_network(
    n_in: int,
    n_out: int,
    *,
    width: int,
    depth: int,
    dtype: jnp.dtype,
    key: PRNGKeyArray,
    activation: str = "silu",
) -> Perceptron:
    """`depth` hidden layers of `width` units, whose last layer starts at zero.

    What adds the output to a classical rule therefore *starts as* that rule. Hidden
    weights are normal with variance 1 / (number of inputs).
    """
    for name, value in (("width", width), ("depth", depth)):
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"`{name}` must be a whole number of at least 1, got {value!r}.")
    if activation not in ACTIVATIONS:
        raise ValueError(
            f"`activation` must be one of {', '.join(ACTIVATIONS)}, got {activation!r}."
        )
    sizes = [n_in] + [width] * depth
    keys = jax.random.split(key, depth)
    hidden = tuple(
        jax.random.normal(k, (a, b), dtype) / np.sqrt(a).astype(dtype)
        for k, a, b in zip(keys, sizes[:-1], sizes[1:], strict=True)
    )
    return Perceptron(
        weights=(*hidden, jnp.zeros((width, n_out), dtype)),
        biases=(*(jnp.zeros(width, dtype) for _ in range(depth)), jnp.zeros(n_out, dtype)),
        activation=activation,
    )
