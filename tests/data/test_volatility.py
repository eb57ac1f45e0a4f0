import numpy as np
import pandas as pd
import pytest

from deephedge.data import quoted_vol, realised_vol


def closes(n=400, daily=0.01, seed=0):
    moves = daily * np.random.default_rng(seed).standard_normal(n - 1)
    index = pd.bdate_range("2010-01-01", periods=n)
    return pd.Series(100 * np.exp(np.concatenate([[0.0], np.cumsum(moves)])), index=index)


def test_constant_moves_have_their_own_volatility():
    series = pd.Series(
        100 * np.exp(0.01 * (np.arange(100) % 2)), index=pd.bdate_range("2010-01-01", periods=100)
    )
    np.testing.assert_allclose(realised_vol(series), 0.01 * np.sqrt(252), rtol=1e-12)


def test_it_is_the_exponentially_weighted_sum_of_squares():
    series, decay, warm_up = closes(), 0.9, 10
    squares = np.diff(np.log(series.to_numpy())) ** 2
    last = len(squares) - 1
    age = last - np.arange(warm_up, last + 1)
    weighted = (1 - decay) * np.sum(decay**age * squares[warm_up:])
    variance = weighted + decay ** (len(age)) * np.mean(squares[:warm_up])
    vol = realised_vol(series, decay=decay, warm_up=warm_up)
    np.testing.assert_allclose(vol.iloc[-1], np.sqrt(252 * variance), rtol=1e-12)
    assert vol.index.equals(series.index[warm_up:])


def test_the_future_does_not_enter():
    series = closes()
    crash = series.copy()
    crash.iloc[300:] *= 0.5
    before, after = realised_vol(series), realised_vol(crash)
    day = series.index[299]
    pd.testing.assert_series_equal(before.loc[:day], after.loc[:day])
    assert after.loc[series.index[300]] > 2 * before.loc[series.index[300]]


def test_independent_returns_are_estimated_without_bias():
    vol = realised_vol(closes(n=20_000))
    # The mean of an EWMA of squares is the variance; its standard error is about 1 % of it here.
    assert np.mean(vol**2) == pytest.approx(252 * 0.01**2, rel=0.04)


def test_the_floor_holds():
    flat = pd.Series(100.0, index=pd.bdate_range("2010-01-01", periods=50))
    np.testing.assert_allclose(realised_vol(flat, floor=0.03), 0.03, rtol=1e-12)


def test_quotes_are_vix_points_and_the_rule_elsewhere():
    series = closes()
    vix = pd.Series([15.0, 17.0], index=series.index[[200, 202]])
    rule = realised_vol(series)
    quoted = quoted_vol(series, vix, markup=1.2)
    assert quoted.iloc[200 - 21] == pytest.approx(0.15, rel=1e-12)
    assert quoted.iloc[202 - 21] == pytest.approx(0.17, rel=1e-12)
    others = quoted.index.difference(vix.index)
    np.testing.assert_allclose(quoted[others], 1.2 * rule[others], rtol=1e-12)
    pd.testing.assert_series_equal(quoted_vol(series), rule.rename("quoted_vol"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"decay": 1.0}, "`decay` must be between 0 and 1"),
        ({"warm_up": 400}, "`warm_up` must be"),
    ],
)
def test_bad_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        realised_vol(closes(), **options)


def test_a_markup_must_be_positive():
    with pytest.raises(ValueError, match="`markup` must be positive"):
        quoted_vol(closes(), markup=-1.0)
