"""The documentation site: every public name, no broken link, nothing from the network."""

import importlib
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts/site"))

import check  # noqa: E402
import navigation  # noqa: E402
import readme  # noqa: E402
from public_names import ORDER, public_names  # noqa: E402


def test_the_reference_lists_what_the_packages_export():
    # The pages are made from the text of `__init__.py`; here from what importing it gives.
    listed = {name for names in public_names().values() for name in names}
    for package in ORDER:
        if package == "numerics":
            continue
        path = f"deephedge.{package}"
        exported = {
            f"{path}.{name}"
            for name, value in vars(importlib.import_module(path)).items()
            if not name.startswith("_") and not _is_module(value)
        }
        assert exported == {name for name in listed if name.startswith(f"{path}.")}


def _is_module(value):
    return isinstance(value, type(os))


def test_every_package_of_the_house_has_a_page():
    folders = {file.parent.name for file in (ROOT / "deephedge").glob("*/__init__.py")}
    assert folders - {"cli"} == set(ORDER)


def test_a_folder_of_the_navigation_may_be_empty():
    pages = ["tutorials/b.md", "tutorials/README.md", "tutorials/a.md", "index.md"]
    nav = [{"Home": ["index.md"]}, {"Tutorials": ["tutorials/*"]}, {"Extending": ["extending/*"]}]
    assert navigation.expanded(nav, pages) == [
        {"Home": ["index.md"]},
        {"Tutorials": ["tutorials/README.md", "tutorials/a.md", "tutorials/b.md"]},
    ]


@pytest.mark.parametrize(
    ("target", "folder", "seen"),
    [
        ("docs/optimum.md", "", "optimum.md"),
        ("docs/strategies/README.md", "chapters", "../strategies/README.md"),
        ("docs/backtests.md#a", "strategies", "../backtests.md#a"),
        ("docs/strategies", "", "strategies/README.md"),
    ],
)
def test_links_of_the_readme_hold_on_the_pages_it_is_put_into(target, folder, seen):
    assert readme.moved(target, folder) == seen


def test_a_fault_of_a_site_is_found(tmp_path):
    (tmp_path / "index.html").write_text(
        '<h1 id="top">x</h1><a href="gone.html"></a><a href="#nowhere"></a><a href="#top"></a>'
        '<a href="https://example.org"></a><script src="https://example.org/x.js"></script>'
    )
    (tmp_path / "x.css").write_text("@font-face{src:url(https://example.org/f.woff)}")
    pages = check.read_site(tmp_path)
    assert sorted(check.broken_links(pages)) == [
        "index.html: #nowhere has no such anchor",
        "index.html: gone.html is not there",
    ]
    assert list(check.from_the_network(pages, tmp_path)) == [
        "index.html loads https://example.org/x.js",
        "x.css loads something from the network",
    ]
    assert "deephedge.markets.Heston" in check.missing_names(pages, tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("mkdocs") is None, reason="needs the extra `docs`")
def test_the_site_is_built_without_a_warning_and_without_a_fault(tmp_path):
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert check.faults(tmp_path) == []
    page = (tmp_path / "reference/risk.html").read_text(encoding="utf-8")
    assert "<math" in page
    assert "arithmatex" not in page  # no formula was left as TeX
