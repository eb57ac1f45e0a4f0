"""Interpolation at equally spaced nodes whose derivatives up to the third are continuous."""

import jax.numpy as jnp
import numpy as np
from jax import lax

from deephedge.typing import Array, Float, Scalar

_SIDE = 3
STENCIL = 2 * _SIDE + 2
"""How many nodes an interpolated value takes."""
_OFFSETS = np.arange(-_SIDE, _SIDE + 1)
# Row i: coefficients, lowest power first, of Lagrange's polynomial that is 1 at offset i alone.
_LAGRANGE = np.linalg.inv(np.vander(_OFFSETS, increasing=True).astype(float)).T


def smooth_weights(position: Scalar, n_nodes: int | Array) -> tuple[Array, Float[Array, " near"]]:
    r"""The first of 8 neighbouring nodes, and the weights of their values.

    Between the nodes 0 and 1 it is $(1 - s)L_0 + s L_1$, with $L_j$ the polynomial of degree 6
    through the seven nodes around node j and $s(t) = t^4(35 - 84t + 70t^2 - 20t^3)$, which has
    three derivatives 0 at both ends: so at a node the curve and three derivatives are those of one
    polynomial from either side.

    Args:
        position: where, in units of the nodes' distance from the first node.
        n_nodes: at least 8; near the ends one polynomial serves.
    """
    below = jnp.floor(lax.stop_gradient(position))
    most = jnp.asarray(n_nodes - 2 - _SIDE, position.dtype)
    below = jnp.clip(below, float(_SIDE), most)
    t = position - below
    inside = jnp.clip(t, 0.0, 1.0)
    share = inside**4 * (35.0 + inside * (-84.0 + inside * (70.0 - 20.0 * inside)))
    left = jnp.pad(_lagrange(t) * (1.0 - share), (0, 1))
    right = jnp.pad(_lagrange(t - 1.0) * share, (1, 0))
    return below.astype(int) - _SIDE, left + right


def _lagrange(x: Scalar) -> Float[Array, " near"]:
    """Weights of the nodes -3 ... 3 at x."""
    coefficients = jnp.asarray(_LAGRANGE, x.dtype)
    total = coefficients[:, -1]
    for power in range(2 * _SIDE - 1, -1, -1):
        total = coefficients[:, power] + total * x
    return total
