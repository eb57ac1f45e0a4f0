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
