r"""What a strategy earned, what it risked and what it cost, from its wealth along one long path."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from deephedge.backtest.bootstrap import BATCH, Interval, percentile_interval
from deephedge.numerics import safe
from deephedge.rollout.ledger import Ledger
from deephedge.typing import Array, Bool, Float, Int, Scalar

YEAR = 252
"""Trading days."""


class Periods(eqx.Module):
    """A strategy, period by period, beside what it is compared with; all of them nominal."""

    growth: Float[Array, " *path period"]
    """Wealth at the end of the period over that at its start, after costs."""
    benchmark: Float[Array, " *path period"]
    """The same of what is held without protection."""
    cash: Float[Array, " *path period"]
    """The same of cash."""
    turnover: Float[Array, " *path period"]
    """Value bought and sold, as a share of wealth."""
    cost: Float[Array, " *path period"]
    """Costs and carry, as a share of wealth."""

    def __getitem__(self, kept: np.ndarray) -> "Periods":
        """Some of the periods, as those of a regime: a mask or the numbers of them, in order."""
        return jax.tree.map(lambda x: x[..., kept], self)


class Performance(eqx.Module):
    r"""The numbers that a strategy is judged by; rates and ratios are per year.

    With growth $g_k$ of period k, cash growth $c_k$, benchmark growth $b_k$ and n periods a year:
    """

    annual_return: Scalar
    r"""$\exp(n\,\overline{\log g}) - 1$."""
    volatility: Scalar
    r"""$\sqrt n$ times the deviation of $g$."""
    sharpe: Scalar
    r"""$\sqrt n$ times mean over deviation of $g - c$. Reference: Sharpe (1994)."""
    sortino: Scalar
    r"""$\sqrt n$ times the mean of $g - c$ over $\sqrt{\overline{\min(g - c, 0)^2}}$.

    Reference: Sortino and Price (1994)."""
    max_drawdown: Scalar
    """The deepest fall of wealth below its highest so far, as a share of that."""
    shortfall_frequency: Scalar
    """The share of stretches of a horizon, one from each period, that end below the floor."""
    shortfall: Scalar
    """How far below the floor those end on average, as a share of the wealth they began with."""
    worst: Scalar
    """The growth of the worst stretch of a horizon."""
    low: Scalar
    """The 20th percentile of the growth over a horizon."""
    upside: Scalar
    r"""Up-capture: $\sum \log g_k$ over $\sum \log b_k$, in the periods with $b_k > 1$."""
    downside: Scalar
    """The same in the periods in which the benchmark fell."""
    hedge_effectiveness: Scalar
    r"""$1 - \mathrm{var}(g)/\mathrm{var}(b)$. Reference: Ederington (1979), equation 9."""
    turnover: Scalar
    """Value bought and sold in a year, as a share of wealth."""
    cost: Scalar
    """Costs and carry in a year, as a share of wealth."""
    excess: Scalar
    """Annual return less the benchmark's."""


def periods(
    ledger: Ledger,
    discount: Float[Array, " *path time"],
    benchmark: Float[Array, " *path time"],
) -> Periods:
    """The periods of a ledger, against the level of a benchmark at the same dates.

    Args:
        ledger: of one path, or of several with a leading path axis.
        discount: of the path, to make the ledger's amounts nominal.
        benchmark: level of what is held without protection, at each date, its income reinvested.
    """
    wealth = ledger.wealth / discount
    if not np.all(np.asarray(wealth) > 0):
        raise ValueError("`ledger` must have positive wealth at every date; a strategy was ruined.")
    start = ledger.wealth[..., :-1]
    # The last cost, of closing out, is charged to the last period.
    last = ledger.costs[..., -1:]
    costs = jnp.concatenate([ledger.costs[..., :-2], ledger.costs[..., -2:-1] + last], axis=-1)
    turnover = ledger.turnover
    traded = jnp.concatenate([turnover[..., :-2], turnover[..., -2:-1] + turnover[..., -1:]], -1)
    return Periods(
        growth=wealth[..., 1:] / wealth[..., :-1],
        benchmark=benchmark[..., 1:] / benchmark[..., :-1],
        cash=discount[..., :-1] / discount[..., 1:],
        turnover=traded / start,
        cost=(costs + ledger.carry) / start,
    )


@eqx.filter_jit
def performance(
    record: Periods, *, floor: float | Scalar = 0.7, horizon: int = YEAR, per_year: int = YEAR
) -> Performance:
    """The performance over one stretch of periods.

    Args:
        record: without a path axis.
        floor: share of the wealth at the start of a horizon that should be left at its end.
        horizon: periods over which the floor is meant to hold.
        per_year: periods in a year.
    """
    return _performance(record, jnp.asarray(floor, record.growth.dtype), horizon, per_year)


