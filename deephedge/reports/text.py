"""Tables as plain text, never wider than a terminal."""

import math
import textwrap

WIDTH = 110
_COLUMN = 30


def decimals(error: float) -> int:
    """As many as show two digits of an error; three where there is none."""
    if not (math.isfinite(error) and error > 0):
        return 3
    return min(max(1 - math.floor(math.log10(error)), 0), 10)


def with_error(value: float, error: float) -> str:
    """A value to the digits its standard error lets one believe, and that error."""
    digits = decimals(error)
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def text_tables(header: list[str], rows: list[list[str]], caption: str) -> str:
    """One table, or several below each other that repeat the first column where one is too wide."""
    columns = [_column(title, [row[i] for row in rows]) for i, title in enumerate(header)]
    first, blocks, used = columns[0], [[]], len(columns[0][0])
    for column in columns[1:]:
        width = len(column[0]) + 2
        if blocks[-1] and used + width > WIDTH:
            blocks.append([])
            used = len(first[0])
        blocks[-1].append(column)
        used += width
    tables = [_joined([first, *block]) for block in blocks]
    return "\n\n".join([*tables, textwrap.fill(caption, WIDTH)])


def _column(title: str, cells: list[str]) -> list[str]:
    """Lines of one column: the title folded onto three lines, a rule, the cells."""
    folded = textwrap.wrap(title, max(_COLUMN, *(len(cell) for cell in cells))) or [""]
    width = max(len(line) for line in [*folded, *cells])
    heading = [""] * max(0, 3 - len(folded)) + folded
    return [line.ljust(width) for line in [*heading, "-" * width, *cells]]


def _joined(columns: list[list[str]]) -> str:
    height = max(len(column) for column in columns)
    padded = [[" " * len(column[0])] * (height - len(column)) + column for column in columns]
    lines = ["  ".join(cells).rstrip() for cells in zip(*padded, strict=True)]
    return "\n".join(line for line in lines if line)
