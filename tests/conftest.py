"""Tests run in float64, with no silent promotion of types or ranks."""

import jax
import pytest

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture(autouse=True, scope="module")
def compiled_programs_of_one_module():
    """Forget compiled programs after each file: with all of them a worker grows past 5 GB."""
    yield
    jax.clear_caches()
