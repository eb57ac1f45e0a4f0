"""Any CSV file of dated numbers, checked row by row."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deephedge.data.records import Dropped, Gap, Records, Report

if TYPE_CHECKING:
    import pandas


def read_csv(
    path: str | Path,
    *,
    date: str,
    columns: Mapping[str, str],
    positive: bool = True,
    max_gap: int = 3,
    date_format: str | None = None,
    source: str | None = None,
    description: str | None = None,
) -> Records:
    """Read dated numbers from a CSV file; bad rows are dropped and every one is reported.

    A row is bad if its date or a number is missing or unreadable, if a number is not positive,
    or if its date was read before (the first such row stays). Rows out of order are sorted.

    Args:
        path: the file; it may be compressed (`.gz`, `.zip`, `.xz`).
        date: the column of dates.
        columns: the name of each column to keep, to the name it has in the file.
        positive: whether numbers must be above zero, as prices and volatilities are.
        max_gap: more business days than this without a row are reported as a gap.
        date_format: as for `datetime.strptime`; left out, dates start as 2014-01-31 does, and a
            time of day after that is ignored.
        source: where the numbers come from; the file name if left out.
        description: what the columns are; their names if left out.
    """
    path = Path(path)
    if not columns:
        raise ValueError("`columns` must name at least one; pass `columns={'close': 'Close'}`.")
    text = _text(path)
    for wanted in (date, *columns.values()):
        if wanted not in text.columns:
            known = ", ".join(map(str, text.columns))
            raise ValueError(f"{path}: there is no column {wanted!r}; the file has: {known}.")
    days = _days(text[date], date_format)
    numbers = _numbers(text, columns)
    dropped = _bad_rows(days, numbers, positive)
    if len(dropped) == len(text):
        why = f"; row 1: {dropped[0].reason}" if dropped else ""
        raise ValueError(f"{path}: there are no usable rows among {len(text)}{why}.")
    keep = np.ones(len(text), dtype=bool)
    keep[[bad.row - 1 for bad in dropped]] = False
    good = numbers[keep].set_axis(days[keep].rename("date"), axis=0)
    unsorted = int(np.sum(np.diff(good.index.to_numpy()) < np.timedelta64(0)))
    good = good.sort_index()
    return Records(
        frame=good,
        source=path.name if source is None else source,
        description=", ".join(columns) if description is None else description,
        report=Report(len(text), tuple(dropped), unsorted, _gaps(good.index, max_gap)),
    )


def _text(path: Path) -> "pandas.DataFrame":
    """The file as it stands, every cell a string."""
    import pandas as pd

    try:
        # Without index_col=False, rows with one field too many would shift every column.
        return pd.read_csv(
            path, dtype=str, keep_default_na=False, skipinitialspace=True, index_col=False
        )
    except FileNotFoundError:
        raise ValueError(f"{path}: there is no such file.") from None
    except pd.errors.EmptyDataError:
        raise ValueError(f"{path}: the file is empty.") from None
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: is not CSV: {' '.join(str(error).split())}") from None
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror or error}.") from None


def _days(dates: "pandas.Series", date_format: str | None) -> "pandas.DatetimeIndex":
    """The day of each row, and `NaT` where it cannot be read."""
    import pandas as pd

    dates = dates.fillna("").str.strip()
    if date_format is None:
        dates, date_format = dates.str.slice(0, 10), "%Y-%m-%d"
    parsed = pd.to_datetime(dates, format=date_format, errors="coerce")
    return pd.DatetimeIndex(parsed).normalize()


def _numbers(text: "pandas.DataFrame", columns: Mapping[str, str]) -> "pandas.DataFrame":
    """The wanted columns as numbers, and `nan` where they cannot be read."""
    import pandas as pd

    return pd.DataFrame(
        {
            name: pd.to_numeric(text[column].str.strip(), errors="coerce").astype(float)
            for name, column in columns.items()
        }
    )


def _bad_rows(
    days: "pandas.DatetimeIndex", numbers: "pandas.DataFrame", positive: bool
) -> list[Dropped]:
    """The rows to drop, each with the first reason against it."""
    values = numbers.to_numpy()
    names = list(numbers.columns)
    seen: set[object] = set()
    dropped = []
    for i, day in enumerate(days):
        finite = np.isfinite(values[i])
        if day != day:  # NaT
            dropped.append(Dropped(i + 1, "the date is missing or unreadable"))
        elif not finite.all():
            name = names[int(np.argmin(finite))]
            dropped.append(Dropped(i + 1, f"{day.date()}: {name} is missing or unreadable"))
        elif positive and (values[i] <= 0).any():
            name = names[int(np.argmax(values[i] <= 0))]
            dropped.append(Dropped(i + 1, f"{day.date()}: {name} is not positive"))
        elif day in seen:
            dropped.append(Dropped(i + 1, f"{day.date()}: the date is there already"))
        else:
            seen.add(day)
    return dropped


def _gaps(days: "pandas.DatetimeIndex", max_gap: int) -> tuple[Gap, ...]:
    between = days.to_numpy().astype("datetime64[D]")
    after, before = between[:-1], between[1:]
    missing = np.busday_count(after + 1, before)
    return tuple(
        Gap(after[i].item(), before[i].item(), int(missing[i]))
        for i in np.flatnonzero(missing > max_gap)
    )
