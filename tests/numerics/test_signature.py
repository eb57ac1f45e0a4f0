"""Signatures obey their algebra; the energy distance is that of its closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.numerics.signature import energy_distance, signature


def orders(path):
    d = path.shape[1]
    one, two, three = np.split(np.asarray(jax.jit(signature)(path)), [d, d + d**2])
    return one, two.reshape(d, d), three.reshape(d, d, d)


def walk(n, seed):
    steps = jax.random.normal(jax.random.key(seed), (n, 3))
    return jnp.concatenate([jnp.zeros((1, 3)), jnp.cumsum(steps, axis=0)])


def test_a_straight_line_has_the_powers_of_its_step():
    step = np.array([0.5, -1.0, 2.0])
    one, two, three = orders(jnp.asarray(np.linspace(0.0, 1.0, 6)[:, None] * step[None]))
    np.testing.assert_allclose(one, step, rtol=1e-12)
    np.testing.assert_allclose(two, np.multiply.outer(step, step) / 2, rtol=1e-12)
    cube = np.multiply.outer(np.multiply.outer(step, step), step)
    np.testing.assert_allclose(three, cube / 6, rtol=1e-12)


def test_products_of_integrals_are_sums_over_shuffles():
    one, two, three = orders(walk(20, 0))
    np.testing.assert_allclose(np.multiply.outer(one, one), two + two.T, rtol=1e-10, atol=1e-10)
    shuffles = three + three.transpose(1, 0, 2) + three.transpose(2, 0, 1)
    # S^i S^{jk} = S^{ijk} + S^{jik} + S^{jki}
    np.testing.assert_allclose(np.multiply.outer(one, two), shuffles, rtol=1e-10, atol=1e-10)


def test_paths_that_follow_each_other_multiply():
    first, second = walk(7, 1), walk(9, 2)
    joined = jnp.concatenate([first, first[-1:] + second[1:]])
    a, b, whole = orders(first), orders(second), orders(joined)
    outer = np.multiply.outer
    np.testing.assert_allclose(whole[1], a[1] + outer(a[0], b[0]) + b[1], rtol=1e-10, atol=1e-10)
    third = a[2] + outer(a[1], b[0]) + outer(a[0], b[1]) + b[2]
    np.testing.assert_allclose(whole[2], third, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_the_energy_distance_of_two_normal_laws(shift):
    # E|N(m, 2)| = 2 exp(-m^2 / 4) / sqrt(pi) + m (1 - 2 Phi(-m / sqrt 2)), Szekely and Rizzo.
    from scipy.stats import foldnorm

    x, y = jax.random.normal(jax.random.key(3), (2, 20, 400, 1))
    got = np.asarray(jax.vmap(energy_distance)(x + shift, y))
    root = np.sqrt(2.0)
    far, near = (float(foldnorm.mean(m / root, scale=root)) for m in (shift, 0.0))
    exact = 2.0 * far - 2.0 * near
    error = got.std(ddof=1) / np.sqrt(20)
    assert error < 0.02
    assert abs(got.mean() - exact) < 4.0 * error
