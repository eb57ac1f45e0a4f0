"""The signature, carried step by step, and its logarithm."""

import jax
import jax.numpy as jnp
import numpy as np

from deephedge.numerics.signature import (
    extended,
    log_signature,
    lyndon_words,
    no_path,
    signature,
)


@jax.jit
def carried(path):
    so_far = no_path(path.shape[1], path.dtype)
    for step in jnp.diff(path, axis=0):
        so_far = extended(so_far, step)
    flat = jnp.concatenate([order.reshape(-1) for order in so_far])
    return flat, signature(path), log_signature(so_far)


def test_carried_step_by_step_it_is_that_of_the_whole_path():
    path = jax.random.normal(jax.random.key(0), (5, 2))
    flat, whole, logs = carried(path)
    np.testing.assert_allclose(flat, whole, rtol=1e-12, atol=1e-12)
    step = np.diff(np.asarray(path), axis=0)
    np.testing.assert_allclose(logs[:2], step.sum(axis=0), rtol=1e-12)
    # The word 01 is Lévy's area: half the difference of the two double integrals.
    second = np.asarray(whole[2:6]).reshape(2, 2)
    np.testing.assert_allclose(logs[2], 0.5 * (second[0, 1] - second[1, 0]), rtol=1e-12)


def test_a_straight_path_has_a_logarithm_of_first_order_alone():
    line = jnp.linspace(0.0, 1.0, 5)[:, None] * jnp.asarray([[1.0, -2.0]])
    logs = carried(line)[2]
    np.testing.assert_allclose(logs, [1.0, -2.0, 0.0, 0.0, 0.0], atol=1e-14)


def test_words_are_as_many_as_witt_says():
    # d + d(d - 1)/2 + (d^3 - d)/3 of lengths one to three.
    for d in (1, 2, 3, 4):
        assert len(lyndon_words(d)) == d + d * (d - 1) // 2 + (d**3 - d) // 3
