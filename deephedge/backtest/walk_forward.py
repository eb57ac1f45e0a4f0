"""A policy along one long recorded path, its numbers fitted again on the past at stated dates."""

import dataclasses
import datetime
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from deephedge.backtest.performance import YEAR
from deephedge.claims.no_claim import NoClaim
from deephedge.costs.base import AbstractCost
from deephedge.costs.execution import Execution
from deephedge.costs.financing import Financing
from deephedge.costs.none import NoCost
from deephedge.markets.base import AbstractMarket, Path, no_progress
from deephedge.markets.historical import Historical
from deephedge.policies.base import AbstractPolicy
from deephedge.policies.overlays.recalibrated import Recalibrated
from deephedge.rollout.ledger import Ledger
from deephedge.rollout.problem import HedgingProblem
from deephedge.rollout.replay import replay
from deephedge.typing import PRNGKeyArray

if TYPE_CHECKING:
    import pandas

Fit = Callable[["pandas.DataFrame"], AbstractPolicy]
"""From the closes up to and with the date of the fit, to the policy from then on."""


@dataclasses.dataclass(frozen=True)
class Record:
    """One long recorded path: all of a table of closes, and the dates of it."""

    closes: "pandas.DataFrame"
    path: Path
    market: AbstractMarket | None = None
    """That lists the instruments beside the assets in the path, so that their rolls are charged."""

    @property
    def dates(self) -> np.ndarray:
        """As `datetime64[D]`."""
        return self.closes.index.to_numpy().astype("datetime64[D]")


def long_record(
    closes: "pandas.DataFrame",
    *,
    cash: "pandas.Series | None" = None,
    dividends: Sequence[float] | None = None,
    factors: "pandas.DataFrame | None" = None,
    per_year: int = YEAR,
) -> Record:
    """The whole of a table of closes as one path, a trading day a step of 1 / `per_year` years.

    Args:
        closes: by date, a column an asset; see `data.joint_closes`.
        cash: what one unit of cash has become at each date (`data.cash_index`); 1 if left out.
        dividends: yield per year of each asset, paid in cash; none if left out.
        factors: what is known at each date beside, as a quoted volatility.
        per_year: trading days in a year.
    """
    levels = closes.to_numpy(dtype=float)
    if levels.ndim != 2 or len(levels) < 2 or not np.all(np.isfinite(levels) & (levels > 0)):
        raise ValueError("`closes` must be a table of two or more dates with positive prices.")
    times = np.arange(len(levels)) / per_year
    bank = np.ones(len(levels)) if cash is None else cash.loc[closes.index].to_numpy(dtype=float)
    rates = np.zeros(levels.shape[1]) if dividends is None else np.asarray(dividends, dtype=float)
    if rates.shape != (levels.shape[1],):
        raise ValueError(f"`dividends` must be one for each of the {levels.shape[1]} assets.")
    shown = np.zeros((len(levels), 0))
    if factors is not None:
        shown = factors.loc[closes.index].to_numpy(dtype=float)
    path = Path(
        time=jnp.asarray(times, dtype=float),
        prices=jnp.asarray(levels, dtype=float),
        factors=jnp.asarray(shown, dtype=float),
        discount=jnp.asarray(bank[0] / bank, dtype=float),
        accrual=jnp.asarray(np.exp(np.outer(times, rates)), dtype=float),
        progress=no_progress(jnp.asarray(times, dtype=float)),
    )
    return Record(closes, path)


def recalibrated(record: Record, fit: Fit, dates: Sequence[datetime.date]) -> Recalibrated:
    """The policy with numbers fitted again at each date, to the closes up to and with it.

    `fit` is never given a later close. Before the first date the first numbers hold, which know
    what was not yet known: start the test there, with `walk_forward(..., first=dates[0])`.
    """
    found = np.asarray([np.datetime64(date, "D") for date in dates])
    rows = np.searchsorted(record.dates, found, side="right") - 1
    if len(rows) == 0 or np.any(rows < 0):
        raise ValueError(
            f"`dates` must be one or more, from {record.dates[0]} on, got {list(dates)}."
        )
    policies = [fit(record.closes.iloc[: row + 1]) for row in rows]
    return Recalibrated.of(policies, np.asarray(record.path.time)[rows])


def walk_forward(
    record: Record,
    policy: AbstractPolicy,
    *,
    cost: AbstractCost | None = None,
    financing: Financing | None = None,
    execution: Execution | None = None,
    wealth: float = 100.0,
    first: datetime.date | None = None,
    close_out: bool = True,
    key: PRNGKeyArray | None = None,
) -> "tuple[Ledger, pandas.Series]":
    """One wealth along the whole record, by the engine's own `replay` against `NoClaim`.

    Args:
        record: of `long_record`, or with instruments listed beside (`Listed.extend`, and the
            record's `market`).
        policy: of any kind; `recalibrated` makes one that is fitted again along the way.
        cost, financing, execution: as of a `HedgingProblem`.
        wealth: at the first date.
        first: where trading starts; the first date of the record if left out.
        close_out: whether the cost of selling everything at the end is charged.
        key: draws slippage, if `execution` has any.

    Returns:
        The ledger, in money of the first date, and the wealth by date, in cash of each date.
    """
    import pandas as pd

    start = 0 if first is None else int(np.searchsorted(record.dates, np.datetime64(first, "D")))
    if len(record.dates) - start < 2:
        raise ValueError(f"`first` must be before {record.dates[-1]}, got {first}.")
    path = jax.tree.map(lambda x: x[start:], record.path)
    path = dataclasses.replace(path, discount=path.discount / path.discount[0])
    problem = HedgingProblem(
        market=_never_drawn(path) if record.market is None else record.market,
        claim=NoClaim(maturity=path.time[-1]),
        cost=NoCost() if cost is None else cost,
        times=path.time,
        premium=wealth,
        close_out=close_out,
        financing=financing,
        execution=execution,
    )
    ledgers = replay(problem, policy, jax.tree.map(lambda x: x[None], path), key=key)
    ledger = jax.tree.map(lambda x: x[0], ledgers)
    nominal = np.asarray(ledger.wealth / path.discount)
    return ledger, pd.Series(nominal, index=record.closes.index[start:], name="wealth")


def _never_drawn(path: Path) -> Historical:
    """A market with the record's first prices and its sizes: a problem reads no more of it."""
    n_assets, n_factors = path.prices.shape[1], path.factors.shape[1]
    return Historical(
        returns=np.zeros((1, n_assets)),
        factors=np.zeros((1, n_factors)),
        mean_block=1.0,
        # A worthless option may have a price of 0.
        spot=np.maximum(np.asarray(path.prices[0]), 1e-12),
    )
