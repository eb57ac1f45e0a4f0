"""Draws are standard normals that depend on the key and the path alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from deephedge.numerics.draws import antithetic, pseudo, sobol

KEY = jax.random.key(4)


def drawn(kind, n_paths, n_steps=3, n_normals=2, key=KEY):
    source = kind(key, n_paths, n_steps, n_normals, jnp.dtype(float))
    return np.asarray(jax.vmap(source)(jnp.arange(n_paths)))


@pytest.mark.parametrize("kind", [pseudo, antithetic, sobol])
def test_every_step_is_standard_normal_and_independent_of_the_others(kind):
    normals = drawn(kind, 8192)
    assert normals.shape == (8192, 3, 2)
    columns = normals.reshape(8192, 6)
    if kind is not antithetic:
        for column in columns.T:
            assert stats.kstest(column, "norm").pvalue > 1e-4
    # Correlations of independent columns have a standard deviation of 1 / sqrt(4096) at most.
    correlation = np.corrcoef(columns.T) - np.eye(6)
    assert np.max(np.abs(correlation)) < 4 / np.sqrt(4096)


@pytest.mark.parametrize("kind", [pseudo, antithetic, sobol])
def test_the_key_and_the_path_decide(kind):
    np.testing.assert_array_equal(drawn(kind, 64), drawn(kind, 64))
    assert not np.array_equal(drawn(kind, 64), drawn(kind, 64, key=jax.random.key(5)))
    if kind is not sobol:
        np.testing.assert_array_equal(drawn(kind, 64)[:16], drawn(kind, 16))


def test_antithetic_pairs_mirror_each_other():
    normals = drawn(antithetic, 10)
    np.testing.assert_array_equal(normals[0::2], -normals[1::2])


def test_sobol_points_fill_every_dyadic_interval_once():
    uniform = stats.norm.cdf(drawn(sobol, 256).reshape(256, 6))
    for column in uniform.T:
        np.testing.assert_array_equal(np.sort(np.floor(column * 256)), np.arange(256))
