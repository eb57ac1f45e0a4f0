"""A market that draws from the years before the test."""

import datetime
from typing import TYPE_CHECKING

import numpy as np

from deephedge.backtest.windows import aligned
from deephedge.data.history import open_history
from deephedge.markets.historical import Historical

if TYPE_CHECKING:
    import pandas


def bootstrap_market(
    closes: "pandas.Series",
    quoted: "pandas.Series",
    *,
    first: datetime.date | None = None,
    last: datetime.date | None = None,
    mean_block: float = 21.0,
    spot: float = 100.0,
    rate: float = 0.0,
    keep_drift: bool = False,
) -> Historical:
    """The bootstrap of the days in [first, last]; nothing after `last` enters.

    Column 0 of its factors is the volatility quoted at each close.
    """
    _, prices, vols = aligned(closes, quoted, first=first, last=last)
    return Historical(
        returns=np.diff(np.log(prices))[:, None],
        factors=vols[1:, None],
        mean_block=mean_block,
        spot=spot,
        rate=rate,
        keep_drift=keep_drift,
    )


def joint_market(
    closes: "pandas.DataFrame",
    *,
    first: datetime.date | None = None,
    last: datetime.date | None = None,
    mean_block: float = 21.0,
    spot: float = 100.0,
    rate: float = 0.0,
    keep_drift: bool = False,
) -> Historical:
    """The joint bootstrap of several assets, one per column, over the dates in [first, last].

    All are drawn on the same days, so that they move together as they did; see
    `data.joint_closes` for the table. Every path starts with each of them at `spot`. No factors.
    """
    dates = closes.index.to_numpy().astype("datetime64[D]")
    inside = np.ones(len(dates), dtype=bool)
    if first is not None:
        inside &= dates >= np.datetime64(first, "D")
    if last is not None:
        inside &= dates <= np.datetime64(last, "D")
    kept = closes.to_numpy(dtype=float)[inside]
    if len(kept) < 2:
        raise ValueError(f"`closes` must hold two dates in the range, got {len(kept)}.")
    returns = np.diff(np.log(kept), axis=0)
    return Historical(
        returns=returns,
        factors=np.zeros((len(returns), 0)),
        mean_block=mean_block,
        spot=np.full(kept.shape[1], spot),
        rate=rate,
        keep_drift=keep_drift,
    )


def recorded_market(
    data: str = "sp500",
    *,
    first: datetime.date | None = None,
    last: datetime.date | None = None,
    mean_block: float = 21.0,
    markup: float = 1.0,
    spot: float = 100.0,
    rate: float = 0.0,
    keep_drift: bool = False,
) -> Historical:
    """`bootstrap_market` of a history by name or file; see `open_history`."""
    history = open_history(data, markup=markup)
    return bootstrap_market(
        history.closes,
        history.quoted,
        first=first,
        last=last,
        mean_block=mean_block,
        spot=spot,
        rate=rate,
        keep_drift=keep_drift,
    )
