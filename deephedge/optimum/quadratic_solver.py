"""The solver of quadratic hedging: from a market and a claim to tables."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from deephedge.claims.base import AbstractClaim, Pieces
from deephedge.markets.base import AbstractAffineModel
from deephedge.markets.black_scholes import BlackScholes
from deephedge.markets.heston_law import AbstractHeston
from deephedge.markets.kou import Kou
from deephedge.markets.merton import Merton
from deephedge.markets.variance_gamma import VarianceGamma
from deephedge.numerics.checks import at_least_one
from deephedge.optimum.quadratic_recursion import Tables, recursion, step_modes
from deephedge.optimum.quadratic_step import Roots, check_second_moment, heston_step, levy_step
from deephedge.optimum.quadratic_tables import HedgeTables, lagrange
from deephedge.pricing.black_scholes import european
from deephedge.pricing.fourier import halfway_cumulants
from deephedge.typing import Array, Float, PyTree, Scalar

LEVY = (BlackScholes, Merton, Kou, VarianceGamma)
"""Markets with independent returns."""

WIDTH = 16.0
"""Deviations of the log-price at maturity that the tables reach to both sides, jumps included."""


class Solution(eqx.Module):
    """The recursion's numbers at the start, and its tables; see `QuadraticHedge`."""

    capital: Scalar
    squared_error: Scalar
    opportunity: Scalar
    tables: HedgeTables


def solve(
    market: AbstractAffineModel,
    claim: AbstractClaim,
    times: Float[Array, " time"],
    *,
    n_points: int,
    n_factors: int,
) -> Solution:
    """As `quadratic_hedge`, on one grid and without its uncertainty."""
    at_least_one(n_points=n_points, n_factors=n_factors)
    _check(market, times, n_points)
    dtype = times.dtype
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        pieces = european(claim, "quadratic_hedge").pieces()
        market, pieces = _cast((market, pieces), jnp.float64)
        n = times.shape[0] - 1
        maturity = jnp.asarray(float(times[-1]), jnp.float64)
        if not isinstance(market, AbstractHeston):
            check_second_moment(market, maturity / n)
        found = _solve(market, pieces, maturity, n, n_points, n_factors)
        return _cast(found, dtype)


def _check(market: AbstractAffineModel, times: Float[Array, " time"], n_points: int) -> None:
    if not isinstance(market, (*LEVY, AbstractHeston)) or market.start().prices.shape[0] > 1:
        raise TypeError(
            "quadratic hedging is solved in one asset of `BlackScholes`, `Merton`, `Kou`, "
            f"`VarianceGamma` and `Heston`, got {type(market).__name__}; "
            "use `LocalQuadratic.create(market, claim, times, key=...)`."
        )
    gaps = np.diff(np.asarray(times, dtype=float))
    if float(times[0]) != 0.0 or np.ptp(gaps) > 1e-4 * gaps.max():
        raise ValueError(
            "`times` must be equally spaced from 0 on; pass `times=time_grid(maturity, n_steps)`."
        )
    if n_points < 16 or n_points & (n_points - 1):
        power = 2 ** max(math.ceil(math.log2(max(n_points, 1))), 4)
        raise ValueError(
            f"`n_points` must be a power of 2 of at least 16, got {n_points}; "
            f"pass `n_points={power}`."
        )


def _cast(tree: PyTree, dtype: DTypeLike) -> Any:
    return jax.tree.map(lambda x: x.astype(dtype) if eqx.is_inexact_array(x) else x, tree)


