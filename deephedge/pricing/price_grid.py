"""Grids of forward prices for finite differences: dense at the strikes, smooth, wide enough."""

import equinox as eqx
import jax.numpy as jnp
from jax import lax

from deephedge.claims.base import Pieces
from deephedge.numerics import safe
from deephedge.typing import Array, Float, Scalar

# Nodes whose polynomial interpolates between them; an even number, so that it is centred.
_STENCIL = 6
# Beyond, the squares of prices would overflow in single precision.
_WIDEST = 38.0


class PriceGrid(eqx.Module):
    r"""Forward prices $F_i = C \exp(w \sinh \xi_i)$ with $\xi_i$ equally spaced around 0.

    The grid stands still when the market moves: nothing differentiates through it, so that every
    Greek is a derivative of the discrete solution on one grid.

    Reference: Tavella and Randall (2000), Pricing Financial Instruments, section 5.3.
    """

    centre: Scalar
    width: Scalar
    reach: Scalar
    n_nodes: int = eqx.field(static=True)

    def nodes(self) -> Float[Array, " node"]:
        """The forward prices, ascending."""
        xi = jnp.linspace(-1.0, 1.0, self.n_nodes, dtype=self.reach.dtype) * self.reach
        return self.centre * jnp.exp(self.width * jnp.sinh(xi))

    def interpolate(self, values: Float[Array, " node"], forward: Scalar) -> Scalar:
        """The value at one forward price: Lagrange's polynomial in xi through the nearest nodes."""
        xi = jnp.arcsinh(jnp.log(forward / self.centre) / self.width)
        position = 0.5 * (xi / self.reach + 1.0) * (self.n_nodes - 1)
        first = jnp.floor(lax.stop_gradient(position)) - (_STENCIL // 2 - 1)
        first = jnp.clip(first, 0.0, float(self.n_nodes - _STENCIL))
        near = lax.dynamic_slice(values, (first.astype(int),), (_STENCIL,))
        offset = position - first
        weights = []
        for i in range(_STENCIL):
            factors = [(offset - j) / (i - j) for j in range(_STENCIL) if j != i]
            weights.append(jnp.prod(jnp.stack(factors)))
        return jnp.sum(jnp.stack(weights) * near)


def price_grid(
    pieces: Pieces, forward: Scalar, deviation: Scalar, n_nodes: int, cover: Scalar | float = 0.0
) -> PriceGrid:
    """A grid that holds the strikes, the spot's forward, and what it may become.

    Args:
        pieces: the payoff, for its strikes.
        forward: of the final price.
        deviation: standard deviation of the log-price until maturity.
        n_nodes: an odd number puts a single strike on a node.
        cover: further distance in log-price to reach on either side.
    """
    strikes, forward, deviation = lax.stop_gradient((pieces.strike, forward, deviation))
    logs = jnp.where(strikes > 0, safe.log(strikes), jnp.log(forward))
    centre = jnp.mean(logs)
    spread = jnp.max(jnp.abs(logs - centre))
    far = jnp.maximum(jnp.abs(jnp.log(forward) - centre), spread) + lax.stop_gradient(cover)
    half = jnp.minimum(far + 6.0 * deviation + 0.5 * deviation**2 + 1e-3, _WIDEST)
    width = jnp.minimum(deviation + spread + 1e-3, 0.25 * half)
    return PriceGrid(jnp.exp(centre), width, jnp.arcsinh(half / width), n_nodes)


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
