"""Several assets read together: only shared dates, none of them made up."""

import datetime

import numpy as np
import pandas as pd
import pytest

from deephedge.backtest import joint_market
from deephedge.data import joint_closes, nasdaq, sp500


def series(values, days):
    return pd.Series(values, index=pd.DatetimeIndex(days, name="date"))


ONE = series([1.0, 2.0, 4.0, 8.0], ["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-06"])
OTHER = series([9.0, 3.0, 1.0, 7.0], ["2020-01-02", "2020-01-03", "2020-01-06", "2020-01-07"])


def test_only_shared_dates_are_kept_and_the_others_reported():
    both = joint_closes({"one": ONE, "other": OTHER})
    np.testing.assert_array_equal(both.frame.to_numpy(), [[2.0, 9.0], [4.0, 3.0], [8.0, 1.0]])
    assert list(both.frame.columns) == ["one", "other"]
    text = str(both)
    assert "5 rows read, 3 kept, 2 dropped." in text
    assert "row 1: 2020-01-01: no close of other" in text
    assert "row 5: 2020-01-07: no close of one" in text


def test_the_returns_of_the_market_are_those_between_shared_dates():
    frame = joint_closes({"one": ONE, "other": OTHER}).frame
    market = joint_market(frame, mean_block=2.0, spot=50.0, keep_drift=True)
    np.testing.assert_allclose(np.exp(market.returns), [[2.0, 1 / 3], [2.0, 1 / 3]])
    np.testing.assert_array_equal(market.spot, [50.0, 50.0])


def test_two_indices_as_they_moved_together():
    both = joint_closes({"sp500": sp500().column("close"), "nasdaq": nasdaq().column("close")})
    assert (both.first, both.last) == (datetime.date(1999, 1, 4), datetime.date(2018, 12, 31))
    assert both.report.dropped == ()
    market = joint_market(both.frame, last=datetime.date(2013, 12, 31))
    # Returns between the 3773 closes up to the end of 2013; the two are strongly correlated.
    assert market.returns.shape == (len(both.frame.loc[:"2013"]) - 1, 2)
    assert 0.8 < np.corrcoef(np.asarray(market.returns).T)[0, 1] < 0.95


def test_assets_that_share_no_date_are_refused():
    with pytest.raises(ValueError, match="must share some dates, got a 2020-01-01 to 2020-01-01"):
        joint_closes({"a": ONE.iloc[:1], "b": OTHER.iloc[-1:]})
    with pytest.raises(ValueError, match="`closes` must have at least one asset"):
        joint_closes({})
