"""A stream of quotes, line by line: what can be used, and what is wrong with the rest."""

import csv
import dataclasses
import datetime
import math
from collections.abc import Iterable, Iterator

from deephedge.cli.position import Columns
from deephedge.cli.tables import StudyError

NEVER_NEGATIVE = ("vol", "variance")
"""Columns of factors that must not be below zero; the others may."""

YEAR = 365 * 24 * 3600.0
"""Seconds."""


@dataclasses.dataclass(frozen=True)
class Line:
    """A line that can be used."""

    number: int
    time: float
    label: str
    """The time as the stream writes it."""
    prices: list[float]
    factors: list[float]
    rate: float | None
    marks: list[float]
    """Of the listed contracts that have a column; not a number where the line has none."""


@dataclasses.dataclass(frozen=True)
class Bad:
    """A line that cannot, and why."""

    number: int
    reason: str


class Reader:
    """Reads the header when made; then a `Line` or a `Bad` for every line that is not empty."""

    def __init__(
        self, lines: Iterable[str], columns: Columns, n_factors: int, *, exact: bool = False
    ):
        self._numbered = enumerate(lines, 1)
        self._columns = columns
        header = next((cells for _, cells in self._rows()), None)
        if header is None:
            raise StudyError((), "the stream is empty: its first line must name the columns.")
        self._header = header
        self.factors = columns.factors
        if self.factors is None:
            self.factors = [name for name in ("vol",) if name in header]
        for name in [columns.time, *columns.prices, *self.factors, *(columns.instruments or ())]:
            if header.count(name) != 1:
                raise StudyError(
                    (), f"there must be one column {name!r}; the stream has: {', '.join(header)}."
                )
        if len(self.factors) < n_factors:
            raise StudyError(
                ("quotes", "factors"),
                f"must name columns for the model's {n_factors} factors, got {self.factors}.",
            )
        if exact and len(self.factors) > n_factors:
            raise StudyError(
                ("quotes", "factors"),
                f"must be given: the model has {n_factors} factors, and the stream {self.factors}; "
                f"`factors = {self.factors}` reads them, `factors = []` does not.",
            )

    def __iter__(self) -> Iterator[Line | Bad]:
        for number, cells in self._rows():
            try:
                yield self._line(number, cells)
            except ValueError as error:
                yield Bad(number, str(error))

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        for number, text in self._numbered:
            if text.strip():
                yield number, [cell.strip() for cell in next(csv.reader([text.strip()]))]

    def _line(self, number: int, cells: list[str]) -> Line:
        if len(cells) != len(self._header):
            raise ValueError(f"has {len(cells)} fields, the header has {len(self._header)}")
        row = dict(zip(self._header, cells, strict=True))
        columns = self._columns
        prices = [_number(name, row[name]) for name in columns.prices]
        for name, value in zip(columns.prices, prices, strict=True):
            if not value > 0:
                raise ValueError(f"{name} must be positive, got {row[name]}")
        factors = [_number(name, row[name]) for name in self.factors or ()]
        for name, value in zip(self.factors or (), factors, strict=True):
            if name in NEVER_NEGATIVE and value < 0:
                raise ValueError(f"{name} must not be negative, got {row[name]}")
        rate = _number(columns.rate, row[columns.rate]) if columns.rate in row else None
        marks = [_number(x, row[x]) if row[x] else math.nan for x in columns.instruments or ()]
        label = row[columns.time]
        return Line(number, self._years(label), label, prices, factors, rate, marks)

    def _years(self, label: str) -> float:
        start = self._columns.start
        if start is None:
            return _number(self._columns.time, label)
        try:
            moment = datetime.datetime.fromisoformat(label)
        except ValueError:
            raise ValueError(f"{self._columns.time} is not a date, got {label!r}") from None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
        self._refuse_stale(moment)
        midnight = datetime.datetime.combine(start, datetime.time(), tzinfo=datetime.UTC)
        return (moment - midnight).total_seconds() / YEAR

    def _refuse_stale(self, moment: datetime.datetime) -> None:
        if self._columns.max_age is None:
            return
        age = (datetime.datetime.now(datetime.UTC) - moment).total_seconds()
        if age > self._columns.max_age:
            raise ValueError(f"is stale: {age:.0f} seconds old")


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{name} is not a number, got {text!r}") from None
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {text}")
    return value
