"""Expectations of exponentials on the grids: all of them, however steep."""

import jax.numpy as jnp
import numpy as np
from scipy.special import logsumexp

from deephedge.optimum.expectation import BLOCK, FAR, certainty_equivalent

REACH, N_PRICES = 40, 2 * BLOCK
WEIGHTS = np.exp(-0.5 * (np.arange(-REACH, REACH + 1) / 8.0) ** 2)
WEIGHTS /= WEIGHTS.sum()
WIDE = np.arange(N_PRICES + 2 * REACH) - REACH
# The exponents of three holdings: gentle, steep, and so steep that a block's largest hides others.
EXPONENT = np.stack([0.01 * WIDE, -2.0 * WIDE, 15.0 * WIDE], axis=-1)
SLOPE = np.stack([WIDE, WIDE**2 / 100, -WIDE], axis=-1)


def windows(x):
    """The numbers around each price: price, offset, holding."""
    return np.stack([x[i : i + 2 * REACH + 1] for i in range(N_PRICES)])


def direct():
    terms = windows(EXPONENT) + np.log(WEIGHTS)[None, :, None]
    total = logsumexp(terms, axis=1)
    return total, np.sum(np.exp(terms - total[:, None]) * windows(SLOPE), axis=1)


def found(everywhere):
    return certainty_equivalent(
        jnp.asarray(EXPONENT)[None],
        jnp.asarray(SLOPE, float)[None],
        jnp.asarray(WEIGHTS)[None, None],
        everywhere=everywhere,
    )


def test_every_sum_is_that_of_its_own_terms():
    for got, expected in zip(found(everywhere=True), direct(), strict=True):
        np.testing.assert_allclose(got[0], expected, rtol=1e-10, atol=1e-10)


def test_without_asking_for_all_steep_ones_are_dear():
    got, _ = found(everywhere=False)
    expected, _ = direct()
    np.testing.assert_allclose(got[0, :, 0], expected[:, 0], rtol=1e-10, atol=1e-10)
    lost = np.asarray(got[0]) == FAR
    assert lost[:, 2].any() and not lost[:, 0].any()
    np.testing.assert_allclose(np.asarray(got[0])[~lost], expected[~lost], rtol=1e-10)
