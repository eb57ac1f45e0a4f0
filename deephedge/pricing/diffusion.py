r"""A step of $U_\tau = \tfrac12\sigma^2F^2U_{FF} + \mu FU_F$ on a grid, and dates to take it at."""

import jax.numpy as jnp
import numpy as np
from jax import lax

from deephedge.numerics import safe
from deephedge.typing import Array, Float, Scalar

Nodes = Float[Array, " node"]
Matrix = tuple[Nodes, Nodes]


def diffusion(nodes: Nodes, vol: Scalar, drift: Scalar | None = None) -> Matrix:
    r"""Weights of the neighbours below and above in the second difference; none at the ends.

    Exact for straight lines, so that a forward is worth its payoff and parity holds. With a drift,
    central first differences are added. The variance v is then $(v^4 + (\mu h)^4)^{1/4}$, with h
    the gap on the side that prices leave: no weight is negative, and on a grid that is not far too
    coarse for the drift it is the same to many digits.
    """
    gap = jnp.diff(nodes) / nodes[1:]
    down, up = gap[:-1], gap[1:] * nodes[2:] / nodes[1:-1]
    if drift is None:
        below = above = vol**2
    else:
        least = jnp.abs(drift) * jnp.where(drift > 0, up, down)
        unit = lax.stop_gradient(jnp.maximum(least, vol**2))
        parts = safe.divide(vol**2, unit) ** 4 + safe.divide(least, unit) ** 4
        variance = unit * safe.sqrt(safe.sqrt(parts))
        below, above = variance - drift * up, variance + drift * down
    below = below / (down * (down + up))
    above = above / (up * (down + up))
    return jnp.pad(below, 1), jnp.pad(above, 1)


def advance(matrix: Matrix, values: Nodes, dt: Scalar, implicit: Scalar) -> Nodes:
    """The values after a step that weighs the new values by `implicit`: 1 Euler, 1/2 Crank."""
    weight = implicit * dt
    lower, upper = (-weight * x for x in matrix)
    diagonal = 1.0 - lower - upper
    right = known(matrix, values, dt, implicit)[:, None]
    return lax.linalg.tridiagonal_solve(lower, diagonal, upper, right)[:, 0]


def known(matrix: Matrix, values: Nodes, dt: Scalar, implicit: Scalar) -> Nodes:
    """The values and the part of a step's change that they bring about."""
    return values + (1.0 - implicit) * dt * change(matrix, values)


def change(matrix: Matrix, values: Nodes) -> Nodes:
    """The slope in time: the second difference, and the drift's."""
    below, above = matrix
    before, after = jnp.roll(values, 1), jnp.roll(values, -1)
    return below * (before - values) + above * (after - values)


def backward_steps(
    tau: Scalar, n_steps: int, power: float = 2.0
) -> tuple[Float[Array, " step"], Float[Array, " step"]]:
    r"""Lengths of the steps on dates $\tau (k/n)^p$, and how implicit each is.

    With p = 2 the dates crowd at the start, where a kink dissolves and an exercise boundary moves
    fastest. The first two intervals are taken in halves, implicitly.

    Reference: Rannacher (1984); Forsyth and Vetzal (2002) on the dates.
    """
    lengths = np.diff((np.arange(n_steps + 1) / n_steps) ** power)
    lengths = np.concatenate([np.repeat(lengths[:2] / 2, 2), lengths[2:]])
    implicit = np.where(np.arange(lengths.size) < 4, 1.0, 0.5)
    return tau * jnp.asarray(lengths, tau.dtype), jnp.asarray(implicit, tau.dtype)


def critical_node(nodes: Nodes, gap: Nodes, floor: Nodes, sign: Scalar) -> Scalar:
    """The price where exercise begins, between two nodes; far away where it never does.

    Beyond the boundary the value leaves the exercise value like a square of the distance.

    Args:
        nodes: prices, ascending.
        gap: value less exercise value.
        floor: exercise value.
        sign: 1 where exercise is right at high prices, -1 at low ones.
    """
    high = sign > 0
    nodes, gap, floor = (jnp.where(high, x[::-1], x) for x in (nodes, gap, floor))
    held = (gap <= 1e-7 * jnp.max(jnp.abs(floor))) & (floor > 0)
    last = jnp.max(jnp.where(held, jnp.arange(nodes.shape[0]), 0))
    last = jnp.minimum(last, nodes.shape[0] - 3)
    one, two = safe.sqrt(gap[last + 1]), safe.sqrt(gap[last + 2])
    slope = safe.divide(nodes[last + 2] - nodes[last + 1], two - one)
    price = nodes[last + 1] - one * slope
    ends = nodes[last], nodes[last + 1]
    price = jnp.clip(price, jnp.minimum(*ends), jnp.maximum(*ends))
    return jnp.where(jnp.any(held), price, jnp.where(high, 1e6, 1e-6) * nodes[last])
