"""Sums of cosines and sines against their definition, with their derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.numerics.trigonometric import trigonometric_sums


@pytest.mark.parametrize("n_terms", [1, 2, 7, 16, 100])
def test_sums_and_their_derivatives_are_those_of_the_definition(n_terms):
    rng = np.random.default_rng(n_terms)
    weights, x = rng.normal(size=n_terms), rng.uniform(0.0, 9.0, 5)
    h, order = 0.3, np.arange(n_terms)
    waves = np.exp(1j * np.outer(x, h * order))
    frequencies = h * order

    def sums(points):
        return trigonometric_sums(points, jnp.asarray(h), jnp.asarray(weights))

    def slope(function):
        return lambda p: jax.jvp(function, (p,), (jnp.ones_like(p),))[1]

    for function, power in ((sums, 0), (slope(sums), 1), (slope(slope(sums)), 2)):
        exact = waves @ (weights * (1j * frequencies) ** power)
        cosines, sines = function(jnp.asarray(x))
        np.testing.assert_allclose(cosines, exact.real, rtol=1e-12, atol=1e-10)
        np.testing.assert_allclose(sines, exact.imag, rtol=1e-12, atol=1e-10)


def test_the_sums_are_linear_in_their_weights_backwards_too():
    x, h, weights = jnp.asarray([0.4, 2.0]), jnp.asarray(0.7), jnp.asarray([1.0, -2.0, 0.5])
    by_weights = jax.grad(lambda w: jnp.sum(trigonometric_sums(x, h, w)[0]))(weights)
    exact = np.cos(np.outer(np.arange(3), 0.7 * np.asarray(x))).sum(axis=1)
    np.testing.assert_allclose(by_weights, exact, rtol=1e-12)
