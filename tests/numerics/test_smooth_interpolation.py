"""Interpolation with three continuous derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.numerics.smooth_interpolation import STENCIL, smooth_weights

X = jnp.arange(12.0)


def curve(values):
    def at(x):
        first, weights = smooth_weights(x, 12)
        return weights @ jax.lax.dynamic_slice(values, (first,), (STENCIL,))

    return at


@jax.jit
def first_four(values, x):
    out, f = [], curve(values)
    for _ in range(4):
        out.append(f(x))
        f = jax.jacfwd(f)
    return jnp.stack(out)


def derivatives(values, x):
    return np.asarray(first_four(values, jnp.asarray(x)))


def test_polynomials_of_degree_six_are_exact_everywhere():
    coefficients = np.asarray([0.3, -1.0, 0.2, 0.05, -0.01, 2e-3, 1e-4])
    poly = np.polynomial.Polynomial(coefficients)
    for x in (0.0, 0.4, 5.0, 6.3, 10.9, 11.0):
        exact = [poly.deriv(k)(x) if k else poly(x) for k in range(4)]
        np.testing.assert_allclose(derivatives(poly(X), x), exact, rtol=1e-9, atol=1e-9)


def test_three_derivatives_are_continuous_at_the_nodes_of_rough_values():
    values = jnp.asarray([0.0, 1.0, -1.0, 2.0, 0.5, 0.0, 3.0, -2.0, 1.0, 1.0, 0.0, 4.0])
    for node in (4.0, 5.0, 6.0, 7.0):
        below, above = derivatives(values, node - 1e-7), derivatives(values, node + 1e-7)
        np.testing.assert_allclose(below, above, atol=1e-4)
        assert float(curve(values)(jnp.asarray(node))) == pytest.approx(
            float(values[int(node)]), rel=1e-12
        )
