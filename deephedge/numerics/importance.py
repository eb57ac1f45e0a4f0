"""Normals that are drawn where it matters, and the weights that make up for it."""

import math

import equinox as eqx
import jax.numpy as jnp

from deephedge.numerics.draws import AbstractSource, Draws
from deephedge.typing import Array, Float, Int, PRNGKeyArray, Scalar


class Tilt(eqx.Module):
    """Another normal law for the normals of a path: independent, with these moments."""

    mean: Float[Array, "step normal"]
    deviation: Float[Array, "step normal"]


class Tilted(AbstractSource):
    r"""Half of the paths by the standard law $p$, half by the tilted one $q$, in pairs.

    All count by the balance heuristic, $w(z) = p(z)/(\tfrac12 p(z) + \tfrac12 q(z))$: unbiased,
    and never above 2, however badly the tilt is chosen (a defensive mixture). Two paths in a row
    are of one law, so that antithetic pairs stay pairs.

    Reference: Hesterberg (1995), Weighted average importance sampling and defensive mixture
    distributions; Veach and Guibas (1995), for the heuristic with fixed shares.
    """

    source: AbstractSource
    tilt: Tilt

    def __call__(self, index: Int[Array, ""]) -> Float[Array, "step normal"]:
        normals = self.source(index)
        moved = self.tilt.mean + self.tilt.deviation * normals
        return jnp.where(index // 2 % 2 == 0, normals, moved)

    def log_weight(self, normals: Float[Array, "step normal"]) -> Scalar:
        mean, deviation = self.tilt.mean, self.tilt.deviation
        standard = (normals - mean) / deviation
        ratio = jnp.sum(0.5 * (normals**2 - standard**2) - jnp.log(deviation))
        return math.log(2.0) - jnp.logaddexp(ratio, jnp.zeros_like(ratio))


def tilted(draws: Draws, tilt: Tilt) -> Draws:
    """The same kind of draws with half of the paths by the tilted law; see `Tilted`.

    The number of paths should be a multiple of four.
    """

    def drawn(
        key: PRNGKeyArray, n_paths: int, n_steps: int, n_normals: int, dtype: jnp.dtype
    ) -> AbstractSource:
        if tilt.mean.shape != (n_steps, n_normals):
            raise ValueError(
                f"`tilt` must have the path's {n_steps} steps of {n_normals} normals, got "
                f"{tilt.mean.shape}."
            )
        source = draws(key, n_paths, n_steps, n_normals, dtype)
        return Tilted(source, Tilt(tilt.mean.astype(dtype), tilt.deviation.astype(dtype)))

    return drawn
