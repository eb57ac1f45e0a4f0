"""The multilayer perceptron that learned policies, pricers and markets share."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deephedge.typing import Array, Float, PRNGKeyArray


class Perceptron(eqx.Module):
    r"""Layers $x \mapsto xW + b$ with the SiLU $x/(1 + e^{-x})$ between them.

    The matrix stands on the right: a batch of rows then meets it without a transposition. It
    computes in the precision of its weights, whatever that of what it is given, and gives that
    back.
    """

    weights: tuple[Float[Array, "_ _"], ...]
    biases: tuple[Float[Array, " _"], ...]

    def __call__(self, x: Float[Array, " feature"]) -> Float[Array, " output"]:
        outside = x.dtype
        x = x.astype(self.weights[0].dtype)
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            x = jax.nn.silu(x @ weight + bias)
        return (x @ self.weights[-1] + self.biases[-1]).astype(outside)


def silent_network(
    n_in: int, n_out: int, *, width: int, depth: int, dtype: jnp.dtype, key: PRNGKeyArray
) -> Perceptron:
    """`depth` hidden layers of `width` units, whose last layer starts at zero.

    What adds the output to a classical rule therefore *starts as* that rule. Hidden
    weights are normal with variance 1 / (number of inputs).
    """
    for name, value in (("width", width), ("depth", depth)):
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"`{name}` must be a whole number of at least 1, got {value!r}.")
    sizes = [n_in] + [width] * depth
    keys = jax.random.split(key, depth)
    hidden = tuple(
        jax.random.normal(k, (a, b), dtype) / np.sqrt(a).astype(dtype)
        for k, a, b in zip(keys, sizes[:-1], sizes[1:], strict=True)
    )
    return Perceptron(
        weights=(*hidden, jnp.zeros((width, n_out), dtype)),
        biases=(*(jnp.zeros(width, dtype) for _ in range(depth)), jnp.zeros(n_out, dtype)),
    )
