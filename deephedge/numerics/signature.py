"""Signatures of paths, and the distance between the laws of two samples."""

import jax.numpy as jnp

from deephedge.numerics import safe
from deephedge.typing import Array, Float, Scalar


def signature(path: Float[Array, "time channel"]) -> Float[Array, " term"]:
    r"""Iterated integrals of a piecewise linear path, of orders one to three.

    $$\int dx^i, \quad \int\!\!\int dx^i dx^j, \quad \int\!\!\int\!\!\int dx^i dx^j dx^k$$

    over increasing times: $d + d^2 + d^3$ numbers for d channels, in this order.

    Reference: Chen (1957); Lyons (1998).
    """
    step = jnp.diff(path, axis=0)
    one = _before(step)
    pair = step[:, :, None] * step[:, None, :]
    second = one[:, :, None] * step[:, None, :] + 0.5 * pair
    two = _before(second)
    third = (
        two[:, :, :, None] * step[:, None, None, :]
        + 0.5 * one[:, :, None, None] * pair[:, None, :, :]
        + pair[:, :, :, None] * step[:, None, None, :] / 6.0
    )
    orders = [jnp.sum(x, axis=0).reshape(-1) for x in (step, second, third)]
    return jnp.concatenate(orders)


def _before(increments: Array) -> Array:
    """The sum of the increments before each one."""
    return jnp.cumsum(increments, axis=0) - increments


def energy_distance(x: Float[Array, "first value"], y: Float[Array, "second value"]) -> Scalar:
    r"""$2E|X - Y| - E|X - X'| - E|Y - Y'|$ of two samples, without bias.

    Zero in the mean for samples of one law and positive for those of two.

    Reference: Székely and Rizzo (2013).
    """
    n, m = x.shape[0], y.shape[0]
    within_x = jnp.sum(_distances(x, x)) / (n * (n - 1))
    within_y = jnp.sum(_distances(y, y)) / (m * (m - 1))
    return 2.0 * jnp.mean(_distances(x, y)) - within_x - within_y


def _distances(x: Array, y: Array) -> Array:
    return safe.sqrt(jnp.sum((x[:, None, :] - y[None, :, :]) ** 2, axis=2))
