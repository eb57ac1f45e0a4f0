"""Converters refuse bad input in one line, and leave traced values alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.numerics import checks

REFUSED = [
    (checks.positive, 0.0, "`x` must be positive, got 0.0."),
    (checks.positive, -0.2, "`x` must be positive, got -0.2."),
    (checks.non_negative, -1, "`x` must be zero or positive, got -1.0."),
    (checks.real, float("nan"), "`x` must be finite, got nan."),
    (checks.real, "12", "`x` must be a number, got '12'."),
    (checks.real, True, "`x` must be a number, got True."),
    (checks.real, None, "`x` must be a number, got None."),
]


@pytest.mark.parametrize(("rule", "value", "message"), REFUSED)
def test_bad_values_are_named(rule, value, message):
    with pytest.raises(ValueError) as caught:
        rule("x")(value)
    assert str(caught.value) == message


@pytest.mark.parametrize("value", [1, 1.0, np.float32(1.0), jnp.asarray(1.0)])
def test_numbers_become_arrays_of_strong_type(value):
    array = checks.positive("x")(value)
    assert isinstance(array, jax.Array) and not array.weak_type
    assert array == 1.0


def test_single_precision_stays_single():
    assert checks.real("x")(np.float32(0.1)).dtype == jnp.float32
    assert checks.real("x")(jnp.asarray(0.1, jnp.float32)).dtype == jnp.float32


def test_traced_values_pass_and_keep_their_slope():
    assert jax.grad(lambda x: checks.positive("x")(x) ** 2)(-3.0) == -6.0
