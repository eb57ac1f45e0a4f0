"""A hook of mkdocs: an entry `folder/*` of the navigation becomes the pages that are in the folder.

A folder without pages has no entry, so that pages may come and go without a change here. The
folder's own page (`README.md` or `index.md`) comes first, then the others by name, then folders.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Expands the entries; runs after the hooks that make pages."""
    pages = sorted(file.src_uri for file in files.documentation_pages())
    config.nav = expanded(config.nav or [], pages)
    return files


def expanded(entries: list, pages: list[str]) -> list:
    """The navigation with every `folder/*` replaced by what is there."""
    found = []
    for entry in entries:
        if isinstance(entry, str) and entry.endswith("/*"):
            found += inside(entry[:-1], pages)
        elif isinstance(entry, dict):
            ((title, inner),) = entry.items()
            inner = expanded(inner, pages) if isinstance(inner, list) else inner
            found += [{title: inner}] if inner else []
        else:
            found.append(entry)
    return found


def inside(folder: str, pages: list[str]) -> list:
    """The pages in a folder, its own first, each followed by those of a folder of its name."""
    own = [page for page in pages if page.startswith(folder)]
    direct = [page for page in own if "/" not in page.removeprefix(folder)]
    direct.sort(key=lambda page: (page not in (folder + "README.md", folder + "index.md"), page))
    found: list = []
    for page in direct:
        deeper = inside(page.removesuffix(".md") + "/", own)
        found.append({title(page): [page, *deeper]} if deeper else page)
    return found


def title(page: str) -> str:
    """The name of a section: that of its page."""
    return page.rsplit("/", 1)[-1].removesuffix(".md")
