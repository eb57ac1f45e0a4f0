"""Where the standard normals of a path come from.

A kind of draws is a function `(key, n_paths, n_steps, n_normals, dtype) -> Source`; a source
gives the normals of path `i`, which depend on the key and on `i` only.
"""

from abc import abstractmethod
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deephedge.numerics.threefry import counted_normals
from deephedge.typing import Array, Float, Int, PRNGKeyArray, Scalar


class AbstractSource(eqx.Module):
    """Standard normals, path by path."""

    @abstractmethod
    def __call__(self, index: Int[Array, ""]) -> Float[Array, "step normal"]:
        """The normals of path `index`."""

    def log_weight(self, normals: Float[Array, "step normal"]) -> Scalar | None:
        """The logarithm of how often those normals should come over how often they do.

        `None` where they come as often as standard normals do, and every path counts the same.
        """
        return None


Draws = Callable[[PRNGKeyArray, int, int, int, jnp.dtype], AbstractSource]


class _Pseudo(AbstractSource):
    key: PRNGKeyArray
    n_steps: int = eqx.field(static=True)
    n_normals: int = eqx.field(static=True)
    dtype: str = eqx.field(static=True)

    def __call__(self, index: Int[Array, ""]) -> Float[Array, "step normal"]:
        flat = counted_normals(self.key, index, self.n_steps * self.n_normals, self.dtype)
        return flat.reshape(self.n_steps, self.n_normals)


class _Antithetic(AbstractSource):
    pairs: AbstractSource

    def __call__(self, index: Int[Array, ""]) -> Float[Array, "step normal"]:
        normals = self.pairs(index // 2)
        return jnp.where(index % 2 == 0, normals, -normals)


class _Table(AbstractSource):
    points: Float[Array, "path step normal"]

    def __call__(self, index: Int[Array, ""]) -> Float[Array, "step normal"]:
        return self.points[index]


def pseudo(
    key: PRNGKeyArray, n_paths: int, n_steps: int, n_normals: int, dtype: jnp.dtype
) -> AbstractSource:
    """Independent pseudo-random normals."""
    del n_paths
    return _Pseudo(key, n_steps, n_normals, np.dtype(dtype).name)


def antithetic(
    key: PRNGKeyArray, n_paths: int, n_steps: int, n_normals: int, dtype: jnp.dtype
) -> AbstractSource:
    """Paths in pairs with opposite normals: path 2i + 1 mirrors path 2i."""
    return _Antithetic(pseudo(key, n_paths, n_steps, n_normals, dtype))


def sobol(
    key: PRNGKeyArray, n_paths: int, n_steps: int, n_normals: int, dtype: jnp.dtype
) -> AbstractSource:
    """A scrambled Sobol sequence through the inverse normal distribution, made on the host.

    The number of paths should be a power of two. The points are not independent, so the
    standard errors reported for them are those of independent paths: an upper bound in practice.
    Memory: the whole table, `n_paths * n_steps * n_normals` numbers.

    Reference: Owen (1998), Scrambling Sobol' and Niederreiter-Xing points.
    """
    from scipy.special import ndtri
    from scipy.stats import qmc

    seed = np.asarray(jax.random.key_data(key), dtype=np.uint32)
    engine = qmc.Sobol(n_steps * n_normals, scramble=True, rng=np.random.default_rng(seed))
    # Balance in a net of a power of two; a shorter sample is its beginning.
    points = engine.random_base2(max(int(np.ceil(np.log2(max(n_paths, 1)))), 0))[:n_paths]
    half = 0.5 / 2**32
    normals = ndtri(np.clip(points, half, 1.0 - half))
    return _Table(jnp.asarray(normals.reshape(n_paths, n_steps, n_normals), dtype=dtype))
