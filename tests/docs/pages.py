"""The fenced blocks of the pages, each with the line it stands on."""

import dataclasses
import pathlib
import re
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).parents[2]
FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>`{3,}|~{3,})(?P<info>.*)$")
WHY = "not run"
"""What the line beside a block says that is fenced as `no-run`, before its reason."""


@dataclasses.dataclass(frozen=True)
class Block:
    """What stands between two fences; `line` is that of the first of them, from 1."""

    line: int
    info: str
    code: str
    beside: tuple[str, str]
    """The nearest lines with text before and after it."""

    @property
    def is_python(self) -> bool:
        return self.info.split()[:1] == ["python"]

    @property
    def is_run(self) -> bool:
        return "no-run" not in self.info.split()

    @property
    def says_why(self) -> bool:
        return any(WHY in line.lower() for line in self.beside)


def blocks(text: str) -> Iterator[Block]:
    """Every fenced block of a page, in order; code that is indented loses its indentation."""
    lines = text.splitlines()
    start, opened = 0, None
    for number, line in enumerate(lines):
        fence = FENCE.match(line)
        if opened is None and fence:
            start, opened = number, fence
        elif opened is not None and fence and _closes(fence, opened):
            indent = len(opened["indent"])
            code = "\n".join(x[indent:] for x in lines[start + 1 : number])
            beside = (_text(reversed(lines[:start])), _text(lines[number + 1 :]))
            yield Block(start + 1, opened["info"].strip(), code + "\n", beside)
            opened = None
    assert opened is None, f"the block of line {start + 1} is never closed"


def _closes(fence: re.Match, opened: re.Match) -> bool:
    return fence["ticks"].startswith(opened["ticks"]) and not fence["info"].strip()


def _text(lines) -> str:
    return next((line for line in lines if line.strip()), "")


def pages() -> list[pathlib.Path]:
    """README and the pages of `docs`, without the papers' findings, which hold no code."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [page for page in found if ROOT / "docs" / "papers" not in page.parents]


def name_of(page: pathlib.Path) -> str:
    return page.relative_to(ROOT).as_posix()
