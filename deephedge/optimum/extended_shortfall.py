"""The least mean of (payoff - final wealth)^+ without costs, by dynamic programming over wealth."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from deephedge.optimum.extended_lattice import Lattice
from deephedge.typing import Array, Bool, Float, Int, Scalar

GOLDEN = 0.6180339887498949
N_SECTIONS = 30
"""Golden sections of the interval of holdings: to 5e-7 of it."""


class Rows(eqx.Module):
    """The part of a lattice that is kept: as many points at every date, moving with the mean."""

    log_spot: Scalar
    tick: Scalar
    slide: Scalar
    """By how much the log-price of a row rises from date to date."""
    start: int = eqx.field(static=True)
    """Row of the first price."""
    shift: int = eqx.field(static=True)
    """Branch j leads from row r to row r + j - `shift`."""
    n: int = eqx.field(static=True)

    def log_price(self, k: Array, row: Array) -> Array:
        """Of a row at date k."""
        step = k.astype(self.tick.dtype) * self.slide
        return self.log_spot + step + (row - self.start).astype(self.tick.dtype) * self.tick


class ShortfallTables(eqx.Module):
    r"""U(k, x, w) = least $E[(H - w_T)^+]$; wealth is counted from `centre`, a value of H."""

    excess: Float[Array, " wealth"]
    """Wealth less `centre`, equally spaced."""
    centre: Float[Array, "time point"]
    holdings: Float[Array, "step point wealth"]
    """Units of X."""
    least: Float[Array, " wealth"]
    """U at the first price."""


def rows_of(lattice: Lattice, n_steps: int, *, deviations: float | None) -> Rows:
    """All the lattice's rows, or those within so many deviations of the final log-price."""
    branches = np.arange(len(lattice.probabilities))
    if deviations is None:
        shift, start, n = 0, 0, n_steps * (len(branches) - 1) + 1
    else:
        shift = round(-lattice.lowest / lattice.tick)
        mean = branches @ lattice.probabilities
        spread = np.sqrt((branches - mean) ** 2 @ lattice.probabilities * n_steps)
        start = int(np.ceil(deviations * spread + abs(mean - shift) * n_steps))
        n = 2 * start + 1
    slide = lattice.lowest + shift * lattice.tick
    log_spot, tick, slide = map(_double, (np.log(lattice.spot), lattice.tick, slide))
    return Rows(log_spot, tick, slide, start, shift, n)


def _double(x: float | np.ndarray) -> Array:
    return jnp.asarray(x, jnp.float64)


def least_shortfall(
    lattice: Lattice,
    rows: Rows,
    payoff: Float[np.ndarray, " point"],
    n_steps: int,
    *,
    half_width: float,
    n_wealth: int,
    most: float,
    floor: float | None = None,
) -> ShortfallTables:
    r"""$U_N = (H - w)^+$, $U_k(x, w) = \min_h \sum_j p_j\,U_{k+1}(x_j, w + hX(R_j - 1))$.

    U is convex in w, and so the sum is in h: golden sections find the least. Wealth is on a grid
    around the variance-optimal value, with straight lines in between and beyond: the chords of a
    convex function lie above it, so that what is found is never too low but for the ends.

    Args:
        lattice: of discounted prices.
        rows: what of it to keep.
        payoff: H at the rows of the last date, in today's money.
        n_steps: to maturity.
        half_width: of the grid of wealth, in cash.
        n_wealth: nodes of it; an odd number has one at the centre.
        most: holdings are within so many units of the variance-optimal ones.
        floor: wealth never falls below it, and the grid begins there; no limit if left out.
    """
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        returns, chances, owed = map(_double, (lattice.returns, lattice.probabilities, payoff))
        limit = None if floor is None else _double(floor)
        width, bound = _double(half_width), _double(most)
        return _solve(rows, returns, chances, owed, width, bound, limit, n_steps, n_wealth)


