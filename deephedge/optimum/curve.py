"""A function of the holdings, known with its slope at equally spaced nodes."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.numerics import safe
from deephedge.typing import Array, Float


class Curve(eqx.Module):
    r"""The cubic curve through values and slopes at nodes (Hermite's), along the last axis.

    Of fourth order in the nodes' distance; its slope is continuous.
    """

    nodes: Float[Array, " node"]
    value: Float[Array, "*state node"]
    slope: Float[Array, "*state node"]

    @property
    def row(self) -> Array:
        """The nodes along the last of the values' axes."""
        return _last(self.nodes, self.value.ndim)

    @property
    def gap(self) -> Array:
        """The distance of two nodes."""
        return self.nodes[1] - self.nodes[0]

    def at(self, x: Float[Array, "*state point"]) -> Float[Array, "*state point"]:
        """The curve's values at points of each state, between the first and the last node."""
        left = self._cell((x - self.nodes[0]) / self.gap)
        s = (x - self.nodes[0]) / self.gap - left.astype(x.dtype)
        (v0, v1), (d0, d1) = self._ends(left)
        d0, d1 = d0 * self.gap, d1 * self.gap
        rise = v1 - v0
        return v0 + s * (d0 + s * (3 * rise - 2 * d0 - d1 + s * (d0 + d1 - 2 * rise)))

    def where_slope(
        self, level: Float[Array, "*state point"], bend: Float[Array, "*state point"]
    ) -> Float[Array, "*state point"]:
        r"""Where slope(x) + bend x reaches a level, for a convex curve; an end if nowhere."""
        total = self.slope[..., None, :] + bend[..., None] * _last(self.nodes, bend.ndim + 1)
        below = jnp.sum(total < level[..., None], axis=-1)
        left = jnp.clip(below - 1, 0, self.nodes.shape[0] - 2)
        return self._root(left, level, bend)

    def lowest(self, tilt: Float[Array, "*state point"]) -> Float[Array, "*state point"]:
        """Where value(x) + tilt x is least, of a curve that need not be convex."""
        total = self.value[..., None, :] + tilt[..., None] * _last(self.nodes, tilt.ndim + 1)
        best = jnp.argmin(total, axis=-1)
        rising = jnp.take_along_axis(self.slope, best, axis=-1) + tilt > 0
        left = jnp.clip(jnp.where(rising, best - 1, best), 0, self.nodes.shape[0] - 2)
        return self._root(left, -tilt, jnp.zeros_like(tilt))

    def _root(self, left: Array, level: Array, bend: Array) -> Array:
        (v0, v1), (d0, d1) = self._ends(left)
        start = self.nodes[left]
        mean = (v1 - v0) / self.gap
        # slope = c + b s + a s^2 within the cell.
        a = 3 * (d0 + d1 - 2 * mean)
        b = 6 * mean - 4 * d0 - 2 * d1 + bend * self.gap
        c = d0 + bend * start - level
        root = safe.divide(-2 * c, b + safe.sqrt(b * b - 4 * a * c))
        return start + self.gap * jnp.clip(root, 0.0, 1.0)

    def _cell(self, position: Array) -> Array:
        return jnp.clip(jnp.floor(position).astype(int), 0, self.nodes.shape[0] - 2)

    def _ends(self, left: Array) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        def both(x: Array) -> tuple[Array, Array]:
            return (
                jnp.take_along_axis(x, left, axis=-1),
                jnp.take_along_axis(x, left + 1, axis=-1),
            )

        return both(self.value), both(self.slope)


def _last(x: Array, ndim: int) -> Array:
    """The vector as the last of so many axes."""
    return x.reshape((1,) * (ndim - 1) + x.shape)
