"""Cubic interpolation at equally spaced nodes."""

from deephedge.typing import Array


def cubic_weights(s: Array) -> tuple[Array, Array, Array, Array]:
    """Lagrange's weights of the nodes -1, 0, 1 and 2 at s, in units of the nodes' distance."""
    return (
        -s * (s - 1) * (s - 2) / 6,
        (s + 1) * (s - 1) * (s - 2) / 2,
        -(s + 1) * s * (s - 2) / 2,
        (s + 1) * s * (s - 1) / 6,
    )