@eqx.filter_jit
def _solve(
    market: AbstractAffineModel,
    pieces: Pieces,
    maturity: Scalar,
    n_steps: int,
    n_points: int,
    n_factors: int,
) -> Solution:
    dt = maturity / n_steps
    start = market.start()
    spot = start.prices[0]
    discount, shares = jnp.exp(-market.rate * maturity), jnp.exp(market.dividend * maturity)
    above, below, edge, static = _payoff(pieces, spot, discount, shares)

    first, second, fourth = halfway_cumulants(market, maturity, start.factors)
    deviation = jnp.sqrt(jnp.abs(second) + jnp.sqrt(jnp.abs(fourth)))
    reach = WIDTH * deviation + jnp.abs(first)
    points = jnp.arange(n_points, dtype=dt.dtype)
    y = reach * (2.0 * points / n_points - 1.0)
    fine = reach * (jnp.arange(2 * n_points, dtype=dt.dtype) / n_points - 1.0)
    u = jnp.pi / reach * jnp.arange(n_points + 1, dtype=dt.dtype)

    if isinstance(market, AbstractHeston):
        roots, place = _roots(market, maturity, n_factors)
        step = heston_step(market, dt, u, roots, 2 * n_factors + 1)
    else:
        roots, place = Roots(jnp.ones_like(dt), 1), jnp.zeros_like(dt)
        step = levy_step(market, dt, u)
    modes = step_modes(above, below, edge, u[: n_points // 2 + 1], reach)
    tables = recursion(step, modes, y, fine, n_steps)

    row, weights = lagrange(place, roots.n)
    kept = HedgeTables(
        times=dt * jnp.arange(n_steps, dtype=dt.dtype),
        log_prices=jnp.log(spot) + y,
        roots=roots.spacing * jnp.arange(roots.n, dtype=dt.dtype),
        feedback=tables.feedback,
        static=static,
        value=tables.value,
        exposure=tables.exposure,
    )
    return _at_start(tables, kept, spot, row, weights)


def _at_start(
    tables: Tables,
    kept: HedgeTables,
    spot: Scalar,
    row: Array,
    weights: Float[Array, " near"],
) -> Solution:
    """The numbers at today's price, which is a point of both grids, and today's factor."""
    rows = row + jnp.arange(weights.shape[0])
    middle = kept.log_prices.shape[0] // 2
    cash, shares = kept.static
    return Solution(
        capital=weights @ tables.value[0, rows, middle] + cash + shares * spot,
        squared_error=weights @ tables.square[rows, 2 * middle],
        opportunity=weights @ tables.opportunity[0, rows],
        tables=kept,
    )


def _payoff(
    pieces: Pieces, spot: Scalar, discount: Scalar, shares: Scalar
) -> tuple[Array, Array, Array, Float[Array, " two"]]:
    """Cash above and shares below the edges, in today's money, and what is static.

    Cash below is all cash less cash above, and so with shares; the price ends above a strike of 0.
    """
    up, none = pieces.sign > 0, pieces.strike <= 0
    cash, worth = discount * pieces.cash, spot / shares * pieces.shares
    nothing = jnp.zeros_like(cash)
    all_cash = jnp.where(none, jnp.where(up, cash, nothing), jnp.where(up, nothing, cash))
    all_shares = jnp.where(up, worth, nothing)
    above = jnp.where(none, nothing, jnp.where(up, cash, -cash))
    below = jnp.where(none, nothing, jnp.where(up, -worth, worth))
    strike = jnp.where(none, spot, pieces.strike)
    edge = jnp.log(strike * discount * shares / spot)
    return above, below, edge, jnp.stack([jnp.sum(all_cash), jnp.sum(all_shares) / spot])


def _roots(market: AbstractHeston, maturity: Scalar, n_factors: int) -> tuple[Roots, Scalar]:
    """A grid of roots of the variance that today's is a node of, and which one it is."""
    kappa, theta, sigma = market.mean_reversion, market.long_variance, market.vol_of_variance
    decay = jnp.exp(-kappa * maturity)
    spread = market.variance * decay * (1.0 - decay) + 0.5 * theta * (1.0 - decay) ** 2
    deviation = jnp.sqrt(spread * sigma**2 / kappa)
    most = jnp.maximum(market.variance, theta) + WIDTH * deviation
    spacing = jnp.sqrt(most) / (n_factors - 1)
    # Rounded down: the grid then reaches as far as it should, or beyond.
    place = jnp.floor(jnp.sqrt(market.variance) / spacing)
    exact = jnp.sqrt(market.variance) / jnp.maximum(place, 1.0)
    return Roots(jnp.where(place > 0, exact, spacing), n_factors), place
