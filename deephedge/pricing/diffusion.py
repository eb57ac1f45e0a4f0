r"""A step of $U_\tau = \tfrac12\sigma^2F^2U_{FF} + \mu FU_F$ on a grid, and dates to take it at."""

import jax.numpy as jnp
import numpy as np
from jax import lax

from deephedge.numerics import safe
from deephedge.typing import Array, Float, Scalar

Nodes = Float[Array, " node"]
Matrix = tuple[Nodes, Nodes]
# Policy iteration settles in two or three rounds; this many only if rounding makes it cycle.
_MOST = 20

# Nodes beside an edge, and the weights of their values in the slope at the edge and the curvature:
# those of a parabola by least squares, since a curve through fewer would square their noise.
_NEAR = range(1, 7)
_FIT = np.linalg.pinv(np.vander(np.asarray(_NEAR) - 0.5, 3, increasing=True))[1:] * [[1.0], [2.0]]


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


def advance(
    matrix: Matrix, values: Nodes, dt: Scalar, implicit: Scalar, income: Nodes | float = 0.0
) -> Nodes:
    """The values after a step that weighs the new values by `implicit`: 1 Euler, 1/2 Crank.

    `income` is a source: cash a year at each node.
    """
    nowhere = jnp.zeros(values.shape, bool)
    known = _known(matrix, values, dt, implicit) + dt * income
    return _solve(matrix, implicit * dt, known, nowhere, values)


def advance_above(
    matrix: Matrix, values: Nodes, dt: Scalar, implicit: Scalar, floor: Nodes
) -> Nodes:
    """The step of `advance` with the values held at or above a floor. See `advance_between`."""
    return advance_between(matrix, values, dt, implicit, floor, jnp.full_like(floor, jnp.inf))


def advance_between(
    matrix: Matrix,
    values: Nodes,
    dt: Scalar,
    implicit: Scalar,
    floor: Nodes,
    ceiling: Nodes,
    income: Nodes | float = 0.0,
) -> Nodes:
    r"""The step of `advance` with the values held between a floor and a ceiling.

    With $AU = b$ for the free step, it solves $\min(\max(AU - b, U - \text{ceiling}),
    U - \text{floor}) = 0$ by policy iteration: guess the nodes that rest on either, solve for the
    others, correct the guess. First derivatives are those of the last solve, for the values leave
    a bound without a kink; second ones also see the edge of the rest move (`_edge_moved`), and
    third ones only in part.

    Reference: Reisinger and Witte (2012), On the use of policy iteration.
    """
    weight, known = implicit * dt, _known(matrix, values, dt, implicit) + dt * income
    fixed = lax.stop_gradient((matrix, weight, known, floor, ceiling))
    resting = _resting(*fixed, lax.stop_gradient(values))
    level = jnp.where(resting > 0, ceiling, floor)
    values = _solve(matrix, weight, known, resting != 0, level)
    # Where the bounds meet, the edge of the rest does not depend on the values.
    apart, free = floor < ceiling, resting == 0
    above = values - jnp.where(jnp.isfinite(ceiling), ceiling, values)
    gained = _edge_moved(values - floor, apart & (resting < 0), free)
    gained = gained - _edge_moved(-above, apart & (resting > 0), free)
    return _solve(matrix, weight, known, resting != 0, level + gained)


def _edge_moved(gap: Nodes, resting: Array, free: Array) -> Nodes:
    r"""Nothing; but its second derivatives are what the bound gains as the edge of the rest moves.

    Past its edge B the free solution would go on as $\tfrac12 G(x - B)^2$ over its bound: at the
    edge a second derivative by a parameter is $(\partial_x V')^2/G$, with V' the first, on any
    axis x; here the numbers of the nodes. Without it the volga of an American put is off by as
    much as vega / vol on any grid.

    Args:
        gap: how far the values are inside the bound.
        resting: nodes that rest on it.
        free: nodes that rest on no bound.
    """
    nodes = jnp.arange(gap.shape[0])

    def from_side(by: int) -> Nodes:
        near = jnp.stack([jnp.roll(gap, -by * k) for k in _NEAR])
        beside = jnp.all(jnp.stack([jnp.roll(free, -by * k) for k in _NEAR]), axis=0)
        last = nodes + by * _NEAR[-1]
        slope, bend = jnp.asarray(_FIT, gap.dtype) @ near
        edge = resting & beside & (last >= 0) & (last < gap.shape[0]) & (bend > 0)
        moved = slope - lax.stop_gradient(slope)
        return 0.5 * moved**2 / lax.stop_gradient(jnp.where(edge, bend, jnp.inf))

    return from_side(1) + from_side(-1)


def _resting(
    matrix: Matrix, weight: Scalar, known: Nodes, floor: Nodes, ceiling: Nodes, guess: Nodes
) -> Array:
    """-1 at the nodes whose value is the floor, 1 where it is the ceiling, else 0.

    Where the two meet nothing is left to guess: such a node, if let go, could come back to rest on
    either side in turn, and its neighbours with it, so that no guess were the last.
    """
    meeting = floor >= ceiling

    def improve(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        held, _, count = state
        level = jnp.where(held > 0, ceiling, floor)
        values = _solve(matrix, weight, known, held != 0, level)
        surplus = values - weight * _change(matrix, values) - known
        low = jnp.where(held < 0, surplus > 0, values < floor)
        high = jnp.where(held > 0, surplus < 0, values > ceiling)
        better = jnp.where(meeting | low, -1, jnp.where(high, 1, 0))
        return better, jnp.any(better != held), count + 1

    def unsettled(state: tuple[Array, Array, Array]) -> Array:
        return state[1] & (state[2] < _MOST)

    first = jnp.where(meeting | (guess <= floor), -1, jnp.where(guess >= ceiling, 1, 0))
    return lax.while_loop(unsettled, improve, (first, jnp.asarray(True), jnp.asarray(0)))[0]


def _solve(matrix: Matrix, weight: Scalar, known: Nodes, held: Array, floor: Nodes) -> Nodes:
    below, above = matrix
    lower, upper = (jnp.where(held, 0.0, -weight * x) for x in matrix)
    diagonal = jnp.where(held, 1.0, 1.0 + weight * (below + above))
    right = jnp.where(held, floor, known)
    return lax.linalg.tridiagonal_solve(lower, diagonal, upper, right[:, None])[:, 0]


def _known(matrix: Matrix, values: Nodes, dt: Scalar, implicit: Scalar) -> Nodes:
    return values + (1.0 - implicit) * dt * _change(matrix, values)


def _change(matrix: Matrix, values: Nodes) -> Nodes:
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
