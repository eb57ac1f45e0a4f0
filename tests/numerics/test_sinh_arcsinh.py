"""The sinh-arcsinh law against integrals over the normal density."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from deephedge.numerics.sinh_arcsinh import SinhArcsinh


def law(skew, tail):
    return SinhArcsinh(jnp.asarray(skew), jnp.asarray(tail))


def expectation(function):
    z = np.linspace(-12.0, 12.0, 48_001)
    return integrate.simpson(np.asarray(function(jnp.asarray(z))) * stats.norm.pdf(z), x=z)


@pytest.mark.parametrize(("skew", "tail"), [(0.0, 1.0), (-0.3, 0.8), (0.4, 0.6), (-0.2, 1.4)])
def test_it_has_mean_zero_and_mean_square_one(skew, tail):
    x = law(skew, tail)
    assert expectation(x) == pytest.approx(0.0, abs=2e-4)
    assert expectation(lambda z: x(z) ** 2) == pytest.approx(1.0, abs=1e-3)
    assert float(x.log_moment(jnp.asarray(0.05))) == pytest.approx(
        np.log(expectation(lambda z: jnp.exp(0.05 * x(z)))), abs=2e-5
    )


def test_without_shape_it_is_the_normal_law():
    z = jnp.linspace(-4.0, 4.0, 9)
    np.testing.assert_allclose(law(0.0, 1.0)(z), z, atol=1e-12)
    assert float(law(0.0, 1.0).log_moment(jnp.asarray(0.3))) == pytest.approx(0.045, rel=1e-12)


def test_a_negative_skew_and_a_small_tail_do_what_they_say():
    def moment(x, order):
        return expectation(lambda z: x(z) ** order)

    assert moment(law(-0.2, 0.8), 3) < -0.3
    assert moment(law(0.0, 0.8), 4) > 3.5
    assert moment(law(0.0, 1.2), 4) < 2.8


@pytest.mark.slow
def test_the_inverse_undoes_it_and_knows_its_slope():
    x, z = law(-0.3, 0.7), jnp.linspace(-5.0, 5.0, 41)
    back, log_slope = x.inverse(x(z))
    np.testing.assert_allclose(back, z, rtol=1e-9, atol=1e-12)
    slope = jax.vmap(jax.grad(lambda v: x.inverse(v)[0]))(x(z))
    np.testing.assert_allclose(log_slope, jnp.log(slope), rtol=1e-9, atol=1e-9)
