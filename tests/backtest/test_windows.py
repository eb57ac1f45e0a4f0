import datetime

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from deephedge.backtest import (
    bootstrap_market,
    by_quoted_vol,
    by_year,
    recorded_market,
    recorded_paths,
)
from deephedge.data import quoted_vol, sp500

DAY = datetime.date


def series(n=120):
    index = pd.bdate_range("2010-01-01", periods=n)
    moves = 0.01 * np.random.default_rng(1).standard_normal(n)
    closes = pd.Series(50 * np.exp(np.cumsum(moves)), index=index)
    vols = pd.Series(0.1 + 0.001 * np.arange(n), index=index)
    return closes, vols


def test_every_window_is_a_scaled_stretch_of_the_record():
    closes, vols = series()
    paths, starts = recorded_paths(closes, vols, n_steps=10, maturity=0.04, spot=100.0, rate=0.03)
    assert paths.prices.shape == (110, 11, 1)
    for i in (0, 37, 109):
        stretch = closes.to_numpy()[i : i + 11]
        np.testing.assert_allclose(paths.prices[i, :, 0], 100 * stretch / stretch[0], rtol=1e-12)
        np.testing.assert_allclose(paths.factors[i, :, 0], vols.to_numpy()[i : i + 11], rtol=1e-12)
        np.testing.assert_allclose(paths.time[i], np.linspace(0, 0.04, 11), rtol=1e-12)
        np.testing.assert_allclose(
            paths.discount[i], np.exp(-0.03 * np.linspace(0, 0.04, 11)), rtol=1e-12
        )
        assert starts[i] == closes.index[i].to_datetime64().astype("datetime64[D]")


def test_windows_start_on_first_or_later_and_end_on_last_or_earlier():
    closes, vols = series()
    first, last = closes.index[30].date(), closes.index[60].date()
    paths, starts = recorded_paths(closes, vols, n_steps=10, first=first, last=last)
    assert starts[0] == np.datetime64(first)
    assert len(starts) == 21
    assert starts[-1] == closes.index[50].to_datetime64().astype("datetime64[D]")
    np.testing.assert_allclose(paths.factors[-1, -1, 0], vols.iloc[60], rtol=1e-12)


def test_dates_that_are_no_trading_days_are_fine_as_limits():
    closes = sp500().column("close")
    vols = pd.Series(0.2, index=closes.index)
    _, starts = recorded_paths(closes, vols, first=DAY(2014, 1, 1), last=DAY(2014, 3, 1))
    assert starts[0] == np.datetime64("2014-01-02")


def test_training_windows_do_not_see_the_test_years():
    closes, vols = series()
    split = closes.index[70].date()
    ruined = closes.copy()
    ruined.iloc[71:] *= 3.0
    before, _ = recorded_paths(closes, vols, n_steps=10, last=split)
    again, _ = recorded_paths(ruined, vols, n_steps=10, last=split)
    np.testing.assert_array_equal(before.prices, again.prices)
    market = bootstrap_market(closes, vols, last=split)
    same = bootstrap_market(ruined, vols, last=split)
    np.testing.assert_array_equal(market.returns, same.returns)
    assert market.returns.shape == (70, 1)


def test_a_policy_sees_at_each_date_what_was_known_then():
    closes, _ = series()
    ruined = closes.copy()
    ruined.iloc[51:] *= 3.0
    at_50 = []
    for record in (closes, ruined):
        paths, _ = recorded_paths(record, quoted_vol(record), n_steps=10)
        # The quotes start at close 21; close 50 is date 9 of window 20.
        at_50.append((paths.prices[20, :10], paths.factors[20, :10]))
    for one, other in zip(*at_50, strict=True):
        np.testing.assert_array_equal(one, other)


def test_windows_start_with_the_first_quote():
    closes, vols = series()
    _, starts = recorded_paths(closes, vols.iloc[25:], n_steps=10)
    assert starts[0] == closes.index[25].to_datetime64().astype("datetime64[D]")


def test_the_market_pairs_each_return_with_the_quote_at_its_close():
    closes, vols = series()
    market = bootstrap_market(closes, vols, first=closes.index[10].date())
    np.testing.assert_allclose(market.factors[:, 0], vols.to_numpy()[11:], rtol=1e-12)
    np.testing.assert_allclose(
        market.returns[:, 0], np.log(closes.to_numpy()[11:] / closes.to_numpy()[10:-1]), rtol=1e-10
    )


def test_the_sp500_before_2014_has_no_vix_in_it():
    market = recorded_market("sp500", last=DAY(2013, 12, 31), mean_block=63.0, markup=1.1)
    closes = sp500().column("close").loc[:"2013"]
    vols = quoted_vol(closes, markup=1.1)
    np.testing.assert_allclose(market.factors[:, 0], vols.to_numpy()[1:], rtol=1e-12)


def test_a_missing_quote_or_a_short_range_is_refused():
    closes, vols = series()
    with pytest.raises(ValueError, match="`quoted` must have a value at every close, 1 are"):
        recorded_paths(closes, vols.drop(vols.index[40]))
    with pytest.raises(ValueError, match="must hold more dates than `n_steps`, 21, got 20"):
        recorded_paths(closes, vols, first=closes.index[100].date())
    with pytest.raises(ValueError, match="there is no close with a quoted volatility from 2030"):
        recorded_paths(closes, vols, first=DAY(2030, 1, 1))


def test_years_and_terciles_split_the_windows():
    closes, vols = series(600)
    paths, starts = recorded_paths(closes, vols)
    years = by_year(starts)
    assert list(years) == [2010, 2011, 2012]
    assert (sum(mask.astype(int) for mask in years.values()) == 1).all()
    assert years[2011].sum() == (starts.astype("datetime64[Y]") == np.datetime64("2011")).sum()
    regimes = by_quoted_vol(paths.factors[:, 0, 0])
    assert (sum(mask.astype(int) for mask in regimes.values()) == 1).all()
    assert all(abs(mask.mean() - 1 / 3) < 0.01 for mask in regimes.values())
    means = [float(jnp.mean(paths.factors[:, 0, 0][mask])) for mask in regimes.values()]
    assert means == sorted(means)
