"""Quantile regression finds quantiles."""

import jax
import jax.numpy as jnp
import numpy as np

from deephedge.numerics.quantile_regression import levels, quantile_huber


def test_slope_is_how_far_the_law_is_from_the_level():
    """Koenker and Bassett: the slope at q is P(Z < q) - tau; zero at the quantile alone."""
    draws = jnp.asarray([3.0, -1.0, 0.5, 8.0, 2.0, -4.0, 1.0, 6.0])
    quantiles = jnp.asarray([-2.0, 0.7, 2.5, 9.0])
    below = np.mean(np.asarray(draws)[None, :] < np.asarray(quantiles)[:, None], axis=1)
    expected = (below - np.asarray(levels(4, quantiles.dtype))) / 4
    slope = jax.jit(jax.grad(quantile_huber))(quantiles, draws, jnp.asarray(1e-3))
    np.testing.assert_allclose(slope, expected, atol=1e-14)
    # Within the kink it is that of squares, as equation 10 of Dabney et al. has it.
    one = quantile_huber(jnp.asarray([1.0]), jnp.asarray([1.5]), jnp.asarray(2.0))
    np.testing.assert_allclose(one, 0.5 * 0.5**2 / 2 / 2.0, rtol=1e-12)
