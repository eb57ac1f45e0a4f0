"""The least mean plus standard deviations of a hedge with proportional costs, on a grid."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from deephedge.markets.black_scholes import BlackScholes
from deephedge.markets.kou import Kou
from deephedge.markets.merton import Merton
from deephedge.optimum.charges import charges
from deephedge.optimum.extended_lattice import Lattice
from deephedge.optimum.extended_shortfall import Rows, rows_of
from deephedge.optimum.extended_solver import averaged
from deephedge.pricing.black_scholes import european
from deephedge.rollout.problem import HedgingProblem
from deephedge.typing import Array, Float, Scalar

DEVIATIONS = 6.0
"""Of the final log-price that the rows reach to both sides."""


class MeanDeviation(eqx.Module):
    """The least mean plus deviations of the loss of any hedge; today's money, premium counted."""

    value: float = eqx.field(static=True)
    mean: float = eqx.field(static=True)
    """Of the loss of the hedge that has it."""
    deviation: float = eqx.field(static=True)
    error: float = eqx.field(static=True)
    """How far the value was from that on a grid of half the resolution in every direction."""


class Grid(eqx.Module):
    """Prices, holdings and wealth; wealth is counted from the claim's expected payoff."""

    rows: Rows
    returns: Float[Array, " branch"]
    chances: Float[Array, " branch"]
    holdings: Float[Array, " holding"]
    excess: Float[Array, " wealth"]
    payoff: Float[Array, " point"]
    cost: Scalar
    closing: Scalar
    """The cost rate at the end."""


