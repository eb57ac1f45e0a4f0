"""A table of dated observations, and what was wrong with the source it came from."""

import dataclasses
import datetime
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas


@dataclasses.dataclass(frozen=True)
class Dropped:
    """A row of the source that is not in the table, and why."""

    row: int
    """1 for the first row after the header."""
    reason: str


@dataclasses.dataclass(frozen=True)
class Gap:
    """Two neighbouring dates of the table with many business days between them."""

    after: datetime.date
    before: datetime.date
    business_days: int
    """Monday to Friday, strictly between the two; holidays are not known and count."""


@dataclasses.dataclass(frozen=True)
class Report:
    """What reading a source did to it."""

    read: int
    """Rows in the source."""
    dropped: tuple[Dropped, ...] = ()
    unsorted: int = 0
    """Rows dated before the row above them; they were sorted, not dropped."""
    gaps: tuple[Gap, ...] = ()

    def lines(self, most: int = 20) -> list[str]:
        """The report as text: the counts, then the first `most` dropped rows and every gap."""
        kept = self.read - len(self.dropped)
        text = [f"{self.read} rows read, {kept} kept, {len(self.dropped)} dropped."]
        text += [f"row {bad.row}: {bad.reason}" for bad in self.dropped[:most]]
        if len(self.dropped) > most:
            text.append(f"and {len(self.dropped) - most} more rows dropped.")
        if self.unsorted:
            text.append(f"{self.unsorted} rows were out of order and were sorted.")
        text += [
            f"no rows on {gap.business_days} business days between {gap.after} and {gap.before}."
            for gap in self.gaps
        ]
        return text

    def __str__(self) -> str:
        return "\n".join(self.lines())


@dataclasses.dataclass(frozen=True)
class Records:
    """Named columns of numbers over sorted dates that occur once each; nothing is missing."""

    frame: "pandas.DataFrame"
    source: str
    """Where the numbers come from."""
    description: str
    """What the columns are, with their units."""
    report: Report

    def __post_init__(self):
        index = self.frame.index
        if len(index) == 0 or not (index.is_monotonic_increasing and index.is_unique):
            raise ValueError("`frame` must have sorted dates that occur once each.")
        if not np.all(np.isfinite(self.frame.to_numpy(dtype=float))):
            raise ValueError("`frame` must have no missing values.")

    @property
    def first(self) -> datetime.date:
        """The first date."""
        return self.frame.index[0].date()

    @property
    def last(self) -> datetime.date:
        """The last date."""
        return self.frame.index[-1].date()

    def column(self, name: str) -> "pandas.Series":
        """One column, by date."""
        if name not in self.frame.columns:
            known = ", ".join(map(str, self.frame.columns))
            raise ValueError(f"`name` must be a column of the records ({known}), got {name!r}.")
        return self.frame.loc[:, name]

    def __str__(self) -> str:
        head = f"{self.description} ({self.source}), {self.first} to {self.last}"
        return "\n".join([head, *self.report.lines()])
