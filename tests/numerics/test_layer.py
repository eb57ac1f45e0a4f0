"""A layer is x @ W + b whichever way it is batched and differentiated."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.numerics.layer import affine

WEIGHT, BIAS, X = (
    jax.random.normal(key, shape)
    for key, shape in zip(
        jax.random.split(jax.random.key(0), 3), ((3, 2), (2,), (5, 3)), strict=True
    )
)


def plain(weight, bias, x):
    return x @ weight + bias


def network(layer):
    """A scalar with curvature."""
    return lambda weight, bias, x: jnp.sum(jnp.tanh(layer(weight, bias, x)) ** 2)


def over_paths(layer):
    return lambda weight, bias, x: jax.vmap(network(layer), (None, None, 0))(weight, bias, x).sum()


def remembered(layer):
    """The layer in a loop that is computed again, as in a hedge."""

    def one(weight, bias, x):
        def step(held, seen):
            return held + layer(weight, bias, jnp.append(seen, held)).sum(), None

        return jax.lax.scan(jax.checkpoint(step), 0.0, x.reshape(-1, 2))[0]

    return lambda weight, bias, x: jax.vmap(one, (None, None, 0))(weight, bias, x).sum()


WAYS = {
    "one": lambda layer: layer(WEIGHT, BIAS, X[0]),
    "paths": lambda layer: jax.vmap(layer, (None, None, 0))(WEIGHT, BIAS, X),
    "paths by columns": lambda layer: jax.vmap(layer, (None, None, 1), 1)(WEIGHT, BIAS, X.T),
    "paths twice": lambda layer: jax.vmap(jax.vmap(layer, (None, None, 0)), (None, None, 0))(
        WEIGHT, BIAS, X.reshape(5, 1, 3)
    ),
    "members": lambda layer: jax.vmap(layer, (0, 0, None))(
        jnp.stack([WEIGHT, -WEIGHT]), jnp.stack([BIAS, BIAS]), X[0]
    ),
    "members of paths": lambda layer: jax.vmap(jax.grad(over_paths(layer)), (0, 0, None))(
        jnp.stack([WEIGHT, -WEIGHT]), jnp.stack([BIAS, BIAS]), X
    ),
    "slopes": lambda layer: jax.grad(over_paths(layer), (0, 1, 2))(WEIGHT, BIAS, X),
    "slopes of each path": lambda layer: jax.vmap(
        jax.grad(network(layer), (0, 1, 2)), (None, None, 0)
    )(WEIGHT, BIAS, X),
    "curvature": lambda layer: jax.vmap(jax.hessian(network(layer), 2), (None, None, 0))(
        WEIGHT, BIAS, X
    ),
    "curvature in weights": lambda layer: jax.hessian(over_paths(layer))(WEIGHT, BIAS, X),
    "forward": lambda layer: jax.jvp(over_paths(layer), (WEIGHT, BIAS, X), (WEIGHT, BIAS, X)),
    "hedge": lambda layer: jax.grad(remembered(layer), (0, 1, 2))(
        WEIGHT, BIAS, jnp.tile(X[:, :2], (1, 3))
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_layer_is_a_matrix_product_and_a_shift(way):
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6),
        jax.jit(lambda: WAYS[way](affine))(),
        jax.jit(lambda: WAYS[way](plain))(),
    )
