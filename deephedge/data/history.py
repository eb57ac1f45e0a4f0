"""Closes and the volatility quoted at each of them: what a backtest of options needs."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from deephedge.data.csv import read_csv
from deephedge.data.indices import vix
from deephedge.data.named import RECORDED, SHARE_INDICES
from deephedge.data.records import Records
from deephedge.data.volatility import quoted_vol

if TYPE_CHECKING:
    import pandas


@dataclasses.dataclass(frozen=True)
class History:
    """One underlier: what it closed at, and the volatility quoted then.

    `quoted` has a value from some date on at every date of `closes`.
    """

    closes: "pandas.Series"
    quoted: "pandas.Series"
    sources: tuple[Records, ...]
    rule: str
    """How the quoted volatility was found, for the report."""


def open_history(data: str = "sp500", *, markup: float = 1.0) -> History:
    """A history by name: an index of `SHARE_INDICES`, or the path of a CSV file.

    The S&P 500 is quoted at the VIX where there is one, and elsewhere at `markup` times its
    RiskMetrics volatility, as the other indices are throughout. A file has columns `date`,
    `close` and `vol` (decimal per year); one without `vol` has columns `date` and `close`, and is
    quoted at `markup` times its RiskMetrics volatility throughout.
    """
    if data in SHARE_INDICES:
        return _index(data, markup)
    path = Path(data)
    if path.suffix == "" and not path.exists():
        names = ", ".join(repr(name) for name in SHARE_INDICES)
        raise ValueError(f"`data` must be {names} or the path of a CSV file, got {data!r}.")
    return _file(path, markup)


def _index(name: str, markup: float) -> History:
    prices = RECORDED[name]()
    closes = prices.column("close")
    if not name.startswith("sp500"):
        return History(closes, quoted_vol(closes, markup=markup), (prices,), _riskmetrics(markup))
    implied = vix()
    index = implied.column("vix")
    rule = f"VIX from {implied.first} on; where there is none, {_riskmetrics(markup)}"
    return History(closes, quoted_vol(closes, index, markup=markup), (prices, implied), rule)


def _file(path: Path, markup: float) -> History:
    with_vol = {"close": "close", "vol": "vol"}
    if "vol" in _header(path):
        records = read_csv(path, date="date", columns=with_vol)
        return History(
            records.column("close"), records.column("vol"), (records,), "column `vol` of the file"
        )
    records = read_csv(path, date="date", columns={"close": "close"})
    closes = records.column("close")
    return History(closes, quoted_vol(closes, markup=markup), (records,), _riskmetrics(markup))


def _header(path: Path) -> list[str]:
    import pandas as pd

    try:
        return [name.strip() for name in pd.read_csv(path, nrows=0).columns]
    except (OSError, ValueError):
        return []  # read_csv says what is wrong with the file


def _riskmetrics(markup: float) -> str:
    times = "" if markup == 1 else f"{markup:g} times "
    return f"{times}RiskMetrics volatility (decay 0.94)"
