"""Option quotes from a CSV file with named columns."""

from pathlib import Path

import numpy as np

from deephedge.calibration.quotes import Column, Quotes
from deephedge.data.csv import text_columns

MARKET = ("strike", "maturity", "forward")
SIDES = (("bid", "ask"), ("mid",), ("bid_vol", "ask_vol"), ("mid_vol",))
OPTIONAL = ("discount", "type")
SIGNS = {"call": 1.0, "c": 1.0, "put": -1.0, "p": -1.0}


def read_quotes(path: str | Path, *, allow_arbitrage: bool = False) -> Quotes:
    """Quotes of the columns strike, maturity (years), forward, and one of the price columns.

    Prices are `bid` and `ask`, or `mid`; volatilities `bid_vol` and `ask_vol`, or `mid_vol`.
    Optional are `discount` (1 if left out) and `type`, call or put (call if left out). Other
    columns are ignored.
    """
    path = Path(path)
    cells = _cells(path)
    given = [names for names in SIDES if all(name in cells for name in names)]
    if len(given) != 1:
        wanted = "; ".join(" and ".join(names) for names in SIDES)
        have = ", ".join(f"`{name}`" for name in cells)
        raise ValueError(
            f"{path}: the first line of a CSV file names its columns, and there must be one choice "
            f"of {wanted}; the file has: {have}."
        )
    columns = {name: _numbers(path, cells, name) for name in (*MARKET, *given[0])}
    if "discount" in cells:
        columns["discount"] = _numbers(path, cells, "discount")
    if "type" in cells:
        columns["sign"] = _signs(path, cells["type"])
    low, high = columns.pop(given[0][0]), columns.pop(given[0][-1], None)
    make = Quotes.from_vols if given[0][0].endswith("_vol") else Quotes
    try:
        return make(
            **columns, bid=low, ask=low if high is None else high, allow_arbitrage=allow_arbitrage
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _cells(path: Path) -> dict[str, list[str]]:
    """The columns as they stand in the file."""
    text = text_columns(path)
    return {str(name).strip(): [str(x).strip() for x in text[name]] for name in text.columns}


def _numbers(path: Path, cells: dict[str, list[str]], name: str) -> Column:
    if name not in cells:
        raise ValueError(f"{path}: there is no column {name!r}; the file has: {', '.join(cells)}.")
    numbers = []
    for row, cell in enumerate(cells[name], start=1):
        try:
            numbers.append(float(cell))
        except ValueError:
            raise ValueError(
                f"{path}: `{name}` must be a number, got {cell!r} in row {row}."
            ) from None
    return np.array(numbers)


def _signs(path: Path, cells: list[str]) -> Column:
    for row, cell in enumerate(cells, start=1):
        if cell.lower() not in SIGNS:
            raise ValueError(f"{path}: `type` must be call or put, got {cell!r} in row {row}.")
    return np.array([SIGNS[cell.lower()] for cell in cells])