def mean_deviation(
    problem: HedgingProblem,
    aversion: float,
    *,
    per_deviation: int = 4,
    n_holdings: int = 57,
    n_wealth: int = 81,
    holdings: tuple[float, float] = (-0.2, 1.2),
    reach: float = 0.1,
) -> MeanDeviation:
    r"""The least $E L + a \operatorname{Std} L$ of the loss L, over hedges that see their wealth.

    The hedge with the least is also the one with the least $v(z) = \min E (L - z)^2$ at
    $z = E L - \operatorname{Std} L/a$: in the plane of mean and deviation the circle around (z, 0)
    touches the line of its risk there. And the best hedge for z has, by the envelope theorem,

    $$E L = z - \tfrac12 v'(z), \qquad \operatorname{Var} L = v(z) - \tfrac14 v'(z)^2,$$

    so that the least risk is the least of these over z. v is found for all z at once, since they
    are wealths to pretend to start from: backwards over the dates, with price x, holdings h and
    wealth w before a trade,

    $$J_N = (H - w + c\,|h|\,x)^2, \qquad
    J_k(x, h, w) = \min_{h'} E\,J_{k+1}\bigl(x', h', w - c\,|h' - h|\,x + h'(x' - x)\bigr),$$

    on a grid, by parabolas in w and the least over the grid's holdings. It is the best plan of the
    first date, kept to: the risk is not consistent over time.

    Args:
        problem: a European claim in `BlackScholes`, `Merton` or `Kou` without dividends, at equally
            spaced dates, at no cost or one in proportion to the value traded.
        aversion: a.
        per_deviation: points of log-price to a deviation of a step's diffusion; a multiple of 2, at
            least 4.
        n_holdings: nodes of the holdings, odd; from the first to the last of `holdings`.
        n_wealth: nodes of the wealth, odd, that `reach` to both sides, as a share of the spot.

    Reference: Li and Ng (2000), Optimal dynamic portfolio selection, theorem 1, for the embedding;
    Davis, Panas and Zariphopoulou (1993) for the states.
    """
    premium = float(problem.premium_at(problem.market.start()))
    found = []
    for part in (1, 2):
        grid = _grid(
            problem,
            per_deviation // part,
            np.linspace(*holdings, n_holdings // part + part - 1),
            np.linspace(-reach, reach, n_wealth // part + part - 1),
        )
        with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
            start, centre = _least_squares(grid, problem.n_steps)
        found.append(_best(np.asarray(grid.excess) + float(centre), np.asarray(start), aversion))
    (value, mean, deviation), (coarse, _, _) = found
    return MeanDeviation(value - premium, mean - premium, deviation, abs(value - coarse))


def _grid(
    problem: HedgingProblem,
    per_deviation: int,
    holdings: Float[np.ndarray, " holding"],
    share: Float[np.ndarray, " wealth"],
) -> Grid:
    market, rate = _asked(problem)
    n_steps, maturity = problem.n_steps, float(problem.times[-1])
    claim = european(problem.claim, "mean_deviation")
    # Nothing held must be a node: it is where every hedge begins.
    holdings = holdings - holdings[np.argmin(np.abs(holdings))]
    lattice = Lattice.of_market(market, maturity / n_steps, per_deviation=per_deviation)
    with jax.enable_x64(True):
        rows = rows_of(lattice, n_steps, deviations=DEVIATIONS)
        last = np.asarray(rows.log_price(jnp.asarray(n_steps), jnp.arange(rows.n)))
        payoff = averaged(claim, market, maturity, last, lattice.tick)
        closing = rate if problem.close_out else 0.0
        parts = (lattice.returns, lattice.probabilities, holdings, share * lattice.spot, payoff)
        returns, chances, nodes, excess, owed = (jnp.asarray(x, jnp.float64) for x in parts)
        charged = jnp.asarray(rate, jnp.float64), jnp.asarray(closing, jnp.float64)
        return Grid(rows, returns, chances, nodes, excess, owed, *charged)


def _asked(problem: HedgingProblem) -> tuple[BlackScholes | Merton | Kou, float]:
    """The market and the cost rate of a problem that is solved here, or a `ValueError`."""
    market, cost = problem.market, charges(problem.cost)
    if not isinstance(market, BlackScholes | Merton | Kou) or market.start().prices.shape[0] > 1:
        raise ValueError(
            "`market` must be BlackScholes with one asset, Merton or Kou for the least mean plus "
            f"deviations, got {type(market).__name__}."
        )
    if np.any(np.asarray(market.dividend) != 0.0):
        raise ValueError("`dividend` must be 0 for the least mean plus deviations.")
    if cost.has_fee or cost.has_quadratic or float(cost.per_unit) != 0.0:
        raise ValueError(
            "`cost` must be none or proportional to the value traded for the least mean plus "
            f"deviations, got {type(problem.cost).__name__}."
        )
    for name in ("impact", "financing", "execution"):
        if vars(problem)[name] is not None:
            raise ValueError(f"`{name}` must be left out for the least mean plus deviations.")
    return market, float(cost.rate)


@eqx.filter_jit
def _least_squares(grid: Grid, n_steps: int) -> tuple[Float[Array, " wealth"], Scalar]:
    """At the first price, holding nothing: v, and the mean payoff that wealth is counted from."""
    every, holdings, excess = jnp.arange(grid.rows.n), grid.holdings, grid.excess
    branches = jnp.arange(grid.returns.shape[0])
    children = jnp.clip(every[:, None] + branches[None, :] - grid.rows.shift, 0, grid.rows.n - 1)
    final = jnp.exp(grid.rows.log_price(jnp.asarray(n_steps), every))
    closing = grid.closing * jnp.abs(holdings)[None, :] * final[:, None]
    end = (closing[:, :, None] - excess[None, None, :]) ** 2
    between = jnp.abs(holdings[:, None] - holdings[None, :])

    def back(later: tuple[Array, Array], k: Array) -> tuple[tuple[Array, Array], None]:
        values, centre = later
        price = jnp.exp(grid.rows.log_price(k, every))
        expected = centre[children] @ grid.chances

        def of_row(inputs: tuple[Array, ...]) -> Float[Array, "holding wealth"]:
            price, own, row = inputs
            gains = holdings[:, None] * (price * (grid.returns - 1.0))[None, :]
            after = gains - (centre[row] - own)[None, :]
            moved = jax.vmap(jax.vmap(lambda y, by: _moved(y, by, excess)))
            each = moved(jnp.swapaxes(values[row], 0, 1), after)
            held = jnp.einsum("b,hbw->hw", grid.chances, each)
            charge = -grid.cost * price * between
            among = jax.vmap(lambda by: jax.vmap(lambda y, c: _moved(y, c, excess))(held, by))
            return jnp.min(among(charge), axis=1)

        found = lax.map(of_row, (price, expected, children))
        return (found, expected), None

    (values, centre), _ = lax.scan(back, (end, grid.payoff), jnp.arange(n_steps), reverse=True)
    nothing = jnp.argmin(jnp.abs(holdings))
    return values[grid.rows.start, nothing], centre[grid.rows.start]


def _moved(
    values: Float[Array, " wealth"], by: Scalar, excess: Float[Array, " wealth"]
) -> Float[Array, " wealth"]:
    """Values at every wealth plus `by`: a parabola through the three nearest nodes, and beyond."""
    n = excess.shape[0]
    position = jnp.arange(n) + by / (excess[1] - excess[0])
    node = jnp.clip(jnp.round(position), 1.0, n - 2.0)
    t, i = position - node, node.astype(int)
    low, middle, high = values[i - 1], values[i], values[i + 1]
    return middle + 0.5 * t * (high - low) + 0.5 * t**2 * (high - 2.0 * middle + low)


def _best(
    z: Float[np.ndarray, " wealth"], v: Float[np.ndarray, " wealth"], aversion: float
) -> tuple[float, float, float]:
    """The least mean plus deviations over z, and the mean and deviation that it is made of."""
    slope = np.gradient(v, z)[1:-1]
    mean = z[1:-1] - 0.5 * slope
    deviation = np.sqrt(np.maximum(v[1:-1] - 0.25 * slope**2, 0.0))
    risk = mean + aversion * deviation
    i = int(np.clip(np.argmin(risk), 1, len(risk) - 2))
    a, b, c = risk[i - 1 : i + 2]
    move = float(np.clip(0.5 * (a - c) / max(a - 2.0 * b + c, 1e-300), -1.0, 1.0))
    near = np.arange(-1.0, 2.0)

    def there(x: Float[np.ndarray, " wealth"]) -> float:
        return float(np.polyval(np.polyfit(near, x[i - 1 : i + 2], 2), move))

    return float(b - 0.25 * (a - c) * move), there(mean), there(deviation)
