"""Which part of history a window or a date belongs to."""

from typing import TYPE_CHECKING

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from deephedge.calibration.hidden_regimes import HiddenRegimes
from deephedge.policies.forecasts.regime_filter import RegimeFilter
from deephedge.typing import Array, Float

if TYPE_CHECKING:
    import pandas


def by_year(starts: np.ndarray) -> dict[int, np.ndarray]:
    """For each calendar year, which windows start in it; `starts` are `datetime64` dates."""
    years = starts.astype("datetime64[Y]").astype(np.int64) + 1970
    return {int(year): years == year for year in np.unique(years)}


def by_quoted_vol(vols: Float[Array, " path"]) -> dict[str, np.ndarray]:
    """Which windows start at a low, middling or high quoted volatility: terciles of the windows.

    The edges are those of the windows themselves, known only afterwards: for reading results,
    not for trading on.
    """
    values = np.asarray(vols)
    low, high = np.quantile(values, [1 / 3, 2 / 3])
    return {
        "low": values <= low,
        "middle": (values > low) & (values <= high),
        "high": values > high,
    }


EPISODES: dict[str, tuple[str, str]] = {
    "1987": ("1987-08-25", "1987-12-04"),
    "2000-02": ("2000-03-24", "2002-10-09"),
    "2008": ("2007-10-09", "2009-03-09"),
    "2011": ("2011-04-29", "2011-10-03"),
    "2015": ("2015-05-21", "2016-02-11"),
    "2018": ("2018-01-26", "2018-12-24"),
    "2020": ("2020-02-19", "2020-03-23"),
}
"""Named falls of the S&P 500, from its high to its low (2018: from the first high of the year)."""


def by_episode(dates: np.ndarray) -> dict[str, np.ndarray]:
    """For each of `EPISODES` that the dates reach, which of them are after its high, to its low.

    The ends are known only afterwards: for reading results, not for trading on.
    """
    days = dates.astype("datetime64[D]")
    masks = {
        name: (days > np.datetime64(high)) & (days <= np.datetime64(low))
        for name, (high, low) in EPISODES.items()
    }
    return {name: mask for name, mask in masks.items() if mask.any()}


def by_stated_rule(
    closes: "pandas.Series",
    *,
    window: int = 21,
    memory: int = 252,
    stress: tuple[float, float] = (0.10, 0.20),
    crash: tuple[float, float] = (0.20, 0.30),
) -> "pandas.Series":
    r"""Each date's regime, `calm`, `stress` or `crash`, by a rule stated beforehand.

    With d the fall below the highest close of the last `memory` days and v the volatility per year
    of the last `window` daily returns, each with the date's own close: `crash` if d and v are
    *both* at least those of `crash`, else `stress` if *either* is at least that of `stress`, else
    `calm`. Nothing is fitted and nothing later enters, so that it may be traded on. The first
    `window` dates, which have no v, are `calm` or `stress` by d alone.
    """
    import pandas as pd

    levels = closes.to_numpy(dtype=float)
    if len(levels) <= window:
        raise ValueError(f"`closes` must be more than `window`, {window}, got {len(levels)}.")
    highest = closes.rolling(memory, min_periods=1).max().to_numpy(dtype=float)
    fall = 1.0 - levels / highest
    squares = np.lib.stride_tricks.sliding_window_view(np.diff(np.log(levels)) ** 2, window)
    vol = np.concatenate([np.zeros(window), np.sqrt(252 * squares.mean(axis=1))])
    crashed = (fall >= crash[0]) & (vol >= crash[1])
    stressed = (fall >= stress[0]) | (vol >= stress[1])
    label = np.where(crashed, "crash", np.where(stressed, "stress", "calm"))
    return pd.Series(label, index=closes.index, name="regime")


def by_hidden_regime(closes: "pandas.Series", model: HiddenRegimes) -> "pandas.DataFrame":
    """The chance of each regime of a fitted model at each close but the first, calmest first.

    Filtered: from the returns up to and with that close. `model` must have been fitted to closes
    before the first one that is traded on.
    """
    import pandas as pd

    returns = jnp.asarray(np.diff(np.log(closes.to_numpy(dtype=float))), model.vols.dtype)
    chances = np.asarray(eqx.filter_jit(model.filtered)(returns))
    return pd.DataFrame(chances, index=closes.index[1:])


def regime_filter(model: HiddenRegimes) -> RegimeFilter:
    """The volatility forecast of a fitted model, for a policy that scales with it."""
    parts = {"means": model.means, "vols": model.vols, "transition": model.transition}
    return RegimeFilter(**parts, dt=model.dt)
