"""Natural cubic splines through values at fixed nodes."""

import jax.numpy as jnp

from deephedge.typing import Array, Float, Scalar


def curvatures(nodes: Float[Array, " node"], values: Float[Array, "row node"]) -> Array:
    """Second derivatives at the nodes of the smooth curve through each row; 0 at both ends.

    Reference: Press and others (2007), Numerical Recipes, equation 3.3.7.
    """
    gaps = jnp.diff(nodes)
    slopes = jnp.diff(values, axis=1) / gaps[None, :]
    inner = jnp.diag(2.0 * (gaps[:-1] + gaps[1:]))
    inner += jnp.diag(gaps[1:-1], 1) + jnp.diag(gaps[1:-1], -1)
    bends = jnp.linalg.solve(inner, 6.0 * jnp.diff(slopes, axis=1).T).T
    return jnp.pad(bends, ((0, 0), (1, 1)))


def evaluate(
    nodes: Float[Array, " node"],
    values: Float[Array, " node"],
    bends: Float[Array, " node"],
    x: Scalar,
) -> Scalar:
    """The curve at x, given its `curvatures`; flat beyond the first and the last node.

    Reference: Press and others (2007), Numerical Recipes, equation 3.3.3.
    """
    x = jnp.clip(x, nodes[0], nodes[-1])
    right = jnp.clip(jnp.searchsorted(nodes, x), 1, nodes.shape[0] - 1)
    gap = nodes[right] - nodes[right - 1]
    b = (x - nodes[right - 1]) / gap
    a = 1.0 - b
    line = a * values[right - 1] + b * values[right]
    bow = (a**3 - a) * bends[right - 1] + (b**3 - b) * bends[right]
    return line + bow * gap**2 / 6.0
