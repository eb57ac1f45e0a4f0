"""Normals by Brownian bridge are normals, and the first ones decide the most."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.numerics.brownian_bridge import bridge_matrix, brownian_bridge
from deephedge.numerics.draws import antithetic, pseudo, sobol


@pytest.mark.parametrize("n_steps", [1, 2, 3, 7, 8, 12, 64])
def test_the_transform_is_orthogonal_so_the_covariance_is_exact(n_steps):
    matrix = bridge_matrix(n_steps)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(n_steps), atol=1e-12)


@pytest.mark.parametrize("n_steps", [2, 5, 8])
def test_the_first_coordinate_decides_the_end_and_the_second_the_middle(n_steps):
    positions = np.cumsum(bridge_matrix(n_steps), axis=0)
    np.testing.assert_allclose(positions[-1, 0], n_steps**0.5, rtol=1e-12)
    np.testing.assert_allclose(positions[-1, 1:], 0.0, atol=1e-12)
    middle = n_steps // 2
    np.testing.assert_allclose(positions[middle - 1, 2:], 0.0, atol=1e-12)
    # Given the end, the middle has the variance of a bridge.
    expected = middle * (n_steps - middle) / n_steps
    np.testing.assert_allclose(positions[middle - 1, 1] ** 2, expected, rtol=1e-12)


@pytest.mark.parametrize("kind", [pseudo, antithetic, sobol])
def test_every_kind_of_draws_can_be_bridged(kind):
    key, dtype = jax.random.key(2), jnp.dtype("float32")
    plain = kind(key, 16, 6, 2, dtype)
    bridged = brownian_bridge(kind)(key, 16, 6, 2, dtype)
    for index in (0, 5):
        before, after = plain(jnp.asarray(index)), bridged(jnp.asarray(index))
        assert after.dtype == dtype and after.shape == (6, 2)
        expected = np.sum(np.asarray(before) ** 2, axis=0)
        np.testing.assert_allclose(np.sum(np.asarray(after) ** 2, axis=0), expected, rtol=1e-4)
        np.testing.assert_allclose(jnp.sum(after, axis=0), 6**0.5 * before[0], rtol=1e-4, atol=1e-5)
