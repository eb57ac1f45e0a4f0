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


def parkinson_vol(
    highs: "pandas.Series",
    lows: "pandas.Series",
    *,
    window: int = 21,
    periods_per_year: int = 252,
) -> "pandas.Series":
    r"""Volatility per year from the ranges of the last `window` periods, each date's included.

    $$\sigma^2 = \frac{1}{n}\sum_i \frac{\log(H_i/L_i)^2}{4\log 2}$$

    About five times as precise as squared returns of closes. It leaves out what happens overnight,
    takes the price to have no drift, and is too low where the range is seen at few trades.

    Reference: Parkinson (1980), The extreme value method for estimating the variance of the rate
    of return, Journal of Business 53(1).
    """
    squared = _ranges(highs, lows) ** 2 / (4.0 * np.log(2.0))
    return _rolling(squared, highs.index, window, periods_per_year)


def garman_klass_vol(
    opens: "pandas.Series",
    highs: "pandas.Series",
    lows: "pandas.Series",
    closes: "pandas.Series",
    *,
    window: int = 21,
    periods_per_year: int = 252,
) -> "pandas.Series":
    r"""Volatility per year from opens, highs, lows and closes of the last `window` periods.

    $$\sigma^2 = \frac{1}{n}\sum_i \tfrac12\log(H_i/L_i)^2 - (2\log 2 - 1)\log(C_i/O_i)^2$$

    About seven times as precise as squared returns of closes; otherwise as `parkinson_vol`.

    Reference: Garman and Klass (1980), On the estimation of security price volatilities from
    historical data, Journal of Business 53(1), their practical estimator.
    """
    moves = np.log(closes.to_numpy(dtype=float) / opens.to_numpy(dtype=float)) ** 2
    squared = 0.5 * _ranges(highs, lows) ** 2 - (2.0 * np.log(2.0) - 1.0) * moves
    return _rolling(squared, highs.index, window, periods_per_year)


def _ranges(highs: "pandas.Series", lows: "pandas.Series") -> np.ndarray:
    high, low = highs.to_numpy(dtype=float), lows.to_numpy(dtype=float)
    if not np.all((low > 0) & (high >= low)):
        raise ValueError("`highs` must be at least `lows`, and these positive, at every date.")
    return np.log(high / low)


def _rolling(
    squared: np.ndarray, dates: "pandas.Index", window: int, periods_per_year: int
) -> "pandas.Series":
    """The root of the annual mean of the last squares, from the first date that has them all."""
    import pandas as pd

    if not 1 <= window <= squared.size:
        raise ValueError(
            f"`window` must be at least 1 and at most the {squared.size} dates, got {window}."
        )
    mean = np.lib.stride_tricks.sliding_window_view(squared, window).mean(axis=1)
    vol = np.sqrt(periods_per_year * np.maximum(mean, 0.0))
    return pd.Series(vol, index=dates[window - 1 :], name="realised_vol")


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