@eqx.filter_jit
def _solve(
    rows: Rows,
    returns: Float[Array, " branch"],
    chances: Float[Array, " branch"],
    payoff: Float[Array, " point"],
    half_width: Scalar,
    most: Scalar,
    floor: Scalar | None,
    n_steps: int,
    n_wealth: int,
) -> ShortfallTables:
    every = jnp.arange(rows.n)
    branches = jnp.arange(returns.shape[0])
    children = jnp.clip(every[:, None] + branches[None, :] - rows.shift, 0, rows.n - 1)
    excess = half_width * jnp.linspace(-1.0, 1.0, n_wealth)
    moves = returns - 1.0
    mean, square = chances @ moves, chances @ moves**2
    tilted = chances * (1.0 - mean / square * moves) / (1.0 - mean**2 / square)

    def back(carry: tuple[Array, Array], k: Int[Array, ""]):
        later, centre = carry
        price = jnp.exp(rows.log_price(k, every))
        if floor is None:
            value = centre[children] @ tilted
        else:
            value = jnp.full_like(centre, floor + half_width)
        change = centre[children] - value[:, None]
        pure = (centre[children] - (centre[children] @ tilted)[:, None]) @ (chances * moves)
        middle = pure / (square * price)

        def one(inputs: tuple[Array, ...]) -> tuple[Array, Array]:
            row, price, value, middle, change = inputs
            low, high = middle - most, middle + most
            low, high = jnp.full_like(excess, low), jnp.full_like(excess, high)
            if floor is not None:
                room = jnp.maximum(excess + value - floor, 0.0)
                low = jnp.maximum(low, -room / (price * moves[-1]))
                high = jnp.minimum(high, room / (price * -moves[0]))

            def mean_of(holdings: Array) -> Array:
                gains = holdings[:, None] * (price * moves)[None, :]
                after = excess[:, None] + gains - change[None, :]
                return _read(later[row], after, excess, k == n_steps - 1) @ chances

            return _golden(mean_of, low, high)

        found = lax.map(one, (children, price, value, middle, change))
        holdings, least = found
        return (least, value), (holdings, value)

    start = jnp.broadcast_to(jnp.maximum(-excess, 0.0)[None, :], (rows.n, n_wealth))
    centre = payoff
    (least, _), (holdings, centres) = lax.scan(
        back, (start, centre), jnp.arange(n_steps), reverse=True
    )
    centres = jnp.concatenate([centres, centre[None]])
    return ShortfallTables(excess, centres, holdings, least[rows.start])


def _read(
    values: Float[Array, "branch wealth"],
    at: Float[Array, "wealth branch"],
    excess: Float[Array, " wealth"],
    last: Bool[Array, ""],
) -> Float[Array, "wealth branch"]:
    """U of each branch; at the last date the loss itself."""
    n, spacing = excess.shape[0], excess[1] - excess[0]
    position = (at - excess[0]) / spacing
    below = jnp.clip(jnp.floor(position), 0.0, n - 2.0)
    node, share = below.astype(int), position - below
    branch = jnp.arange(values.shape[0])[None, :]
    total = (1.0 - share) * values[branch, node] + share * values[branch, node + 1]
    # No loss is negative, whatever the line beyond the last node says.
    return jnp.where(last, jnp.maximum(-at, 0.0), jnp.maximum(total, 0.0))


def _golden(function: Callable[[Array], Array], low: Array, high: Array) -> tuple[Array, Array]:
    """Where convex functions are least between two bounds, and how much that is."""

    def narrower(_: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
        low, high, a, b, at_a, at_b = state
        left = at_a < at_b
        low, high = jnp.where(left, low, a), jnp.where(left, b, high)
        fresh = jnp.where(left, high - GOLDEN * (high - low), low + GOLDEN * (high - low))
        value = function(fresh)
        a, b = jnp.where(left, fresh, b), jnp.where(left, a, fresh)
        at_a, at_b = jnp.where(left, value, at_b), jnp.where(left, at_a, value)
        return low, high, a, b, at_a, at_b

    a, b = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    state = lax.fori_loop(0, N_SECTIONS, narrower, (low, high, a, b, function(a), function(b)))
    _, _, a, b, at_a, at_b = state
    return jnp.where(at_a < at_b, a, b), jnp.minimum(at_a, at_b)
