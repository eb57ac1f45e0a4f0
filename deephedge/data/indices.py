"""Recorded indices that come with the `arch` package (extra `data`)."""

from pathlib import Path

from deephedge.data.csv import read_csv
from deephedge.data.packaged import packaged_file
from deephedge.data.records import Records


def sp500() -> Records:
    """S&P 500, column `close`: index points at the close, 1999-01-04 to 2018-12-31.

    A price index: dividends are not in it.
    """
    return read_csv(
        arch_file("sp500"),
        date="Date",
        columns={"close": "Close"},
        date_format="%m/%d/%Y",
        source="arch.data.sp500",
        description="S&P 500, index points at the close",
    )


def nasdaq() -> Records:
    """NASDAQ Composite, column `close`: index points at the close, 1999-01-04 to 2018-12-31.

    A price index: dividends are not in it.
    """
    return read_csv(
        arch_file("nasdaq"),
        date="Date",
        columns={"close": "Close"},
        date_format="%m/%d/%Y",
        source="arch.data.nasdaq",
        description="NASDAQ Composite, index points at the close",
    )


def vix() -> Records:
    """CBOE VIX, column `vix`: per cent per year at the close, 2014-01-03 to 2019-01-03.

    The 30-day implied volatility of S&P 500 options, the square root of a variance swap rate, so
    above the at-the-money implied volatility as a rule. Its close is 15 minutes after that of the
    shares: the one quote here that is a little younger than the prices beside it.

    Reference: CBOE (2003), VIX white paper.
    """
    return read_csv(
        arch_file("vix"),
        date="Date",
        columns={"vix": "vix"},
        date_format="%m/%d/%Y",
        source="arch.data.vix",
        description="CBOE VIX, per cent per year at the close",
    )


def arch_file(name: str, file: str | None = None) -> Path:
    """The file of a data set of the `arch` package."""
    return packaged_file("arch", "data", name, "data", name, f"{file or name}.csv.gz")
