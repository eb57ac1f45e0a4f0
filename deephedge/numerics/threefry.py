"""Normals that are a pure function of a key, a path and a position: a counter-based generator.

JAX's own generator runs the same cipher, but on a CPU as a loop over whole arrays, at ten times the
cost. Written out, its twenty rounds fuse into what uses the numbers.
"""

import math

import jax
import jax.numpy as jnp
from jax import lax

from deephedge.typing import Array, Float, Int, PRNGKeyArray

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA


def threefry(key: tuple[Array, Array], counter: tuple[Array, Array]) -> tuple[Array, Array]:
    """Threefry-2x32 with 20 rounds: two random words for a two-word key and a two-word counter.

    Reference: Salmon, Moraes, Dror and Shaw (2011), Parallel random numbers: as easy as 1, 2, 3.
    """
    words = (*key, key[0] ^ key[1] ^ jnp.uint32(_PARITY))
    a, b = counter[0] + words[0], counter[1] + words[1]
    for block in range(5):
        for distance in _ROTATIONS[block % 2]:
            a = a + b
            b = a ^ ((b << distance) | (b >> (32 - distance)))
        a = a + words[(block + 1) % 3]
        b = b + words[(block + 2) % 3] + jnp.uint32(block + 1)
    return a, b


def counted_normals(
    key: PRNGKeyArray, index: Int[Array, ""], n: int, dtype: str
) -> Float[Array, " n"]:
    """`n` standard normals of path `index`; 24 random bits each in float32, 52 in float64."""
    single = jnp.dtype(dtype).itemsize < 8
    seed = jax.random.bits(key, (2,), jnp.uint32)
    half, position = (n + 1) // 2, lax.iota(jnp.uint32, n)
    path = jnp.full_like(position, index.astype(jnp.uint32))
    counter = position % half if single else position
    a, b = threefry((seed[0], seed[1]), (path, counter))
    if single:
        # Each word is made twice and used once: quicker than joining two halves.
        centred = _centred(jnp.where(position < half, a, b) >> 8, 24, dtype)
    else:
        wide = (a.astype(jnp.uint64) << 20) | (b >> 12).astype(jnp.uint64)
        centred = _centred(wide, 52, dtype)
    return math.sqrt(2.0) * lax.erf_inv(centred)


def _centred(integer: Array, bits: int, dtype: str) -> Array:
    """Integers below 2^bits to the midpoints of as many cells of (-1, 1): never an end point."""
    return (2.0 * integer.astype(dtype) + (1.0 - 2.0**bits)) * 2.0**-bits