def _performance(record: Periods, floor: Scalar, horizon: int, per_year: int) -> Performance:
    growth, benchmark = record.growth, record.benchmark
    log_growth, log_benchmark = safe.log(growth), safe.log(benchmark)
    excess, root = growth - record.cash, float(np.sqrt(per_year))
    ends = _over(log_growth, horizon)
    breach = ends < floor
    up, down = log_benchmark > 0, log_benchmark < 0
    annual, unprotected = (jnp.expm1(per_year * jnp.mean(x)) for x in (log_growth, log_benchmark))
    return Performance(
        annual_return=annual,
        volatility=root * _deviation(growth),
        sharpe=root * safe.divide(jnp.mean(excess), _deviation(excess)),
        sortino=root
        * safe.divide(jnp.mean(excess), safe.sqrt(jnp.mean(jnp.minimum(excess, 0.0) ** 2))),
        max_drawdown=max_drawdown(log_growth),
        shortfall_frequency=jnp.mean(breach.astype(growth.dtype)),
        shortfall=_mean_where(floor - ends, breach),
        worst=jnp.min(ends),
        low=jnp.quantile(ends, jnp.asarray(0.2, ends.dtype)),
        upside=safe.divide(_sum_where(log_growth, up), _sum_where(log_benchmark, up)),
        downside=safe.divide(_sum_where(log_growth, down), _sum_where(log_benchmark, down)),
        hedge_effectiveness=hedge_effectiveness(growth, benchmark),
        turnover=per_year * jnp.mean(record.turnover),
        cost=per_year * jnp.mean(record.cost),
        excess=annual - unprotected,
    )


def performance_intervals(
    record: Periods,
    draws: np.ndarray,
    *,
    floor: float = 0.7,
    horizon: int = YEAR,
    per_year: int = YEAR,
    level: float = 0.95,
) -> dict[str, Interval]:
    """Every number of `performance` with its block-bootstrap interval.

    `draws` are `block_draws(n_periods, ...)`: use the same for strategies that are compared. The
    mean block should be well above `horizon`, since a stretch that spans two blocks never was.

    Reference: Politis and Romano (1994), The stationary bootstrap.
    """
    value = performance(record, floor=floor, horizon=horizon, per_year=per_year)
    least = jnp.asarray(floor, record.growth.dtype)
    many = _resampled(record, jnp.asarray(draws), least, horizon, per_year)
    return {
        field.name: percentile_interval(vars(value)[field.name], vars(many)[field.name], level)
        for field in dataclasses.fields(Performance)
    }


@eqx.filter_jit
def _resampled(
    record: Periods,
    draws: Int[Array, "resample period"],
    floor: Scalar,
    horizon: int,
    per_year: int,
) -> Performance:
    def one(drawn: Int[Array, " period"]) -> Performance:
        again = jax.tree.map(lambda x: x[drawn], record)
        return _performance(again, floor, horizon, per_year)

    return lax.map(one, draws, batch_size=min(BATCH, draws.shape[0]))


def hedge_effectiveness(hedged: Float[Array, " draw"], bare: Float[Array, " draw"]) -> Scalar:
    r"""The share of the variance that a hedge takes away: $1 - \mathrm{var}(h)/\mathrm{var}(u)$.

    Of P&L over paths, or of returns over periods; negative if the hedge adds variance.

    Reference: Ederington (1979), The hedging performance of the new futures markets, equation 9.
    """
    return 1.0 - safe.divide(jnp.var(hedged), jnp.var(bare))


def implementation_shortfall(paper: Periods, real: Periods, *, per_year: int = YEAR) -> Scalar:
    """Slippage: continuous growth a year of the strategy on paper, less that of its execution.

    `paper` are the periods of the same policy replayed with no cost, delay or slippage.

    Reference: Perold (1988), The implementation shortfall: paper versus reality.
    """
    return per_year * jnp.mean(safe.log(paper.growth) - safe.log(real.growth))


def max_drawdown(log_growth: Float[Array, " period"]) -> Scalar:
    """The deepest fall of wealth below its highest so far, as a share of that highest."""
    level = jnp.concatenate([jnp.zeros_like(log_growth[:1]), jnp.cumsum(log_growth)])
    return -jnp.expm1(jnp.min(level - lax.cummax(level)))


def _over(log_growth: Float[Array, " period"], horizon: int) -> Float[Array, " start"]:
    """Growth over every stretch of `horizon` periods; over all of them if there are fewer."""
    horizon = min(horizon, log_growth.shape[0])
    level = jnp.concatenate([jnp.zeros_like(log_growth[:1]), jnp.cumsum(log_growth)])
    return jnp.exp(level[horizon:] - level[:-horizon])


def _deviation(x: Float[Array, " period"]) -> Scalar:
    n = x.shape[0]
    return safe.sqrt(jnp.var(x) * n / max(n - 1, 1))


def _sum_where(x: Float[Array, " period"], where: Bool[Array, " period"]) -> Scalar:
    return jnp.sum(jnp.where(where, x, 0.0))


def _mean_where(x: Float[Array, " period"], where: Bool[Array, " period"]) -> Scalar:
    return safe.divide(_sum_where(x, where), jnp.sum(where.astype(x.dtype)))
