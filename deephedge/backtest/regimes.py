"""Which part of history a window belongs to."""

import numpy as np

from deephedge.typing import Array, Float


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
