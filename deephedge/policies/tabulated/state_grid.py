"""Where a snapshot stands on a grid of dates, variances and log-prices."""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jax import lax

from deephedge.markets.base import Snapshot
from deephedge.numerics import safe
from deephedge.numerics.cubic_weights import cubic_weights
from deephedge.typing import Array, Float, Int, Scalar


class Spot(NamedTuple):
    """The nodes around one point of an axis, and their weights."""

    first: Int[Array, ""]
    weights: Float[Array, " near"]


class Place(NamedTuple):
    """Where a snapshot stands: its date, and the nodes around its variance and log-price."""

    date: Int[Array, ""]
    root: Spot
    log_price: Spot


class StateGrid(eqx.Module):
    r"""Equally spaced $\log(S/L_k)$ and $\sqrt v$ at each of some dates.

    With $L_k$ `levels`. Between nodes a table is read by Lagrange's cubic in each direction;
    beyond the ends it stays as it is. One node of $\sqrt v$ (`roots`) stands for a variance that
    does not matter; else $v$ is the snapshot's first factor.
    """

    times: Float[Array, " step"]
    levels: Float[Array, " step"]
    log_prices: Float[Array, " price"]
    roots: Float[Array, " state"]

    def place(self, now: Snapshot) -> Place:
        """The nodes around a snapshot, at the nearest of the dates."""
        date = jnp.argmin(jnp.abs(self.times - lax.stop_gradient(now.time)))
        x = safe.log(now.prices[0]) - jnp.log(self.levels[date])
        if self.roots.shape[0] == 1:
            root = Spot(jnp.zeros((), int), jnp.ones((1,), x.dtype))
        else:
            root = near(self.roots, safe.sqrt(now.factors[0]))
        return Place(date, root, near(self.log_prices, x))

    def read(self, table: Float[Array, "step state price"], place: Place) -> Scalar:
        """The table's value at a place."""
        values = table[place.date, _nodes(place.root)[:, None], _nodes(place.log_price)[None, :]]
        return place.root.weights @ values @ place.log_price.weights


def read_row(table: Float[Array, "step state price node"], place: Place, node: Spot) -> Scalar:
    """A value of a table with one more axis."""
    rows = _nodes(place.root)[:, None, None], _nodes(place.log_price)[None, :, None]
    values = table[place.date, rows[0], rows[1], _nodes(node)[None, None, :]]
    return place.root.weights @ (values @ node.weights) @ place.log_price.weights


def _nodes(spot: Spot) -> Int[Array, " near"]:
    return spot.first + jnp.arange(spot.weights.shape[0])


def near(nodes: Float[Array, " node"], x: Scalar) -> Spot:
    """The four of equally spaced nodes around x, and Lagrange's weights."""
    n = nodes.shape[0]
    position = jnp.clip((x - nodes[0]) / (nodes[1] - nodes[0]), 0.0, float(n - 1))
    left = jnp.clip(jnp.floor(lax.stop_gradient(position)), 1.0, float(n - 3))
    s = position - left
    return Spot(left.astype(int) - 1, jnp.stack(cubic_weights(s)))
