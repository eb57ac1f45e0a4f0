"""Hedging on a binomial or trinomial tree, solved exactly."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.special import logsumexp

from deephedge.claims.base import AbstractEuropean
from deephedge.costs.base import AbstractCost
from deephedge.numerics.checks import per_asset, positive
from deephedge.optimum.charges import Charges, charges
from deephedge.optimum.maturity import payoff_of
from deephedge.typing import Array, Float, Scalar

N_HALVINGS = 60
"""Of an interval of holdings: down to rounding."""


class Tree(eqx.Module):
    r"""A recombining tree: in a step the price is multiplied by `lowest` $\cdot$ `ratio`$^j$.

    With probability $p_j$, j = 0, 1 (binomial) or 0, 1, 2 (trinomial) or more. `discount` is the
    value of one unit of cash a step later.

    Reference: Cox, Ross and Rubinstein (1979); Boyle (1986).
    """

    spot: Scalar = eqx.field(converter=positive("spot"))
    lowest: Scalar = eqx.field(converter=positive("lowest"))
    ratio: Scalar = eqx.field(converter=positive("ratio"))
    probabilities: Float[Array, " move"] = eqx.field(converter=per_asset(positive("probabilities")))
    n_steps: int = eqx.field(static=True)
    discount: Scalar = eqx.field(converter=positive("discount"), default=1.0)

    @property
    def n_nodes(self) -> int:
        """At the last date."""
        return self.n_steps * (self.probabilities.shape[0] - 1) + 1

    def prices(self, k: Array) -> Float[Array, " node"]:
        """In today's money, at date k; those of nodes that the date does not have go on alike."""
        i = jnp.arange(self.n_nodes, dtype=self.spot.dtype)
        k = k.astype(self.spot.dtype)
        return self.spot * (self.lowest * self.discount) ** k * self.ratio**i


class TreeSolved(NamedTuple):
    """The least entropic risk on a tree, and the band of each node (those not there repeat)."""

    value: Scalar
    lower: Float[Array, "step node"]
    upper: Float[Array, "step node"]


class _Edges(NamedTuple):
    """A band, and the risk after a trade to its edges; of every node."""

    lower: Array
    upper: Array
    at_lower: Array
    at_upper: Array


class _Problem(eqx.Module):
    """A claim sold on a tree, with proportional costs."""

    tree: Tree
    charged: Charges
    aversion: Scalar
    paid: Float[Array, " node"]
    closing: Float[Array, " node"]
    """What a unit costs to close out; nothing where that is not charged."""

    def risk(self, edges: _Edges, k: Array, held: Array) -> tuple[Array, Array]:
        """W and its slope at every node of date k, all with the same holdings."""
        n = self.tree.n_steps

        def back(j: Array, after: tuple[Array, Array]) -> tuple[Array, Array]:
            date = n - 1 - j
            value, slope = _before(self.tree, self.aversion, date, held, after)
            at = jax.tree.map(lambda x: x[date], edges)
            fee = _unit_cost(self.tree, self.charged, date)
            clipped = jnp.clip(held, at.lower, at.upper)
            inside = clipped == held
            edge = jnp.where(held < at.lower, at.at_lower, at.at_upper)
            # At date k itself what is wanted is W, not what comes of the best trade.
            here = inside | (date == k)
            traded = edge + fee * jnp.abs(held - clipped)
            steep = jnp.where(held < at.lower, -fee, fee)
            return jnp.where(here, value, traded), jnp.where(here, slope, steep)

        end = (self.paid + self.closing * jnp.abs(held), self.closing * jnp.sign(held))
        return lax.fori_loop(0, n - k, back, end)

    def where_slope_is(
        self, level: Float[Array, " node"], edges: _Edges, k: Array, ends: tuple[Scalar, Scalar]
    ) -> tuple[Array, Array]:
        """The holdings between the ends where the slope of W is `level`, and W there."""

        def one(node: Array, level: Scalar) -> tuple[Array, Array]:
            def halve(_: Array, ends: tuple[Array, Array]) -> tuple[Array, Array]:
                left, right = ends
                middle = 0.5 * (left + right)
                rising = self.risk(edges, k, middle)[1][node] > level
                return jnp.where(rising, left, middle), jnp.where(rising, middle, right)

            left, right = lax.fori_loop(0, N_HALVINGS, halve, ends)
            best = 0.5 * (left + right)
            return best, self.risk(edges, k, best)[0][node]

        return jax.vmap(one)(jnp.arange(self.tree.n_nodes), level)

    def from_nothing(self, edges: _Edges) -> Scalar:
        """The risk at the first date with nothing held."""
        now = jnp.asarray(0)
        zero = jnp.zeros_like(self.aversion)
        first = jax.tree.map(lambda x: x[0, 0], edges)
        start = jnp.clip(zero, first.lower, first.upper)
        after = jnp.where(start > 0, first.at_lower, first.at_upper)
        traded = after + _unit_cost(self.tree, self.charged, now)[0] * jnp.abs(start)
        return jnp.where(start == 0, self.risk(edges, now, zero)[0][0], traded)


