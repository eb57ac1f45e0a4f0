"""Volatility from highs and lows, on a Brownian day."""

import math

import numpy as np
import pandas as pd
import pytest

from deephedge.data import garman_klass_vol, parkinson_vol

DAYS, STEPS, VOL = 2000, 1000, 0.3


@pytest.fixture(scope="module")
def days():
    """Opens, highs, lows and closes of driftless days that are watched all the time."""
    dt = 1 / (252 * STEPS)
    moves = np.random.default_rng(5).standard_normal((DAYS, STEPS)) * VOL * math.sqrt(dt)
    logs = np.concatenate([np.zeros((DAYS, 1)), np.cumsum(moves, axis=1)], axis=1)
    # Between two looks the path goes further: Broadie, Glasserman and Kou (1997).
    beyond = 0.5826 * VOL * math.sqrt(dt)
    rows = (logs[:, 0], logs.max(axis=1) + beyond, logs.min(axis=1) - beyond, logs[:, -1])
    return tuple(pd.Series(100.0 * np.exp(x)) for x in rows)


def test_ranges_tell_the_volatility_more_precisely_than_closes(days):
    opens, highs, lows, closes = days
    squares = {
        "closes": 252 * np.log(closes / opens).to_numpy() ** 2,
        "parkinson": parkinson_vol(highs, lows, window=1).to_numpy() ** 2,
        "garman_klass": garman_klass_vol(opens, highs, lows, closes, window=1).to_numpy() ** 2,
    }
    for name, values in squares.items():
        error = values.std() / math.sqrt(DAYS)
        assert error < 0.04 * VOL**2, name
        assert abs(values.mean() - VOL**2) < 4 * error, name
    # Parkinson (1980): 4.9 times; Garman and Klass (1980): 7.4 times.
    variance = {name: values.var() for name, values in squares.items()}
    assert variance["closes"] / variance["parkinson"] == pytest.approx(4.9, rel=0.25)
    assert variance["closes"] / variance["garman_klass"] == pytest.approx(7.4, rel=0.25)


def test_the_window_looks_back_only(days):
    opens, highs, lows, closes = days
    whole = garman_klass_vol(opens, highs, lows, closes, window=10)
    assert whole.index[0] == 9
    known = [x.iloc[:50] for x in days]
    pd.testing.assert_series_equal(garman_klass_vol(*known, window=10), whole.iloc[:41])
    mean = np.mean(np.log(highs / lows).iloc[40:50] ** 2) / (4 * math.log(2))
    found = parkinson_vol(highs, lows, window=10)
    assert found.loc[49] == pytest.approx(math.sqrt(252 * mean), rel=1e-12)


def test_impossible_ranges_and_windows_are_refused(days):
    _, highs, lows, _ = days
    with pytest.raises(ValueError, match="`highs` must be at least `lows`"):
        parkinson_vol(lows, highs)
    with pytest.raises(ValueError, match="at most the 5 dates, got 6"):
        parkinson_vol(highs.iloc[:5], lows.iloc[:5], window=6)
