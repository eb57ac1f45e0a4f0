"""Grids of forward prices for finite differences: dense at the strikes, smooth, wide enough."""

from typing import TypeVar

import equinox as eqx
import jax.numpy as jnp
from jax import lax

from deephedge.claims.base import Pieces
from deephedge.numerics import safe
from deephedge.numerics.smooth_interpolation import STENCIL, smooth_weights
from deephedge.typing import Array, Float, PyTree, Scalar

Laid = TypeVar("Laid", bound=PyTree)

# Beyond, the squares of prices would overflow in single precision.
_WIDEST = 38.0
# Nodes between the centre and another price, for both to be nodes.
_FEWEST = 4


class PriceGrid(eqx.Module):
    r"""Forward prices $F_i = C \exp(w \sinh \xi_i)$ with $\xi_i$ equally spaced, densest at 0.

    The grid stands still when the market moves: nothing differentiates through it, so that every
    Greek is a derivative of the discrete solution on one grid.

    Reference: Tavella and Randall (2000), Pricing Financial Instruments, section 5.3.
    """

    centre: Scalar
    width: Scalar
    low: Scalar
    high: Scalar
    n_nodes: int = eqx.field(static=True)

    def nodes(self) -> Float[Array, " node"]:
        """The forward prices, ascending."""
        steps = jnp.linspace(0.0, 1.0, self.n_nodes, dtype=self.low.dtype)
        # The ends weighed so that a symmetric grid has its middle at 0 to the last digit.
        xi = (1.0 - steps) * self.low + steps * self.high
        return self.centre * jnp.exp(self.width * jnp.sinh(xi))

    def weights(self, forward: Scalar) -> tuple[Array, Float[Array, " near"]]:
        """The first of a few neighbouring nodes, and the weights of the values there."""
        return smooth_weights(self._position(forward), self.n_nodes)

    def interpolate(self, values: Float[Array, " node"], forward: Scalar) -> Scalar:
        """The value at one price, with three continuous derivatives. See `smooth_weights`."""
        first, weights = self.weights(forward)
        return weights @ lax.dynamic_slice(values, (first,), (STENCIL,))

    def interpolate_below(
        self, values: Float[Array, " node"], price: Scalar, kink: Scalar
    ) -> Scalar:
        """As `interpolate`, from no node above a `kink` that is one: see `through`."""
        last = jnp.round(lax.stop_gradient(self._position(kink)))
        count = jnp.clip(last.astype(int) + 1, STENCIL, self.n_nodes)
        first, weights = smooth_weights(self._position(price), count)
        return weights @ lax.dynamic_slice(values, (first,), (STENCIL,))

    def through(self, price: Scalar) -> "PriceGrid":
        """The grid with nodes both at its centre and at a price, with which this one moves.

        Its distances change by less than one part in as many as there are nodes between the two.
        If fewer than four, the price becomes the centre.
        """
        xi = self._xi(price)
        step = (self.high - self.low) / (self.n_nodes - 1)
        shift = 0.5 * step * ((self.n_nodes - 1) % 2)
        count = jnp.floor(lax.stop_gradient(jnp.abs(xi) / step))
        apart = count >= _FEWEST
        wider = jnp.where(apart, jnp.abs(xi), step) / jnp.where(apart, count * step, step)
        low, high = wider * (self.low + shift), wider * (self.high + shift)
        centre = jnp.where(apart, self.centre, price)
        return PriceGrid(centre, self.width, low, high, self.n_nodes)

    def ending(self, price: Scalar, *, above: bool, multiple: int) -> "PriceGrid":
        """The grid cut at a price, below or above which nothing is left, so a node at its end.

        The other end moves a little, so that the centre lies a `multiple` of nodes from the cut.
        """
        end = lax.stop_gradient(self._xi(price))
        step = ((self.low if above else self.high) - end) / (self.n_nodes - 1)
        count = multiple * jnp.floor(-end / (multiple * step))
        step = jnp.where(count > 0, safe.divide(-end, count), step)
        other = end + (self.n_nodes - 1) * step
        low, high = (other, end) if above else (end, other)
        return PriceGrid(self.centre, self.width, low, high, self.n_nodes)

    def _position(self, price: Scalar) -> Scalar:
        return (self._xi(price) - self.low) / (self.high - self.low) * (self.n_nodes - 1)

    def _xi(self, price: Scalar) -> Scalar:
        return jnp.arcsinh(jnp.log(price / self.centre) / self.width)


def laid_by(values: Laid) -> Laid:
    """What a grid is laid by, as constants: it stands still under every derivative."""
    return lax.stop_gradient(values)


def price_grid(
    pieces: Pieces,
    forward: Scalar,
    deviation: Scalar,
    n_nodes: int,
    *,
    cover: Scalar | float = 0.0,
    width: float = 1.0,
) -> PriceGrid:
    """A grid that holds the strikes, the spot's forward, and what it may become.

    Args:
        pieces: the payoff, for its strikes.
        forward: of the final price.
        deviation: standard deviation of the log-price until maturity.
        n_nodes: an odd number puts a single strike on a node.
        cover: further distance in log-price to reach on either side.
        width: how far from the strikes the grid is dense, in deviations.
    """
    strikes, forward, deviation, cover = laid_by((pieces.strike, forward, deviation, cover))
    logs = jnp.where(strikes > 0, safe.log(strikes), jnp.log(forward))
    centre = jnp.mean(logs)
    spread = jnp.max(jnp.abs(logs - centre))
    far = jnp.maximum(jnp.abs(jnp.log(forward) - centre), spread) + cover
    half = jnp.minimum(far + 6.0 * deviation + 0.5 * deviation**2 + 1e-3, _WIDEST)
    dense = jnp.minimum(width * deviation + spread + 1e-3, 0.25 * half)
    reach = jnp.arcsinh(half / dense)
    return PriceGrid(jnp.exp(centre), dense, -reach, reach, n_nodes)


def at_maturity(pieces: Pieces, nodes: Float[Array, " node"]) -> Float[Array, " node"]:
    """The payoff at the nodes; its mean over the cell of a node where a strike cuts that cell.

    The mean keeps the error of second order wherever the strikes lie, also for digitals.

    Reference: Pooley, Vetzal and Forsyth (2003).
    """
    edges = 0.5 * (nodes[1:] + nodes[:-1])
    low = jnp.concatenate([nodes[:1], edges])[:, None]
    high = jnp.concatenate([edges, nodes[-1:]])[:, None]
    strike, sign = pieces.strike[None, :], pieces.sign[None, :]
    cash, shares = pieces.cash[None, :], pieces.shares[None, :]
    cut = jnp.clip(strike, low, high)
    start, end = jnp.where(sign > 0, cut, low), jnp.where(sign > 0, high, cut)
    mean = (end - start) / (high - low) * (cash + 0.5 * shares * (start + end))
    price = nodes[:, None]
    plain = jnp.where(sign * (price - strike) > 0, cash + shares * price, 0.0)
    inside = (strike > low) & (strike < high)
    return jnp.sum(jnp.where(inside, mean, plain), axis=1)
