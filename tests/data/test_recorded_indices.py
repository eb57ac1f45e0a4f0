import datetime
import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from deephedge.data import History, Records, open_history, sp500, vix


def test_sp500_is_the_whole_data_set_of_arch():
    from arch.data import sp500 as packaged

    records, close = sp500(), packaged.load()["Close"]
    assert (records.first, records.last) == (datetime.date(1999, 1, 4), datetime.date(2018, 12, 31))
    np.testing.assert_array_equal(records.column("close").to_numpy(), close.to_numpy())
    assert (records.frame.index == close.index).all()
    assert records.report.dropped == ()


def test_sp500_moved_as_it_did():
    closes = sp500().column("close")
    # The largest one-day rise and fall of the range, 13 and 15 October 2008.
    moves = closes.pct_change()
    assert moves.idxmax().date() == datetime.date(2008, 10, 13)
    assert moves.idxmin().date() == datetime.date(2008, 10, 15)
    assert round(100 * moves.max(), 2) == 11.58
    assert round(100 * moves.min(), 2) == -9.03


def test_the_week_without_trading_in_september_2001_is_reported():
    (gap,) = sp500().report.gaps
    assert (gap.after, gap.before) == (datetime.date(2001, 9, 10), datetime.date(2001, 9, 17))
    assert gap.business_days == 4


def test_vix_drops_and_reports_its_holidays():
    records = vix()
    assert (records.first, records.last) == (datetime.date(2014, 1, 3), datetime.date(2019, 1, 3))
    assert len(records.report.dropped) == 46
    assert "row 12: 2014-01-20: vix is missing or unreadable" in str(records)
    # The volatility spike of 5 February 2018.
    assert round(records.column("vix").loc["2018-02-05"], 2) == 37.32


def test_without_arch_the_remedy_is_named(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "arch" else find(name)
    )
    with pytest.raises(ValueError, match=r"pip install 'deephedge\[data\]'"):
        sp500()


def test_a_history_is_quoted_at_the_vix_where_there_is_one():
    history = open_history("sp500")
    assert isinstance(history, History)
    quoted = history.quoted
    assert quoted.index.equals(history.closes.index[21:])
    assert quoted.loc["2014-01-03"] == pytest.approx(0.1376, rel=1e-12)
    assert "VIX from 2014-01-03" in history.rule


def test_a_history_from_a_file_with_and_without_quotes(tmp_path):
    closes = sp500().column("close").iloc[:100]
    plain = tmp_path / "closes.csv"
    closes.to_csv(plain)
    ruled = open_history(str(plain), markup=1.5)
    assert ruled.rule == "1.5 times RiskMetrics volatility (decay 0.94)"
    assert ruled.quoted.index.equals(closes.index[21:])
    both = tmp_path / "both.csv"
    closes.to_frame().assign(vol=0.2).to_csv(both)
    quoted = open_history(str(both))
    assert (quoted.quoted == 0.2).all()
    assert "column `vol`" in quoted.rule


@pytest.mark.parametrize(
    ("data", "message"),
    [("nikkei", "or the path of a CSV file, got 'nikkei'"), ("gone.csv", "there is no such file")],
)
def test_an_unknown_history_is_refused(data, message):
    with pytest.raises(ValueError, match=message):
        open_history(data)


def test_records_must_be_sorted_and_complete():
    good = sp500()
    with pytest.raises(ValueError, match="sorted dates"):
        Records(good.frame.iloc[::-1], good.source, good.description, good.report)
    with pytest.raises(ValueError, match="no missing values"):
        Records(good.frame * np.nan, good.source, good.description, good.report)
    with pytest.raises(ValueError, match="must be a column of the records"):
        good.column("open")


def test_importing_the_readers_does_not_import_pandas():
    code = "import sys, deephedge.data, deephedge.backtest; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
