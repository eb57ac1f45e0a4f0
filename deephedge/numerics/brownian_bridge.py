"""Brownian paths built from the whole to the part, for quasi-random numbers."""

import jax.numpy as jnp
import numpy as np

from deephedge.numerics.draws import AbstractSource, Draws
from deephedge.typing import Array, Float, Int, PRNGKeyArray, Scalar


class _Bridged(AbstractSource):
    source: AbstractSource
    matrix: Float[Array, "step step"]

    def __call__(self, index: Int[Array, ""]) -> Float[Array, "step normal"]:
        return self.matrix @ self.source(index)

    def log_weight(self, normals: Float[Array, "step normal"]) -> Scalar | None:
        return self.source.log_weight(self.matrix.T @ normals)


def brownian_bridge(draws: Draws) -> Draws:
    """The same kind of draws with the first step's normals deciding where the path ends.

    The second decide its middle given the end, and so on into the halves, so that a low-
    discrepancy sequence spends its best coordinates on what matters most: use
    `brownian_bridge(sobol)`. Steps must be of equal length. The law of the normals is unchanged.

    Reference: Caflisch, Morokoff and Owen (1997), Valuation of mortgage-backed securities using
    Brownian bridges to reduce effective dimension.
    """

    def bridged(
        key: PRNGKeyArray, n_paths: int, n_steps: int, n_normals: int, dtype: jnp.dtype
    ) -> AbstractSource:
        source = draws(key, n_paths, n_steps, n_normals, dtype)
        return _Bridged(source, jnp.asarray(bridge_matrix(n_steps), dtype=dtype))

    return bridged


def bridge_matrix(n_steps: int) -> np.ndarray:
    r"""The orthogonal matrix from bridge coordinates to the normals of equal steps.

    The first coordinate moves the end of the path, each other one the middle of the longest
    stretch not yet divided, given its ends: by $\sqrt{(m - l)(r - m)/(r - l)}$ deviations of a
    step at date m between l and r.
    """
    positions = np.zeros((n_steps + 1, n_steps))
    positions[n_steps, 0] = np.sqrt(n_steps)
    stretches = [(0, n_steps)]
    for coordinate in range(1, n_steps):
        stretches.sort(key=lambda ends: ends[0] - ends[1])
        left, right = stretches.pop(0)
        middle = (left + right) // 2
        share = (middle - left) / (right - left)
        positions[middle] = (1.0 - share) * positions[left] + share * positions[right]
        positions[middle, coordinate] = np.sqrt(share * (right - middle))
        stretches += [(left, middle), (middle, right)]
    return np.diff(positions, axis=0)
