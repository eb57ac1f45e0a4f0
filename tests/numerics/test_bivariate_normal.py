"""The bivariate normal distribution against quadrature, identities and its own derivatives."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import ndtr
from scipy.stats import multivariate_normal

from deephedge.numerics import bivariate_normal

cdf = jax.jit(bivariate_normal.cdf)
CORRELATIONS = [0.0, 0.1, 0.5, 0.9, 0.924999, 0.925001, 0.97, 0.99, 0.9999, 1.0 - 1e-7, 1.0]
CORRELATIONS = np.array(CORRELATIONS + [-x for x in CORRELATIONS[1:]])
POINTS = np.array(list(itertools.product([-6.0, -2.5, -0.7, 0.0, 0.3, 1.0, 1.001, 4.0], repeat=2)))


def by_quadrature(x, y, correlation):
    """The integral over X of the conditional distribution of Y."""
    rest = math.sqrt((1.0 - correlation) * (1.0 + correlation))
    centre = min(max(y / correlation, -9.0), x) if correlation else 0.0
    width = 10.0 * rest
    cuts = sorted({-9.0, *(min(max(centre + s * width, -9.0), x) for s in (-1, 0, 1)), x})

    def integrand(z):
        return math.exp(-0.5 * z * z) * ndtr((y - correlation * z) / rest)

    parts = [
        quad(integrand, a, b, epsabs=1e-15, epsrel=1e-13, limit=200)[0]
        for a, b in itertools.pairwise(cuts)
    ]
    return sum(parts) / math.sqrt(2.0 * math.pi)


def test_it_equals_quadrature_to_twelve_digits():
    x, y = POINTS.T
    for correlation in CORRELATIONS:
        ours = np.asarray(cdf(x, y, jnp.full_like(x, correlation)))
        if abs(correlation) == 1.0:
            expected = ndtr(np.minimum(x, y)) if correlation > 0 else ndtr(x) - ndtr(-y)
            expected = np.maximum(expected, 0.0)
        else:
            expected = [by_quadrature(a, b, correlation) for a, b in POINTS]
        np.testing.assert_allclose(ours, expected, rtol=0.0, atol=2e-14, err_msg=str(correlation))


def test_scipy_agrees():
    for correlation in (-0.95, -0.3, 0.6, 0.98):
        law = multivariate_normal(cov=[[1.0, correlation], [correlation, 1.0]])
        ours = cdf(*POINTS.T, jnp.full(len(POINTS), correlation))
        np.testing.assert_allclose(ours, law.cdf(POINTS), rtol=0.0, atol=1e-12)


def test_identities():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 2000)) * 2.0
    rho = np.tanh(2.0 * rng.normal(size=2000))
    np.testing.assert_allclose(cdf(x, y, rho), cdf(y, x, rho), atol=1e-15)
    np.testing.assert_allclose(cdf(x, y, rho) + cdf(x, -y, -rho), ndtr(x), atol=1e-14)
    np.testing.assert_allclose(cdf(x, np.full_like(x, np.inf), rho), ndtr(x), atol=1e-15)
    np.testing.assert_array_equal(cdf(x, np.full_like(x, -np.inf), rho), 0.0)
    # The quarter plane (Sheppard 1899).
    quarter = 0.25 + np.arcsin(rho) / (2.0 * np.pi)
    np.testing.assert_allclose(cdf(0.0 * x, 0.0 * y, rho), quarter, atol=2e-15)


@pytest.mark.parametrize("correlation", [-0.97, -0.5, 0.0, 0.8, 0.95])
def test_derivatives_are_those_of_finite_differences(correlation):
    at = tuple(map(jnp.asarray, (0.4, -0.3, correlation)))
    slopes = jax.jit(jax.grad(bivariate_normal.cdf, argnums=(0, 1, 2)))
    bends = jax.jit(jax.jacfwd(jax.grad(bivariate_normal.cdf, argnums=(0, 1, 2)), (0, 1, 2)))(*at)
    for i in range(3):
        up, down = ([a + s * 1e-5 * (i == j) for j, a in enumerate(at)] for s in (1, -1))
        central = (cdf(*up) - cdf(*down)) / 2e-5
        np.testing.assert_allclose(slopes(*at)[i], central, rtol=1e-7, atol=1e-9)
        rows = [(a - b) / 2e-5 for a, b in zip(slopes(*up), slopes(*down), strict=True)]
        np.testing.assert_allclose([row[i] for row in bends], rows, rtol=1e-6, atol=1e-8)


def test_derivatives_are_finite_everywhere_and_float32_stays():
    points = jnp.asarray([-jnp.inf, -1e3, -40.0, -1.0, 0.0, 1.0, 39.0, 1e3, jnp.inf])
    correlations = jnp.asarray([-1.0, -0.95, 0.0, 0.5, 1.0 - 1e-16, 1.0])
    x, y, rho = (a.ravel() for a in jnp.meshgrid(points, points, correlations))
    total = jax.jit(jax.grad(lambda *a: jnp.sum(bivariate_normal.cdf(*a)), argnums=(0, 1, 2)))
    for slope in total(x, y, rho):
        assert np.all(np.isfinite(slope))
    small = tuple(a.astype(jnp.float32) for a in (x, y, rho))
    assert cdf(*small).dtype == jnp.float32
    np.testing.assert_allclose(cdf(*small), cdf(x, y, rho), atol=1e-4)
