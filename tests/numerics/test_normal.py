"""The normal law against SciPy, its tails and its derivatives of any order."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from deephedge.numerics import normal

X = np.linspace(-37.0, 8.0, 91)


def test_distribution_and_density_to_the_last_digits_also_in_the_lower_tail():
    np.testing.assert_allclose(normal.cdf(jnp.asarray(X)), stats.norm.cdf(X), rtol=1e-12)
    np.testing.assert_allclose(normal.pdf(jnp.asarray(X)), stats.norm.pdf(X), rtol=1e-12)


def test_the_quantile_inverts_the_distribution():
    p = np.array([1e-300, 1e-20, 0.01, 0.5, 0.999])
    np.testing.assert_allclose(normal.cdf(normal.quantile(jnp.asarray(p))), p, rtol=1e-10)


def test_derivatives_are_hermite_polynomials_times_the_density():
    x = jnp.linspace(-6.0, 6.0, 25)
    derivatives, f = [], normal.cdf
    for _ in range(4):
        f = jax.grad(f)
        derivatives.append(jax.vmap(f)(x))
    density = normal.pdf(x)
    hermite = [jnp.ones_like(x), -x, x**2 - 1.0, 3.0 * x - x**3]
    for ours, polynomial in zip(derivatives, hermite, strict=True):
        np.testing.assert_allclose(ours, polynomial * density, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("x", [-jnp.inf, -1e30, 1e30, jnp.inf])
def test_infinite_arguments_have_zero_slopes(x):
    x = jnp.asarray(x, float)
    assert normal.cdf(x) == (0.0 if x < 0 else 1.0)
    for f in (normal.cdf, normal.pdf, jax.grad(normal.cdf)):
        assert jax.grad(f)(x) == 0.0