@eqx.filter_jit
def solve_tree(
    tree: Tree,
    claim: AbstractEuropean,
    cost: AbstractCost,
    aversion: Scalar | float,
    holdings: tuple[float, float],
    *,
    close_out: bool,
) -> TreeSolved:
    r"""The least entropic risk of a sold claim over all hedges with holdings in an interval.

    With no or proportional costs, and no grid: the risk W after a trade is convex in the holdings,
    and the risk before it is W between the edges of a band and straight beyond. So W at a node,
    for given holdings, needs only the edges of later nodes: the edges are found by halving, back
    from maturity, each to rounding. Costs grow with the fourth power of the number of steps.
    """
    charged = charges(cost)
    if charged.has_fee or charged.has_quadratic:
        raise ValueError(
            "`cost` must be none or proportional, got a fixed or quadratic one; use "
            "`solve_tree_among(...)`, which takes a list of holdings."
        )
    low, high = (jnp.asarray(x, tree.spot.dtype) for x in holdings)
    owed = _owed(tree, claim, charged, close_out)
    problem = _Problem(tree, charged, jnp.asarray(aversion, tree.spot.dtype), *owed)

    def solve_date(j: Array, edges: _Edges) -> _Edges:
        k = tree.n_steps - 1 - j
        fee = _unit_cost(tree, charged, k)
        lower, at_lower = problem.where_slope_is(-fee, edges, k, (low, high))
        upper, at_upper = problem.where_slope_is(fee, edges, k, (low, high))
        found = _Edges(lower, upper, at_lower, at_upper)
        return jax.tree.map(lambda x, y: x.at[k].set(y), edges, found)

    blank = _Edges(*[jnp.zeros((tree.n_steps, tree.n_nodes), tree.spot.dtype)] * 4)
    edges = lax.fori_loop(0, tree.n_steps, solve_date, blank)
    return TreeSolved(problem.from_nothing(edges), edges.lower, edges.upper)


@eqx.filter_jit
def solve_tree_among(
    tree: Tree,
    claim: AbstractEuropean,
    cost: AbstractCost,
    aversion: Scalar | float,
    holdings: Float[Array, " choice"],
    *,
    close_out: bool,
) -> Scalar:
    """The least entropic risk over all hedges whose holdings are among those given, from 0.

    For any of the costs: none, proportional, fixed or quadratic.
    """
    charged = charges(cost)
    a = jnp.asarray(aversion, tree.spot.dtype)
    n = tree.n_steps
    before = jnp.append(holdings, jnp.zeros((), holdings.dtype))
    trades = holdings[None, :] - before[:, None]

    def cash(k: Array, trade: Array) -> Array:
        """In today's money, for each node and trade."""
        prices, discount = tree.prices(k)[:, None, None], tree.discount ** k.astype(a.dtype)
        fee = discount * jnp.where(trade != 0, charged.fee, 0.0)
        linear = charged.rate * prices + discount * charged.per_unit
        return linear * jnp.abs(trade) + charged.quadratic * prices * trade**2 + fee

    end = jnp.asarray(n)
    prices = tree.prices(end)
    discount = tree.discount**n
    paid = discount * payoff_of(claim.pieces(), prices / discount)
    closing = cash(end, -before[None, None, :])[:, 0] if close_out else 0.0 * before[None, :]
    final = paid[:, None] + closing

    def back(j: Array, after: Array) -> Array:
        k = n - 1 - j
        moved = (
            _children(after[:, :-1], tree) - _gains(tree, k)[:, :, None] * holdings[None, None, :]
        )
        value = logsumexp(a * moved, b=tree.probabilities[:, None, None], axis=0) / a
        return jnp.min(value[:, None, :] + cash(k, trades[None]), axis=2)

    return lax.fori_loop(0, n, back, final)[0, -1]


def _unit_cost(tree: Tree, charged: Charges, k: Array) -> Float[Array, " node"]:
    """What a unit costs to trade at date k, in today's money."""
    discount = tree.discount ** k.astype(tree.spot.dtype)
    return charged.rate * tree.prices(k) + discount * charged.per_unit


def _owed(
    tree: Tree, claim: AbstractEuropean, charged: Charges, close_out: bool
) -> tuple[Float[Array, " node"], Float[Array, " node"]]:
    """The payoff at each node of the last date, and what a unit costs to close out there."""
    end = jnp.asarray(tree.n_steps)
    discount = tree.discount**tree.n_steps
    paid = discount * payoff_of(claim.pieces(), tree.prices(end) / discount)
    return paid, _unit_cost(tree, charged, end) if close_out else jnp.zeros_like(paid)


def _before(
    tree: Tree, a: Scalar, k: Array, held: Array, after: tuple[Array, Array]
) -> tuple[Array, Array]:
    """W and its slope at the nodes of date k, from the risk and its slope a step later."""
    gains = _gains(tree, k)
    value, slope = (_children(x, tree) for x in after)
    exponents = a * (value - held * gains)
    weights = tree.probabilities[:, None]
    total = logsumexp(exponents, b=weights, axis=0)
    tilted = weights * jnp.exp(exponents - total[None, :])
    return total / a, jnp.sum(tilted * (slope - gains), axis=0)


def _children(values: Array, tree: Tree) -> Array:
    """By move and node, what stands at the node that the move leads to."""
    moves = tree.probabilities.shape[0]
    padded = jnp.concatenate([values, *[values[-1:]] * (moves - 1)])
    return jnp.stack([padded[j : j + values.shape[0]] for j in range(moves)])


def _gains(tree: Tree, k: Array) -> Float[Array, "move node"]:
    """What a share gains in a move, in today's money."""
    now, moves = tree.prices(k), tree.probabilities.shape[0]
    later = now * tree.lowest * tree.discount
    return jnp.stack([later * tree.ratio**j - now for j in range(moves)])
