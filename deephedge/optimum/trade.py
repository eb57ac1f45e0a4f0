"""The best trade of one date, in every state and for every holding before it."""

from typing import NamedTuple

import jax.numpy as jnp

from deephedge.optimum.charges import Charges
from deephedge.optimum.curve import Curve
from deephedge.typing import Array, Float, Scalar


class Decision(NamedTuple):
    """What is best at a date, in each state."""

    lower: Float[Array, "*state"]
    """Below these holdings the hedger buys; with a fee, up to `bought`."""
    upper: Float[Array, "*state"]
    """Above these holdings the hedger sells; with a fee, down to `sold`."""
    bought: Float[Array, "*state"]
    sold: Float[Array, "*state"]
    target: Float[Array, "*state node"] | None
    """With a quadratic cost, what to hold after the trade, by the holdings before it."""


def best_trade(
    after: Curve, price: Float[Array, "*state"], discount: Scalar, charges: Charges
) -> tuple[Curve, Decision]:
    r"""Risk before the trade, $\min_{h'} c(h' - h) + W(h')$, from the risk W after it.

    Where W is convex and the cost proportional at $c$ a unit, the hedger buys up to where
    $W' = -c$ and sells down to where $W' = c$; between, it does not trade. With a quadratic cost
    $k n^2$ in addition it goes to where $W'(h') + 2k(h' - h) = \mp c$. With a fee it trades only
    where that saves more than the fee; W is then not convex, and the least value is searched for.
    All in today's money.
    """
    cost = (discount * charges.linear(price))[..., None]
    flat = jnp.zeros_like(cost)
    if charges.has_fee:
        bought, sold = after.lowest(cost), after.lowest(-cost)
    else:
        bought, sold = after.where_slope(-cost, flat), after.where_slope(cost, flat)
    if charges.has_quadratic:
        bend = (2 * discount * charges.quadratic * price)[..., None]
        return _quadratic(after, cost, bend, bought, sold)
    return _to_the_edge(after, cost, discount * charges.fee, bought, sold, charges.has_fee)


def _to_the_edge(
    after: Curve, cost: Array, fee: Scalar, bought: Array, sold: Array, has_fee: bool
) -> tuple[Curve, Decision]:
    held = after.row
    buying = after.at(bought) + cost * (bought - held) + fee
    selling = after.at(sold) + cost * (held - sold) + fee
    buys, sells = held < bought, held > sold
    if has_fee:
        buys, sells = buys & (buying < after.value), sells & (selling < after.value)
    value = jnp.where(buys, buying, jnp.where(sells, selling, after.value))
    slope = jnp.where(buys, -cost, jnp.where(sells, cost, after.slope))
    lower, upper = bought, sold
    if has_fee:
        lower = _edge(after, bought, cost, fee, below=True)
        upper = _edge(after, sold, cost, fee, below=False)
    edges = (x[..., 0] for x in (lower, upper, bought, sold))
    return Curve(after.nodes, value, slope), Decision(*edges, target=None)


def _edge(after: Curve, target: Array, cost: Array, fee: Scalar, *, below: bool) -> Array:
    """The holdings from which a trade to the target just saves its fee; infinite if none."""
    held, nodes, step = after.row, after.nodes, -1.0 if below else 1.0
    saved = after.value - after.at(target) - cost * step * (held - target) - fee
    beyond = (held < target) if below else (held > target)
    pays = beyond & (saved > 0)
    # The nearest node to the target at which the trade pays.
    last = nodes.shape[0] - 1
    index = jnp.arange(last + 1).reshape(held.shape)
    first = jnp.where(pays, index, -1 if below else last + 1)
    node = jnp.max(first, axis=-1) if below else jnp.min(first, axis=-1)
    node = node[..., None]
    none = (node < 0) | (node > last)
    outer = jnp.clip(node, 0, last)
    inner = jnp.clip(outer + (1 if below else -1), 0, last)
    far, near = (jnp.take_along_axis(saved, i, axis=-1) for i in (outer, inner))
    # The saving is interpolated in its root, which is close to linear in the distance.
    far, near = jnp.sqrt(jnp.maximum(far + fee, 0)), jnp.sqrt(jnp.maximum(near + fee, 0))
    gap = jnp.where(far > near, far - near, 1.0)
    share = jnp.clip((jnp.sqrt(fee) - near) / gap, 0.0, 1.0)
    edge = nodes[inner] + share * (nodes[outer] - nodes[inner])
    return jnp.where(none, step * jnp.inf, edge)


def _quadratic(
    after: Curve, cost: Array, bend: Array, bought: Array, sold: Array
) -> tuple[Curve, Decision]:
    held = after.row
    wide = jnp.broadcast_to(bend, after.value.shape)
    buys, sells = held < bought, held > sold
    side = jnp.where(buys, -1.0, 1.0)
    goal = after.where_slope(side * cost + bend * held, wide)
    goal = jnp.where(buys | sells, goal, held)
    trade = goal - held
    value = after.at(goal) + cost * jnp.abs(trade) + 0.5 * bend * trade**2
    slope = jnp.where(buys | sells, side * cost - bend * trade, after.slope)
    value = jnp.where(buys | sells, value, after.value)
    edges = (x[..., 0] for x in (bought, sold, bought, sold))
    return Curve(after.nodes, value, slope), Decision(*edges, target=goal)
