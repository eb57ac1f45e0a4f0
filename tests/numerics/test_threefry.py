"""The counter-based generator: its published answers, and the law of what it makes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from deephedge.numerics.threefry import counted_normals, threefry

# Key, counter, answer: the known-answer file of Salmon et al.'s Random123, threefry2x32, 20 rounds.
ANSWERS = [
    ((0x00000000, 0x00000000), (0x00000000, 0x00000000), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
]


@pytest.mark.parametrize(("key", "counter", "answer"), ANSWERS)
def test_published_answers(key, counter, answer):
    words = [jnp.asarray([word], jnp.uint32) for word in (*key, *counter)]
    got = threefry((words[0], words[1]), (words[2], words[3]))
    assert tuple(int(word[0]) for word in got) == answer


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [1, 7, 8])
def test_normals_are_finite_of_the_dtype_and_a_longer_row_begins_like_a_shorter_one(dtype, n):
    def row(n):
        index = jnp.arange(50)
        return jax.vmap(lambda i: counted_normals(jax.random.key(1), i, n, dtype))(index)

    assert row(n).shape == (50, n) and row(n).dtype == dtype
    assert np.all(np.isfinite(np.asarray(row(n))))
    if dtype == "float64":
        np.testing.assert_array_equal(row(8)[:, :n], row(n))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_law_is_standard_normal_also_across_paths(dtype, seed):
    key = jax.random.key(seed)
    x = np.asarray(jax.vmap(lambda i: counted_normals(key, i, 4, dtype))(jnp.arange(100_000)))
    x = x.astype(float)
    for column in x.T:
        assert stats.kstest(column, "norm").pvalue > 1e-4
    n = x.size
    for moment, expected, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs(np.mean(x**moment) - expected) < 4 * np.sqrt(variance / n)
    neighbours = np.mean(x[1:] * x[:-1], axis=0)
    assert np.all(np.abs(neighbours) < 4 / np.sqrt(len(x)))


def test_the_tails_are_symmetric_and_bounded_by_the_resolution():
    x = np.asarray(counted_normals(jax.random.key(2), jnp.asarray(0), 200_000, "float32"))
    # The outermost cell of 2^24 has its midpoint at 5.42 deviations.
    assert 4.0 < x.max() < 5.5 and -5.5 < x.min() < -4.0
