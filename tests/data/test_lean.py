import datetime
import zipfile

import numpy as np
import pytest

from deephedge.data import lean_daily, lean_option_quotes, lean_quotes, lean_trades

DAY = datetime.date(2014, 6, 6)


def zipped(path, **files):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.csv", text)


@pytest.fixture
def root(tmp_path):
    """A tree of three kinds of files, with the layout and the numbers of the published format."""
    equity, option = tmp_path / "equity" / "usa", tmp_path / "option" / "usa"
    zipped(
        equity / "daily" / "aapl.zip",
        aapl="20131001 00:00,6448000,6500000,6400000,6450000,90\n"
        "20131002 00:00,6450000,6460000,6440000,6455000,100\n",
    )
    zipped(
        equity / "minute" / "aapl" / "20140606_trade.zip",
        **{"20140606_aapl_minute_trade": "34200000,6448000,6448000,6448000,6448000,90\n"},
    )
    zipped(
        equity / "minute" / "aapl" / "20140606_quote.zip",
        **{
            "20140606_aapl_minute_quote": "34200000,6448000,6449000,6447000,6448500,90,"
            "6450000,6451000,6449000,6450500,100\n"
            "34260000,,,,,,6450000,6451000,6449000,6450500,100\n"
        },
    )
    row = "34200000,120800,125600,120800,125000,10,120900,126800,120900,137000,100\n"
    zipped(
        option / "minute" / "aapl" / "20140606_quote_american.zip",
        **{
            "20140606_aapl_minute_quote_american_put_950000_20140621": row,
            "20140606_aapl_minute_quote_american_call_6475000_20140621": row + row,
        },
    )
    return tmp_path


def test_prices_are_ten_thousandths(root):
    daily = lean_daily(root, "AAPL")
    np.testing.assert_allclose(daily.loc["2013-10-01"], [644.8, 650, 640, 645, 90], rtol=1e-12)
    assert list(daily.columns) == ["open", "high", "low", "close", "volume"]
    trades = lean_trades(root, "aapl", DAY)
    assert str(trades.index[0]) == "2014-06-06 09:30:00"
    assert trades["close"].iloc[0] == pytest.approx(644.8)
    assert trades["volume"].iloc[0] == 90


def test_a_quote_has_two_sides_and_a_missing_side_is_no_price(root):
    quotes = lean_quotes(root, "AAPL", DAY)
    assert len(quotes) == 2
    first, second = quotes.iloc[0], quotes.iloc[1]
    assert (first.bid, first.ask) == pytest.approx((644.85, 645.05))
    assert (first.bid_size, first.ask_size) == (90, 100)
    assert np.isnan(second.bid) and second.ask == pytest.approx(645.05)
    assert str(quotes.index[1]) == "2014-06-06 09:31:00"


def test_options_are_told_apart_by_the_names_of_their_files(root):
    chain = lean_option_quotes(root, "AAPL", DAY)
    assert len(chain) == 3
    np.testing.assert_allclose(chain["strike"], [95, 647.5, 647.5], rtol=1e-12)
    np.testing.assert_array_equal(chain["sign"], [-1, 1, 1])
    assert {str(x.date()) for x in chain["expiry"]} == {"2014-06-21"}
    np.testing.assert_allclose(chain["bid"], 12.5, rtol=1e-12)
    np.testing.assert_allclose(chain["ask"], 13.7, rtol=1e-12)


def test_what_is_no_such_file_is_said_in_one_line(root):
    with pytest.raises(ValueError, match=r"msft.*there is no such file"):
        lean_daily(root, "MSFT")
    broken = root / "equity" / "usa" / "daily" / "ibm.zip"
    broken.write_text("no zip")
    with pytest.raises(ValueError, match="is not a zip file"):
        lean_daily(root, "ibm")
    zipped(broken, ibm="20131001 00:00,1,2\n")
    with pytest.raises(ValueError, match=r"rows must have 6 fields .* got 3"):
        lean_daily(root, "ibm")
    zipped(broken, ibm="yesterday,1,2,3,4,5\n")
    with pytest.raises(ValueError, match="row 1 must begin with a date"):
        lean_daily(root, "ibm")
    folder = root / "option" / "usa" / "minute" / "ibm"
    zipped(folder / "20140606_quote_american.zip", what="34200000" + ",1" * 10)
    with pytest.raises(ValueError, match="must end in right, strike and expiry"):
        lean_option_quotes(root, "ibm", DAY)
