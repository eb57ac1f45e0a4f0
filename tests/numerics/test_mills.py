"""The shortfall of Mills' ratio against quadrature, its bounds and its limits."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy.integrate import quad

from deephedge.numerics import mills

shortfall = jax.jit(mills.shortfall)


def test_it_equals_an_integral_without_cancellation():
    # 1 - x R(x) is the integral of u exp(-u - u^2 / 2x^2) / x^2, by parts.
    for x in (0.5, 1.0, 3.0, 3.999, 4.0, 4.5, 10.0, 37.0):
        expected = quad(
            lambda u, x=x: u * np.exp(-u - 0.5 * (u / x) ** 2) / x**2,
            0.0,
            60.0,
            epsabs=0.0,
            epsrel=1e-13,
        )[0]
        np.testing.assert_allclose(shortfall(jnp.asarray(x)), expected, rtol=2e-14 * max(x, 1.0))


def test_limits():
    assert shortfall(jnp.asarray(0.0)) == 1.0
    far = jnp.asarray([1e3, 1e6])
    np.testing.assert_allclose(
        shortfall(far), far**-2.0 - 3.0 * far**-4.0 + 15.0 * far**-6.0, rtol=1e-11
    )
