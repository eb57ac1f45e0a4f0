"""The certainty equivalent of what comes after a step, for every state and every holding."""

import jax.numpy as jnp
from jax import lax

from deephedge.typing import Array, Float

BLOCK = 64
"""Log-prices at a time: they share one largest exponent, which is taken out of the sum."""

LEAST = 1e-290
"""A sum over a block's prices, with the largest term 1, of which nothing is left to divide by."""

FAR = 1e7
"""Stands for the exponents and slopes of such sums."""


def certainty_equivalent(
    exponent: Float[Array, "state wide node"],
    slope: Float[Array, "state wide node"],
    weights: Float[Array, "state state offset"],
    *,
    everywhere: bool = False,
) -> tuple[Float[Array, "state price node"], Float[Array, "state price node"]]:
    r"""$\log \sum w e^{\text{exponent}}$, and the mean of `slope` under the tilted weights.

    The weights of a log-price's offsets are those of every other, so that the sum is a banded
    matrix product. `wide` has reach prices more on either side than `price`.

    Args:
        everywhere: also at holdings so far from good ones that nothing is left of their sum beside
            the largest of its block; otherwise these are dear, and steeply so.
    """
    n_states, _, window = weights.shape
    reach = (window - 1) // 2
    n_prices = exponent.shape[1] - 2 * reach
    span = BLOCK + 2 * reach
    matrix = _shifted(weights)

    def block(start: Array) -> tuple[Array, Array]:
        near, steep = (
            lax.dynamic_slice_in_dim(x, start, span, axis=1).reshape(n_states * span, -1)
            for x in (exponent, slope)
        )
        top = jnp.max(near, axis=0)
        terms = jnp.exp(near - top[None, :])
        total = matrix @ terms
        lost = total < LEAST
        safe = jnp.where(lost, 1.0, total)
        mean = (matrix @ (terms * steep)) / safe
        log_sum = jnp.log(safe) + top[None, :]
        if everywhere:
            return lax.cond(jnp.any(lost), one_by_one, lambda *_: (log_sum, mean), near, steep)
        falling = jnp.cumsum(~lost, axis=1) == 0
        mean = jnp.where(lost, jnp.where(falling, -FAR, FAR), mean)
        return jnp.where(lost, FAR, log_sum), mean

    def by_state(x: Array) -> Array:
        return jnp.moveaxis(x, 0, 1).reshape(n_states * BLOCK, -1)

    def one_by_one(near: Array, steep: Array) -> tuple[Array, Array]:
        """Each price's sum with its own largest exponent."""
        near, steep = (x.reshape(n_states, span, -1) for x in (near, steep))

        def of_price(row: Array) -> tuple[Array, Array]:
            here, slopes = (lax.dynamic_slice_in_dim(x, row, window, axis=1) for x in (near, steep))
            terms = here[None] + jnp.log(weights)[:, :, :, None]
            top = jnp.max(terms, axis=(1, 2), keepdims=True)
            parts = jnp.exp(terms - top)
            total = jnp.sum(parts, axis=(1, 2))
            return jnp.log(total) + top[:, 0, 0], jnp.sum(parts * slopes[None], axis=(1, 2)) / total

        log_sum, mean = lax.map(of_price, jnp.arange(BLOCK))
        return by_state(log_sum), by_state(mean)

    log_sum, mean = lax.map(block, jnp.arange(0, n_prices, BLOCK))

    def arranged(x: Array) -> Array:
        x = x.reshape(x.shape[0], n_states, BLOCK, -1)
        return jnp.moveaxis(x, 1, 0).reshape(n_states, n_prices, -1)

    return arranged(log_sum), arranged(mean)


def _shifted(weights: Float[Array, "state state offset"]) -> Float[Array, "row column"]:
    """The weights as a matrix: row (state, price of the block), column (state, wide price)."""
    n_states, _, window = weights.shape
    padded = jnp.pad(weights, ((0, 0), (0, 0), (0, BLOCK)))
    # Shifting a row by one is reading it again one element shorter than it is long.
    tiled = jnp.tile(padded[:, :, None, :], (1, 1, BLOCK, 1)).reshape(n_states, n_states, -1)
    span = window + BLOCK - 1
    rows = tiled[:, :, : BLOCK * span].reshape(n_states, n_states, BLOCK, span)
    return jnp.transpose(rows, (0, 2, 1, 3)).reshape(n_states * BLOCK, n_states * span)


def extended(
    values: Float[Array, "state price node"],
    slopes: Float[Array, "state price node"],
    prices: Float[Array, " wide"],
    reach: int,
) -> tuple[Float[Array, "state wide node"], Float[Array, "state wide node"]]:
    """Beyond the grid, values go on in a straight line in the price, and slopes stay."""
    inside = prices[reach:-reach]

    def line(edge: int, neighbour: int, outside: Array) -> Array:
        rise = (values[:, edge] - values[:, neighbour]) / (inside[edge] - inside[neighbour])
        return values[:, edge, None] + rise[:, None] * (outside - inside[edge])[None, :, None]

    low, high = line(0, 1, prices[:reach]), line(-1, -2, prices[-reach:])
    flat = jnp.pad(slopes, ((0, 0), (reach, reach), (0, 0)), mode="edge")
    return jnp.concatenate([low, values, high], axis=1), flat
