"""Guarded functions: the textbook value where it exists, and a finite slope where it does not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.numerics import safe

X = jnp.array([1e-12, 0.3, 1.0, 7.0])


@pytest.mark.parametrize(
    ("guarded", "textbook"),
    [
        (safe.sqrt, jnp.sqrt),
        (safe.log, jnp.log),
        (lambda x: safe.power(x, 0.3), lambda x: x**0.3),
        (lambda x: safe.divide(jnp.ones_like(x), x), lambda x: 1.0 / x),
    ],
    ids=["sqrt", "log", "power", "divide"],
)
def test_value_and_slope_are_those_of_the_textbook_away_from_the_pole(guarded, textbook):
    np.testing.assert_allclose(guarded(X), textbook(X), rtol=1e-14)
    slope, expected = (jax.vmap(jax.grad(f))(X) for f in (guarded, textbook))
    np.testing.assert_allclose(slope, expected, rtol=1e-12)


@pytest.mark.parametrize("x", [0.0, -1.0, -1e300])
@pytest.mark.parametrize("order", [1, 2])
def test_slopes_are_zero_at_and_below_zero(x, order):
    def derivative(f):
        for _ in range(order):
            f = jax.grad(f)
        return f(jnp.asarray(x))

    for f in (safe.sqrt, safe.log, lambda y: safe.power(y, 0.5)):
        assert derivative(f) == 0.0


def test_a_ratio_with_zero_below_is_the_constant_asked_for():
    zero, one = jnp.asarray(0.0), jnp.asarray(1.0)
    assert safe.divide(one, zero) == 0.0
    assert safe.divide(one, zero, otherwise=2.0) == 2.0
    for argument in (0, 1):
        assert jax.grad(safe.divide, argnums=argument)(one, zero) == 0.0


def test_the_logarithm_has_a_floor():
    np.testing.assert_allclose(safe.log(jnp.asarray(0.0)), np.log(1e-90))
    single = jnp.asarray(0.0, jnp.float32)
    np.testing.assert_allclose(safe.log(single), np.log(1e-30), rtol=1e-6)
    np.testing.assert_allclose(safe.log(jnp.asarray(-3.0), floor=1e-4), np.log(1e-4))
