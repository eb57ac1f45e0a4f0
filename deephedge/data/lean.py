"""Quotes and trades in the folder layout of QuantConnect's Lean: a zip of CSV files a day.

    ROOT/equity/MARKET/daily/TICKER.zip                           trades, all days in one file
    ROOT/equity/MARKET/minute/TICKER/YYYYMMDD_trade.zip           and ..._quote.zip
    ROOT/option/MARKET/minute/TICKER/YYYYMMDD_quote_american.zip  a file an option in each zip

Prices are whole numbers of 1/10,000 of a unit of currency, times are milliseconds since midnight
where the market is. Files have no header. Nothing is filtered but what cannot be read.

Reference: QuantConnect, LEAN data formats, equity and option.
"""

import datetime
import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas

SCALE = 1e-4
"""Currency units of one unit of a price in a file."""

_BARS = ("open", "high", "low", "close")
_TRADE = ("time", *_BARS, "volume")
_QUOTE = (
    "time",
    *(f"bid_{name}" for name in _BARS),
    "bid_size",
    *(f"ask_{name}" for name in _BARS),
    "ask_size",
)


def lean_daily(root: str | Path, ticker: str, *, market: str = "usa") -> "pandas.DataFrame":
    """Daily bars of a share: `open`, `high`, `low`, `close`, `volume` by date, in currency."""
    path = Path(root, "equity", market, "daily", f"{ticker.lower()}.zip")
    (_, text), *_ = _entries(path)
    table = _table(path, text, _TRADE)
    return _dated(path, table, [f"{cell}"[:8] for cell in table.pop("time")], "%Y%m%d")


def lean_trades(
    root: str | Path, ticker: str, day: datetime.date, *, market: str = "usa"
) -> "pandas.DataFrame":
    """Minute bars of a share's trades on one day, by the time at which each minute begins."""
    path = _minute(root, "equity", market, ticker) / f"{day:%Y%m%d}_trade.zip"
    (_, text), *_ = _entries(path)
    return _timed(path, _table(path, text, _TRADE), day)


def lean_quotes(
    root: str | Path, ticker: str, day: datetime.date, *, market: str = "usa"
) -> "pandas.DataFrame":
    """Minute bars of a share's bid and ask on one day, by the time at which each minute begins.

    Columns `bid_open` ... `bid_size`, `ask_open` ... `ask_size`; `bid` and `ask` are those at the
    end of the minute. A side that nobody quoted is `nan`.
    """
    path = _minute(root, "equity", market, ticker) / f"{day:%Y%m%d}_quote.zip"
    (_, text), *_ = _entries(path)
    return _sides(_timed(path, _table(path, text, _QUOTE), day))


def lean_option_quotes(
    root: str | Path,
    underlier: str,
    day: datetime.date,
    *,
    market: str = "usa",
    style: str = "american",
) -> "pandas.DataFrame":
    """Minute bars of bid and ask of every option on an underlier on one day.

    The columns of `lean_quotes` and `expiry` (a date), `strike` (currency) and `sign` (1 for a
    call, -1 for a put), by time; sorted by expiry, strike, sign and time.
    """
    import pandas as pd

    path = _minute(root, "option", market, underlier) / f"{day:%Y%m%d}_quote_{style}.zip"
    tables = []
    for name, text in _entries(path):
        table = _sides(_timed(path, _table(path, text, _QUOTE), day))
        strike, sign, expiry = _contract(path, name)
        tables.append(table.assign(expiry=pd.Timestamp(expiry), strike=strike, sign=sign))
    joined = pd.concat(tables).reset_index()
    return joined.sort_values(["expiry", "strike", "sign", "time"]).set_index("time")


def _minute(root: str | Path, kind: str, market: str, ticker: str) -> Path:
    return Path(root, kind, market, "minute", ticker.lower())


def _entries(path: Path) -> list[tuple[str, bytes]]:
    """The CSV files of a zip, by name."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(name for name in archive.namelist() if name.endswith(".csv"))
            found = [(name, archive.read(name)) for name in names]
    except FileNotFoundError:
        raise ValueError(f"{path}: there is no such file.") from None
    except zipfile.BadZipFile:
        raise ValueError(f"{path}: is not a zip file.") from None
    if not found:
        raise ValueError(f"{path}: there is no CSV file in it.")
    return found


def _table(path: Path, text: bytes, columns: tuple[str, ...]) -> "pandas.DataFrame":
    """The columns of a file: prices in currency, an empty cell `nan`, the first column as text."""
    import pandas as pd

    try:
        raw = pd.read_csv(io.BytesIO(text), header=None, dtype=str, skipinitialspace=True)
    except pd.errors.EmptyDataError:
        raise ValueError(f"{path}: the file in it is empty.") from None
    if raw.shape[1] != len(columns):
        raise ValueError(
            f"{path}: rows must have {len(columns)} fields ({', '.join(columns)}), got "
            f"{raw.shape[1]}."
        )
    table = pd.DataFrame({"time": raw[0].to_numpy()})
    for i, name in enumerate(columns[1:], start=1):
        numbers = np.asarray(pd.to_numeric(raw[i], errors="coerce"), dtype=float)
        table[name] = numbers * (SCALE if name.split("_")[-1] in _BARS else 1.0)
    return table


def _timed(path: Path, table: "pandas.DataFrame", day: datetime.date) -> "pandas.DataFrame":
    """By the time of day, in the market's own time."""
    import pandas as pd

    cells = np.asarray(pd.to_numeric(table.pop("time"), errors="coerce"), dtype=float)
    if not np.all(np.isfinite(cells)):
        row = int(np.argmin(np.isfinite(cells))) + 1
        raise ValueError(f"{path}: row {row} must begin with milliseconds since midnight.")
    times = np.datetime64(day, "ms") + cells.astype("timedelta64[ms]")
    return table.set_index(pd.DatetimeIndex(times, name="time"))


def _dated(
    path: Path, table: "pandas.DataFrame", cells: list[str], date_format: str
) -> "pandas.DataFrame":
    import pandas as pd

    dates = pd.to_datetime(cells, format=date_format, errors="coerce")
    if dates.isna().any():
        row = int(np.argmax(dates.isna())) + 1
        raise ValueError(
            f"{path}: row {row} must begin with a date as 20140131, got {cells[row - 1]!r}."
        )
    return table.set_index(pd.DatetimeIndex(dates, name="date"))


def _sides(table: "pandas.DataFrame") -> "pandas.DataFrame":
    return table.assign(bid=table["bid_close"], ask=table["ask_close"])


def _contract(path: Path, name: str) -> tuple[float, float, datetime.date]:
    """Strike, sign and expiry in the name of a file: ..._STYLE_call_STRIKE_YYYYMMDD.csv."""
    parts = Path(name).stem.split("_")
    try:
        right, strike, expiry = parts[-3:]
        sign = {"call": 1.0, "put": -1.0}[right]
        return SCALE * int(strike), sign, datetime.datetime.strptime(expiry, "%Y%m%d").date()
    except (KeyError, ValueError):
        raise ValueError(
            f"{path}: {name!r} must end in right, strike and expiry, as call_950000_20140621.csv."
        ) from None
