"""Volatility known at each date: realised from past closes, or quoted by the market."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas


def realised_vol(
    closes: "pandas.Series",
    *,
    decay: float = 0.94,
    warm_up: int = 21,
    floor: float = 0.01,
    periods_per_year: int = 252,
) -> "pandas.Series":
    r"""RiskMetrics volatility per year, from the closes up to and including each date.

    $$\sigma_t^2 = \lambda\,\sigma_{t-1}^2 + (1 - \lambda)\,r_t^2,
    \qquad r_t = \log(C_t / C_{t-1}),$$

    started at the mean of the first `warm_up` squared returns and given from then on, times
    `periods_per_year` and no lower than `floor`.

    Reference: J.P. Morgan/Reuters (1996), RiskMetrics Technical Document, equation 5.3.
    """
    import pandas as pd

    if not 0 < decay < 1:
        raise ValueError(f"`decay` must be between 0 and 1, got {decay}.")
    if not 1 <= warm_up < len(closes):
        raise ValueError(
            f"`warm_up` must be at least 1 and below the {len(closes)} closes, got {warm_up}."
        )
    squared = np.diff(np.log(closes.to_numpy(dtype=float))) ** 2
    variance = np.empty(len(squared) - warm_up + 1)
    variance[0] = np.mean(squared[:warm_up])
    for i, square in enumerate(squared[warm_up:]):
        variance[i + 1] = decay * variance[i] + (1 - decay) * square
    vol = np.maximum(np.sqrt(periods_per_year * variance), floor)
    return pd.Series(vol, index=closes.index[warm_up:], name="realised_vol")


def quoted_vol(
    closes: "pandas.Series",
    vix: "pandas.Series | None" = None,
    *,
    markup: float = 1.0,
    decay: float = 0.94,
) -> "pandas.Series":
    """The volatility per year at which one-month options are taken to trade, at each close.

    VIX / 100 on dates that have one; on all others `markup` times `realised_vol`. Nothing later
    than a date enters its value, as long as `markup` is not fitted to later dates: the default of
    1 is fitted to nothing, and leaves out that options as a rule trade above realised volatility.
    """
    if not markup > 0:
        raise ValueError(f"`markup` must be positive, got {markup}.")
    rule = (markup * realised_vol(closes, decay=decay)).rename("quoted_vol")
    if vix is None:
        return rule
    quoted = (vix / 100.0).reindex(closes.index).rename("quoted_vol")
    return quoted.fillna(rule).dropna()
