import jax
import jax.numpy as jnp
import numpy as np

from deephedge.optimum.tilt import Tilt, gauss_hermite, root

TILT = Tilt(jnp.array([0.2, -0.3]), jnp.array([[1.2, 0.0], [0.3, 0.8]]))
SHIFT = jnp.array([0.4, -0.1])


def test_the_divergence_is_the_mean_of_the_log_density():
    nodes = gauss_hermite(4, 2, jnp.dtype(float))  # exact for the squares of a log-density
    logs = [TILT.log_density(SHIFT + e, e) for e in nodes.points]
    np.testing.assert_allclose(nodes.weights @ jnp.stack(logs), TILT.divergence(SHIFT), rtol=1e-12)


def test_the_log_density_is_that_of_the_two_normal_laws():
    from scipy.stats import multivariate_normal

    noise = jnp.array([0.7, -1.1])
    x = TILT.normals(SHIFT + noise)
    covariance = np.asarray(TILT.factor @ TILT.factor.T)
    law = multivariate_normal(np.asarray(TILT.normals(SHIFT)), covariance)
    ours = TILT.log_density(SHIFT + noise, noise)
    theirs = law.logpdf(x) - multivariate_normal(np.zeros(2)).logpdf(x)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_the_rule_gives_the_moments_of_a_shifted_normal():
    nodes = gauss_hermite(12, 1, jnp.dtype(float))
    values = jnp.stack([nodes.points[:, 0], jnp.exp(0.1 * nodes.points[:, 0])], axis=1)
    mean, growth = nodes.expectation(values, jnp.array([0.3]))
    np.testing.assert_allclose(mean, 0.3, rtol=1e-10)
    np.testing.assert_allclose(growth, np.exp(0.03 + 0.005), rtol=1e-10)


def test_the_shift_that_removes_a_drift_is_girsanovs_and_so_is_its_slope():
    nodes = gauss_hermite(10, 1, jnp.dtype(float))
    vol = 0.2 * (1 / 12) ** 0.5

    def shift(drift):
        def mean(growth, shift):
            return nodes.expectation(growth[:, None], shift) - 1.0

        growth = jnp.exp(drift / 12 - 0.5 * vol**2 + vol * nodes.points[:, 0])
        return root(mean, growth, jnp.zeros(1), 6)[0]

    value, slope = jax.jit(jax.value_and_grad(shift))(0.1)
    np.testing.assert_allclose(value, -0.1 / 12 / vol, rtol=1e-10)
    np.testing.assert_allclose(slope, -1.0 / 12 / vol, rtol=1e-10)
