"""Influence functions and the standard errors that come from them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.numerics.statistics import influence, standard_error

X = jax.random.normal(jax.random.key(0), (1000,))


def mean(values, weights):
    return jnp.sum(weights * values)


def variance(values, weights):
    return jnp.sum(weights * (values - mean(values, weights)) ** 2)


def test_the_mean_has_its_textbook_standard_error():
    np.testing.assert_allclose(influence(mean, X), X - jnp.mean(X), atol=1e-12)
    expected = np.std(np.asarray(X)) / np.sqrt(1000)
    np.testing.assert_allclose(standard_error(influence(mean, X)), expected, rtol=1e-12)


def test_the_variance_has_its_textbook_influence():
    centred = np.asarray(X - jnp.mean(X))
    expected = centred**2 - np.mean(centred**2)
    np.testing.assert_allclose(influence(variance, X), expected, atol=1e-12)


def test_a_smooth_functional_has_the_error_of_the_delta_method():
    def log_of_mean(values, weights):
        return jnp.log(mean(values, weights))

    shifted = X + 10.0
    error = standard_error(influence(mean, shifted)) / jnp.mean(shifted)
    np.testing.assert_allclose(standard_error(influence(log_of_mean, shifted)), error, rtol=1e-12)


def test_antithetic_pairs_count_as_one_draw_each():
    pairs = jnp.stack([X, -X], axis=1).reshape(-1)
    assert float(standard_error(influence(mean, pairs), groups=2)) == pytest.approx(0.0, abs=1e-15)
    twins = jnp.repeat(X, 2)
    np.testing.assert_allclose(
        standard_error(influence(mean, twins), groups=2),
        standard_error(influence(mean, X)),
        rtol=1e-12,
    )


def test_groups_must_divide_the_paths():
    with pytest.raises(ValueError, match="`groups` must divide the number of paths, 1000, got 3"):
        standard_error(X, groups=3)


def test_it_compiles():
    error = jax.jit(lambda x: standard_error(influence(variance, x)))
    np.testing.assert_allclose(error(X), standard_error(influence(variance, X)), rtol=1e-12)
