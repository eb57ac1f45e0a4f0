"""The last date on the grid: payoffs with kinks and jumps, without losing the order of the rule."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from deephedge.claims.base import AbstractEuropean, Pieces
from deephedge.numerics.cubic_weights import cubic_weights
from deephedge.optimum.charges import Charges
from deephedge.typing import Array, Float, Scalar

N_POINTS = 4
"""Of Gauss and Legendre's rule, in each part of a cell of the grid."""


def at_maturity(
    claim: AbstractEuropean,
    charges: Charges | None,
    x: Float[Array, " wide"],
    level: Scalar,
    held: Float[Array, " node"],
    discount: Scalar,
    growth: Scalar,
    aversion: Scalar,
) -> tuple[Float[Array, "wide node"], Float[Array, "wide node"]]:
    r"""Exponents and slopes of $e^{a(J_T(S) - h g S)}$ at $S = \text{level}\,e^x$, averaged.

    The average weighs the neighbourhood of a node with the cubic cardinal function of the grid
    (1 at the node, 0 at the others), and cells are cut at strikes: the sum over the nodes of the
    averages times a smooth density is its integral to fourth order in dx, as if the payoff were
    smooth. `growth` g takes shares of the last date to today's money, dividends included.

    Args:
        charges: what closing out costs; `None` where it is not charged.
    """
    dx = x[1] - x[0]
    points, weights = _points(claim.pieces(), x, dx, level)
    prices = level * jnp.exp(points)
    owed = discount * payoff_of(claim.pieces(), prices)
    unit = -growth * prices
    closing = jnp.zeros_like(prices) if charges is None else discount * charges.linear(prices)
    bend = jnp.zeros_like(prices) if charges is None else discount * charges.quadratic * prices

    # Node i is weighed in the four cells around it: i - 2 ... i + 1 (cells run from node i on).
    cells = jnp.arange(x.shape[0])[:, None] + jnp.arange(4)[None, :]
    owed, unit, closing, bend = (_around(v, cells) for v in (owed, unit, closing, bend))
    weights = jnp.transpose(weights, (1, 0, 2))[cells, jnp.arange(4)[None, ::-1]]
    weights = weights.reshape(x.shape[0], -1)

    def node(h: Array) -> tuple[Array, Array]:
        exponent = aversion * (owed + unit * h + closing * jnp.abs(h) + bend * h**2)
        slope = unit + closing * jnp.sign(h) + 2 * bend * h
        top = jnp.max(exponent, axis=1, keepdims=True)
        terms = weights * jnp.exp(exponent - top)
        total = jnp.maximum(jnp.sum(terms, axis=1), 1e-300)
        return jnp.log(total) + top[:, 0], jnp.sum(terms * slope, axis=1) / total

    exponent, slope = lax.map(node, held)
    return exponent.T, slope.T


def payoff_of(pieces: Pieces, prices: Float[Array, "*point"]) -> Float[Array, "*point"]:
    """What a claim on the final price pays."""

    def piece(cash: Scalar, shares: Scalar, strike: Scalar, sign: Scalar) -> Array:
        return jnp.where(sign * (prices - strike) > 0, cash + shares * prices, 0.0)

    parts = (pieces.cash, pieces.shares, pieces.strike, pieces.sign)
    return jnp.sum(jax.vmap(piece)(*parts), axis=0)


def _around(values: Float[Array, "cell point"], cells: Array) -> Float[Array, "node near"]:
    return values[cells].reshape(cells.shape[0], -1)


def _points(
    pieces: Pieces, x: Float[Array, " wide"], dx: Scalar, level: Scalar
) -> tuple[Float[Array, "cell point"], Float[Array, "four cell point"]]:
    """Points of every cell, and their weights for the four nodes around it; two cells more."""
    left = jnp.concatenate([x[:1] - 2 * dx, x[:1] - dx, x])
    strikes = (jnp.log(jnp.maximum(pieces.strike, 1e-300) / level)[None, :] - left[:, None]) / dx
    cuts = jnp.sort(jnp.clip(strikes, 0.0, 1.0), axis=1)
    edges = jnp.pad(cuts, ((0, 0), (1, 0)))
    edges = jnp.concatenate([edges, jnp.ones_like(left)[:, None]], axis=1)
    nodes, weights = (jnp.asarray(v, x.dtype) for v in np.polynomial.legendre.leggauss(N_POINTS))
    width = jnp.diff(edges, axis=1)[:, :, None]
    s = edges[:, :-1, None] + 0.5 * width * (1 + nodes)[None, None, :]
    weight = (0.5 * width * weights[None, None, :]).reshape(left.shape[0], -1)
    s = s.reshape(left.shape[0], -1)
    return left[:, None] + dx * s, weight[None] * jnp.stack(cubic_weights(s))
