"""A long study in cells: what is found is kept cell by cell, and a page shows it.

A cell is a piece of work with a name that ends in numbers (a `dict` ready for JSON). Each is
written as it is found, so that a study that was interrupted goes on where it stopped.
"""

import argparse
import dataclasses
import functools
import json
import math
import pathlib
import sys
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from deephedge.reports.reproductions import rewritten, write_json

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Work = Mapping[str, Callable[[], dict[str, Any] | None]]
"""What is to be done, by the name of the cell."""

BEGIN, END = "<!-- table -->", "<!-- end of table -->"
"""Between these two lines of its page a study writes its table."""


@dataclasses.dataclass(frozen=True)
class Cells:
    """The cells of one study, a JSON file each under `folder`.

    Args:
        folder: where they are kept; one for each size of the study.
        only: cells whose name holds one of these are worked on; all, if there are none.
        minutes: no cell is begun later than this.
        begun: when the study was, by `time.monotonic`.
    """

    folder: pathlib.Path
    only: tuple[str, ...] = ()
    minutes: float = math.inf
    begun: float = dataclasses.field(default_factory=time.monotonic)

    def run(self, work: Work) -> dict[str, dict[str, Any]]:
        """What every cell found, by name: read where it is kept, worked on where it is not.

        Cells that neither stand in a file nor may be worked on are left out, and so are those that
        find `None`: they wait for others. Each that was worked on knows its `seconds`.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        found = {}
        for number, (name, find) in enumerate(work.items(), start=1):
            file = self.folder / f"{name}.json"
            if not file.exists() and not self._may(name):
                continue
            if not file.exists():
                begin = time.monotonic()
                result = find()
                if result is None:
                    continue
                seconds = time.monotonic() - begin
                write_json(file, {**result, "seconds": seconds})
                so_far = time.monotonic() - self.begun
                print(
                    f"[{number}/{len(work)}] {name}: {seconds:.0f} s, {so_far:.0f} s so far",
                    file=sys.stderr,
                    flush=True,
                )
            found[name] = json.loads(file.read_text())
        return found

    def _may(self, name: str) -> bool:
        wanted = not self.only or any(part in name for part in self.only)
        return wanted and time.monotonic() - self.begun < 60 * self.minutes


def missing(work: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """A sentence that names the cells that were not run; empty where all were."""
    left = [name for name in work if name not in found]
    if not left:
        return ""
    return f"\n\nNot run ({len(left)} of {len(work)} cells): {'; '.join(left)}."


def time_taken(found: Mapping[str, Mapping[str, Any]]) -> str:
    """A sentence that says what the cells took."""
    seconds = sum(cell["seconds"] for cell in found.values())
    return f"Cells: {len(found)}, {seconds / 60:.1f} minutes, compilation included."


def publish(
    page: pathlib.Path, table: str, figure: "Figure", found: Mapping[str, Mapping[str, Any]]
) -> None:
    """Write the table into the page, the figure and the numbers (JSON) beside it."""
    page.write_text(rewritten(page.read_text(), table, BEGIN, END))
    figure.savefig(page.with_suffix(".svg"), metadata={"Date": None})
    write_json(page.with_suffix(".json"), dict(found))


def study(
    file: str,
    doc: str | None,
    work: Callable[[bool], Work],
    table: Callable[[Mapping], str],
    draw: Callable[[Mapping], "Figure"],
) -> None:
    """The command of a study: reads its options, runs its cells, prints, and writes its page.

    Args:
        file: the study's own, in a folder beside `docs`; its page is docs/studies/NAME.md.
        doc: what the study is.
        work: the cells, of the small size or of the whole.
        table: in Markdown, of what the cells found.
        draw: the same as a figure.
    """
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", action="store_true", help="about a minute; leaves the page")
    parser.add_argument("--only", default="", help="parts of cells' names, commas between them")
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin no cell later")
    options = parser.parse_args()
    name, root = pathlib.Path(file).stem, pathlib.Path(file).resolve().parent.parent
    folder = root / "out" / (f"{name}_small" if options.small else name)
    only = tuple(part.strip() for part in options.only.split(",") if part.strip())
    cells = work(options.small)
    found = Cells(folder, only, options.minutes).run(cells)
    if not found:
        raise SystemExit("no cell was run; see --only and --minutes.")
    title = (doc or name).split("\n")[0]
    text = f"{table(found)}\n\n![{title}]({name}.svg)\n\n{time_taken(found)}{missing(cells, found)}"
    print(text)
    if options.small:
        draw(found).savefig(folder / f"{name}.svg")
    else:
        publish(root / "docs" / "studies" / f"{name}.md", text, draw(found), found)


def later(
    find: Callable[..., dict[str, Any] | None], *arguments: object
) -> Callable[[], dict[str, Any] | None]:
    """The work of a cell, to be done when its turn comes."""
    return functools.partial(find, *arguments)
