"""Tests run in float64, with no silent promotion of types or ranks."""

import gc
import os
from pathlib import Path

import jax
import pytest

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

gc.set_threshold(50_000, 20, 20)
"""Rarely: tracing makes many objects, few of them in cycles."""

MOST_MEMORY = 4 * 2**30
"""Bytes of a worker beyond which it forgets its compiled programs."""

MOST_MAPS = 40_000
"""Pieces of memory likewise: Linux grants 65,530, and a program takes a hundred."""


@pytest.fixture(autouse=True, scope="module")
def bounded_memory():
    """Forget compiled programs after a file where they fill the memory: thousands would."""
    yield
    if memory() > MOST_MEMORY:
        jax.clear_caches()


@pytest.fixture(autouse=True)
def bounded_maps(request):
    """Likewise within a file, where they use up the pieces of memory."""
    yield
    counted = request.config.stash.setdefault(TESTS, [0])
    counted[0] += 1
    if counted[0] % 20 == 0 and maps() > MOST_MAPS:
        jax.clear_caches()


TESTS = pytest.StashKey[list[int]]()


def memory() -> int:
    """Bytes in use, or 0 where the system does not say."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if statm.exists() else 0


def maps() -> int:
    """Pieces of memory in use, or 0 where the system does not say."""
    listed = Path("/proc/self/maps")
    return listed.read_bytes().count(b"\n") if listed.exists() else 0
