"""Signatures of paths, and the distance between the laws of two samples."""

import itertools
from typing import NamedTuple

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


class Tensors(NamedTuple):
    """Iterated integrals of orders one, two and three."""

    first: Float[Array, " channel"]
    second: Float[Array, "channel channel"]
    third: Float[Array, "channel channel channel"]


def no_path(channels: int, dtype: jnp.dtype) -> Tensors:
    """The signature of a path that has not moved."""
    return Tensors(*(jnp.zeros((channels,) * order, dtype) for order in (1, 2, 3)))


def extended(so_far: Tensors, step: Float[Array, " channel"]) -> Tensors:
    r"""The signature after one more straight step: Chen's identity $S \otimes e^{dx}$."""
    pair = step[:, None] * step[None, :]
    return Tensors(
        so_far.first + step,
        so_far.second + so_far.first[:, None] * step[None, :] + 0.5 * pair,
        so_far.third
        + so_far.second[:, :, None] * step[None, None, :]
        + 0.5 * so_far.first[:, None, None] * pair[None, :, :]
        + pair[:, :, None] * step[None, None, :] / 6.0,
    )


def log_signature(signature: Tensors) -> Float[Array, " word"]:
    r"""Coefficients of the logarithm $s - s^{\otimes 2}/2 + s^{\otimes 3}/3$ at Lyndon words.

    They determine the whole logarithm up to order three, and no fewer numbers do: the increments,
    the areas between channels, and the third-order terms, $d + d(d-1)/2 + (d^3-d)/3$ of them.

    Reference: Reizenstein and Graham (2020), The iisignature library, section 2.3.
    """
    one, two, three = signature
    square = one[:, None] * one[None, :]
    second = two - 0.5 * square
    third = (
        three
        - 0.5 * (one[:, None, None] * two[None, :, :] + two[:, :, None] * one[None, None, :])
        + square[:, :, None] * one[None, None, :] / 3.0
    )
    logs = (one, second, third)
    return jnp.stack([logs[len(word) - 1][word] for word in lyndon_words(one.shape[0])])


def lyndon_words(channels: int) -> list[tuple[int, ...]]:
    """Words of one to three letters that come before all of their own rotations, by length."""
    words = (w for n in (1, 2, 3) for w in itertools.product(range(channels), repeat=n))
    return [w for w in words if all(w < w[i:] + w[:i] for i in range(1, len(w)))]
