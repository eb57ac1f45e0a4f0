"""From a market and a claim to the least expected shortfall, over the capital pretended."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deephedge.claims.base import AbstractClaim, AbstractEuropean
from deephedge.markets.black_scholes import BlackScholes
from deephedge.markets.kou import Kou
from deephedge.markets.merton import Merton
from deephedge.numerics.checks import between
from deephedge.optimum.extended_lattice import Lattice
from deephedge.optimum.extended_shortfall import (
    Rows,
    ShortfallTables,
    least_shortfall,
    rows_of,
)
from deephedge.optimum.quadratic_solver import solve
from deephedge.pricing.black_scholes import european
from deephedge.typing import Array, Float, Scalar

DEVIATIONS = 6.5
"""Of the final log-price that the rows reach to both sides."""

ERRORS = 8.0
"""Deviations of the variance-optimal hedge's error that the grid of wealth reaches."""

MOST = 2.0
"""Units by which holdings may differ from the variance-optimal ones."""

N_AVERAGED = 64
"""Points to a tick over which the payoff at a lattice point is an average."""


class ShortfallSolution(eqx.Module):
    """See `ShortfallHedge`; `capital` is the best wealth to pretend to start from."""

    risk: Scalar
    capital: Scalar
    rows: Rows
    tables: ShortfallTables


def solve_shortfall(
    market: BlackScholes | Merton | Kou,
    claim: AbstractClaim,
    times: Float[Array, " time"],
    *,
    tail: float,
    n_wealth: int,
    per_deviation: int,
) -> ShortfallSolution:
    """The least expected shortfall on one grid."""
    tail = float(between("tail", 0.0, 1.0)(tail))
    claim = european(claim, "shortfall_hedge")
    if not isinstance(market, BlackScholes | Merton | Kou):
        raise TypeError(
            "expected shortfall is solved in `BlackScholes`, `Merton` and `Kou`, got "
            f"{type(market).__name__}; train a policy instead."
        )
    n_steps, maturity = times.shape[0] - 1, float(times[-1])
    quadratic = solve(market, claim, times, n_points=256, n_factors=1)
    width = ERRORS * float(np.sqrt(max(float(quadratic.squared_error), 0.0)))
    with jax.enable_x64(True):
        lattice = Lattice.of_market(market, maturity / n_steps, per_deviation=per_deviation)
        rows = rows_of(lattice, n_steps, deviations=DEVIATIONS)
        last = np.asarray(rows.log_price(jnp.asarray(n_steps), jnp.arange(rows.n)))
    owed = averaged(claim, market, maturity, last, lattice.tick)
    tables = least_shortfall(
        lattice, rows, owed, n_steps, half_width=width, n_wealth=n_wealth, most=MOST
    )
    risk, capital = best_capital(tables, rows.start, tail)
    with jax.enable_x64(True):
        return ShortfallSolution(jnp.asarray(risk), jnp.asarray(capital), rows, tables)


def best_capital(tables: ShortfallTables, start: int, tail: float) -> tuple[float, float]:
    r"""The least of $c + U(c)/\alpha$, by the parabola through the three lowest nodes, and c."""
    capital = np.asarray(tables.centre)[0, start] + np.asarray(tables.excess)
    risk = capital + np.asarray(tables.least) / tail
    i = int(np.clip(np.argmin(risk), 1, len(risk) - 2))
    a, b, c = risk[i - 1 : i + 2]
    bend = a - 2.0 * b + c
    move = 0.5 * (a - c) / bend if bend > 0.0 else 0.0
    move = float(np.clip(move, -1.0, 1.0))
    spacing = capital[1] - capital[0]
    return b - 0.25 * (a - c) * move, capital[i] + move * spacing


def averaged(
    claim: AbstractEuropean,
    market: BlackScholes | Merton | Kou,
    maturity: float,
    log_prices: Float[np.ndarray, " point"],
    tick: float,
) -> Float[np.ndarray, " point"]:
    """The discounted payoff at the points, averaged over a tick to each side by a hat function.

    So that means over the lattice are, kinks and jumps of the payoff included, of second order.
    """
    offsets = (np.arange(-N_AVERAGED + 1, N_AVERAGED)) / N_AVERAGED
    weights = (1.0 - np.abs(offsets)) / N_AVERAGED
    discount = np.exp(-float(market.rate) * maturity)
    price = np.exp(log_prices[:, None] + tick * offsets[None, :])
    price = price / (discount * np.exp(float(market.dividend) * maturity))
    pieces = claim.pieces()
    cash, shares, strike, sign = (
        np.asarray(x, float) for x in (pieces.cash, pieces.shares, pieces.strike, pieces.sign)
    )
    inside = sign * (price[..., None] - strike) > 0
    owed = np.sum((cash + shares * price[..., None]) * inside, axis=-1)
    return discount * owed @ weights
