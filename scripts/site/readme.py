"""A hook of mkdocs: `<!-- README: TITLE -->` on a page becomes that section of the README.

So the README stays the one place where results and notation are kept. The word `no-run`, which
tells the test of the examples to leave a block alone, is taken off the blocks here.
"""

from __future__ import annotations

import logging
import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

LOG = logging.getLogger("mkdocs.hooks.readme")
README = Path(__file__).parents[2] / "README.md"
WANTED = re.compile(r"^<!-- README: (?P<title>.+) -->$", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|#|mailto:)(?P<target>[^)\s]+)\)")


def on_page_markdown(markdown: str, page: Page, files: Files, **_: object) -> str:
    """Puts the sections in."""
    folder = posixpath.dirname(page.file.src_uri)

    def section(found: re.Match[str]) -> str:
        text = sections().get(found["title"])
        if text is None:
            LOG.warning("%s: the README has no section %r", page.file.src_uri, found["title"])
            return ""
        lone = f"## {found['title']}\n\n" if WANTED.findall(markdown)[1:] else ""
        return lone + LINK.sub(lambda link: f"]({moved(link['target'], folder)})", text)

    markdown = re.sub(r"^```python no-run$", "```python", markdown, flags=re.MULTILINE)
    return WANTED.sub(section, markdown)


def sections() -> dict[str, str]:
    """Title -> text of each section of the README."""
    parts = re.split(r"^## (.+)\n", README.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], (part.strip() for part in parts[2::2]), strict=True))


def moved(target: str, folder: str) -> str:
    """A link of the README, as seen from a page in a folder of `docs`."""
    if not target.startswith("docs/"):
        return target
    inside = target.removeprefix("docs/")
    if "." not in posixpath.basename(inside.split("#")[0]):
        inside += "/README.md"
    return posixpath.relpath(inside, folder or ".")
