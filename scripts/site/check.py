"""Whether a built site has every public name, no broken link, and nothing read from the network.

python scripts/site/check.py build/site
"""

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

sys.path.insert(0, str(Path(__file__).parent))

from public_names import public_names

# What a page loads by itself; an `a` is only followed by the reader.
LOADED = {
    *(("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("video", "src")),
    *(("audio", "src"), ("embed", "src"), ("object", "data"), ("image", "href"), ("use", "href")),
}
LOADING_LINKS = {"stylesheet", "preload", "prefetch", "preconnect", "dns-prefetch", "icon"}


class Page(HTMLParser):
    """The anchors of a page, what it links to, and what it loads."""

    def __init__(self, text: str):
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.classes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        self.classes |= set(given.get("class", "").split())
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "link" and set(given.get("rel", "").split()) & LOADING_LINKS:
            self.loads.append(given["href"])
        self.loads += [value for name, value in given.items() if (tag, name) in LOADED]


def is_elsewhere(link: str) -> bool:
    """Whether a link leads out of the site."""
    return link.startswith(("http:", "https:", "//", "mailto:", "data:", "javascript:"))


def read_site(site: Path) -> dict[Path, Page]:
    """Every page of the site but the one for what is not found, whose links are absolute."""
    files = (file for file in site.rglob("*.html") if file.name != "404.html")
    return {file.resolve(): Page(file.read_text(encoding="utf-8")) for file in files}


def missing_names(pages: dict[Path, Page], site: Path) -> list[str]:
    """Public names without an entry on the page of their package."""
    wanted = public_names()
    pages = {file: page for file, page in pages.items() if "reference" in file.parts}
    missing = []
    for package, names in wanted.items():
        page = pages.get((site / "reference" / f"{package}.html").resolve())
        missing += [name for name in names if page is None or name not in page.anchors]
        if page is not None and "doc-module" in page.classes:  # took the name of what is in it
            missing.append(f"something of {package} whose module is called what it is called")
    return missing


def broken_links(pages: dict[Path, Page]) -> Iterator[str]:
    """Links and resources of the site that lead nowhere in it."""
    for file, page in pages.items():
        for link in {*page.links, *page.loads}:
            if is_elsewhere(link):
                continue
            path, anchor = urldefrag(unquote(link))
            target = (file.parent / path).resolve() if path else file
            if target.is_dir():
                target /= "index.html"
            if not target.exists():
                yield f"{file.name}: {link} is not there"
            elif anchor and target in pages and anchor not in pages[target].anchors:
                yield f"{file.name}: {link} has no such anchor"


def from_the_network(pages: dict[Path, Page], site: Path) -> Iterator[str]:
    """What a page, or a style sheet of the site, would load from elsewhere."""
    for file, page in pages.items():
        for load in page.loads:
            if is_elsewhere(load) and not load.startswith("data:"):
                yield f"{file.name} loads {load}"
    for sheet in site.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8").replace(" ", "")
        if any(word in text for word in ("url(http", 'url("http', "url(//", "@importurl(http")):
            yield f"{sheet.name} loads something from the network"


def faults(site: Path) -> list[str]:
    """All that is wrong with the site, a line each."""
    pages = read_site(site)
    return [
        *(f"{name} has no entry in the reference" for name in missing_names(pages, site)),
        *broken_links(pages),
        *from_the_network(pages, site),
    ]


if __name__ == "__main__":
    found = faults(Path(sys.argv[1]))
    print(
        "\n".join(found) or f"{sys.argv[1]}: every name, no broken link, nothing from the network"
    )
    sys.exit(bool(found))
