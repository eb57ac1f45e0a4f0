"""Tests run in float64, with no silent promotion of types or ranks."""

import os
from pathlib import Path

import jax
import pytest

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

MOST_MEMORY = 4 * 2**30
"""Bytes of a worker beyond which it forgets its compiled programs."""


@pytest.fixture(autouse=True, scope="module")
def bounded_memory():
    """Forget compiled programs after a file where they fill the memory: thousands would."""
    yield
    statm = Path("/proc/self/statm")
    if (
        statm.exists()
        and int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") > MOST_MEMORY
    ):
        jax.clear_caches()
