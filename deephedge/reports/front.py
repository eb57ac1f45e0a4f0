"""One page for several studies: a table and a picture of each, and where its own report is."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from deephedge.reports.comparison import Comparison
from deephedge.reports.figures import pnl_ranges
from deephedge.reports.html import plain_values, png, rendered


@dataclasses.dataclass(frozen=True)
class Section:
    """What the page says of one study."""

    name: str
    title: str
    words: str
    """What was tried, in plain words."""
    paths: str
    """Which paths the comparison is on, in a sentence."""
    comparison: Comparison
    report: str
    """Where the study's own report is, from the page."""


def write_front(
    path: pathlib.Path, *, title: str, sections: Sequence[Section], environment: Mapping[str, Any]
) -> pathlib.Path:
    """Write the page to `path`, with nothing to fetch from elsewhere, and return `path`.

    Each table shows the first measure that all of the studies have, else its own first.
    """
    first, *others = (section.comparison.measures for section in sections)
    shared = [name for name in first if all(name in measures for measures in others)]
    page = rendered(
        "front.html.jinja",
        title=title,
        measure=shared[0] if shared else "",
        sections=sections,
        rows=[
            (
                section,
                shared[0] if shared else section.comparison.measures[0],
                png(pnl_ranges(section.comparison)),
            )
            for section in sections
        ],
        environment=plain_values(environment),
    )
    path.write_text(page, encoding="utf-8")
    return path
