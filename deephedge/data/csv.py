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
    cells = _cells(path, [date, *columns.values()])
    return read_table(
        cells,
        date=date,
        columns=columns,
        positive=positive,
        max_gap=max_gap,
        date_format=date_format,
        source=path.name if source is None else source,
        description=description,
        where=f"{path}: ",
    )


def read_table(
    cells: Mapping[str, list[str]],
    *,
    date: str,
    columns: Mapping[str, str],
    source: str,
    positive: bool = True,
    max_gap: int = 3,
    date_format: str | None = None,
    description: str | None = None,
    where: str = "",
) -> Records:
    """`read_csv` of columns of text that are already in memory; `where` begins an error."""
    days = _days(cells[date], date_format)
    numbers = np.column_stack([_numbers(cells[column]) for column in columns.values()])
    dropped = _bad_rows(days, numbers, list(columns), positive)
    if len(dropped) == len(days):
        why = f"; row 1: {dropped[0].reason}" if dropped else ""
        raise ValueError(f"{where}there are no usable rows among {len(days)}{why}.")
    good = np.delete(np.arange(len(days)), [bad.row - 1 for bad in dropped])
    unsorted = int(np.sum(np.diff(days[good]) < np.timedelta64(0, "D")))
    order = good[np.argsort(days[good])]
    return Records(
        frame=_frame(days[order], numbers[order], list(columns)),
        source=source,
        description=", ".join(columns) if description is None else description,
        report=Report(len(days), tuple(dropped), unsorted, _gaps(days[order], max_gap)),
    )


def text_columns(path: Path) -> "pandas.DataFrame":
    """Every column of a CSV file as it stands there; a file that is none is refused by its name."""
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


def _cells(path: Path, wanted: list[str]) -> dict[str, list[str]]:
    """The wanted columns as they stand in the file."""
    text = text_columns(path)
    for name in wanted:
        if name not in text.columns:
            known = ", ".join(map(str, text.columns))
            raise ValueError(f"{path}: there is no column {name!r}; the file has: {known}.")
    return {name: [str(x).strip() for x in text[name].fillna("").to_numpy()] for name in wanted}


def _days(cells: list[str], date_format: str | None) -> np.ndarray:
    """The day of each row, and `NaT` where it cannot be read."""
    import pandas as pd

    if date_format is None:
        cells, date_format = [cell[:10] for cell in cells], "%Y-%m-%d"
    parsed = pd.to_datetime(cells, format=date_format, errors="coerce")
    return parsed.to_numpy().astype("datetime64[D]")


def _numbers(cells: list[str]) -> np.ndarray:
    """The cells as numbers, and `nan` where they cannot be read."""
    import pandas as pd

    return np.asarray(pd.to_numeric(np.array(cells, dtype=object), errors="coerce"), dtype=float)


def _frame(days: np.ndarray, numbers: np.ndarray, names: list[str]) -> "pandas.DataFrame":
    import pandas as pd

    return pd.DataFrame(numbers, index=pd.DatetimeIndex(days, name="date"), columns=names)


def _bad_rows(
    days: np.ndarray, numbers: np.ndarray, names: list[str], positive: bool
) -> list[Dropped]:
    """The rows to drop, each with the first reason against it."""
    seen: set[object] = set()
    dropped = []
    for i, (day, row) in enumerate(zip(days, numbers, strict=True)):
        unreadable = ~np.isfinite(row)
        below = (row <= 0) & positive
        if np.isnat(day):
            reason = "the date is missing or unreadable"
        elif unreadable.any():
            reason = f"{day}: {names[int(np.argmax(unreadable))]} is missing or unreadable"
        elif below.any():
            reason = f"{day}: {names[int(np.argmax(below))]} is not positive"
        elif day in seen:
            reason = f"{day}: the date is there already"
        else:
            seen.add(day)
            continue
        dropped.append(Dropped(i + 1, reason))
    return dropped


def _gaps(days: np.ndarray, max_gap: int) -> tuple[Gap, ...]:
    after, before = days[:-1], days[1:]
    missing = np.busday_count(after + np.timedelta64(1, "D"), before)
    return tuple(
        Gap(after[i].item(), before[i].item(), int(missing[i]))
        for i in np.flatnonzero(missing > max_gap)
    )
