"""The tutorials: their pages are those of their programs, which run."""

import importlib.machinery
import importlib.util
import os
import re
import subprocess
import sys

import pytest
from pages import ROOT, blocks

FOLDER = ROOT / "docs" / "tutorials"
PROGRAM = ROOT / "scripts" / "tutorials"
NAMES = sorted(file.stem for file in FOLDER.glob("*.py"))
PICTURE = re.compile(r"^!\[(?P<what>.*)\]\((?P<file>.*)\)$", re.MULTILINE)


def runner():
    loader = importlib.machinery.SourceFileLoader("tutorials", str(PROGRAM))
    spec = importlib.util.spec_from_loader("tutorials", loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules["tutorials"] = module  # its dataclass looks its module up
    loader.exec_module(module)
    return module


def cells_of(name):
    return runner().cells((FOLDER / f"{name}.py").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_the_page_has_the_text_and_the_code_of_the_program(name):
    page = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    cells = cells_of(name)
    code = [block.code.strip() for block in blocks(page) if block.is_python]
    assert code == [cell.text for cell in cells if cell.is_code], "run scripts/tutorials"
    for cell in cells:
        assert cell.text in page, "run scripts/tutorials"


@pytest.mark.parametrize("name", NAMES)
def test_the_pictures_of_a_page_are_there_and_small(name):
    page = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    shown = {match["file"] for match in PICTURE.finditer(page)}
    assert shown == {file.name for file in FOLDER.glob(f"{name}_*.svg")}
    assert 2 <= len(shown) <= 3
    for file in shown:
        assert (FOLDER / file).stat().st_size < 250_000


@pytest.mark.parametrize("name", NAMES)
def test_a_tutorial_is_short(name):
    assert len((FOLDER / f"{name}.py").read_text().splitlines()) <= 160


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_program_runs_and_shows_as_much_as_its_page(name, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run(
        [sys.executable, str(PROGRAM), name, "--out", str(tmp_path)],
        env=environment,
        check=True,
        timeout=600,
    )
    committed = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    fresh = (tmp_path / f"{name}.md").read_text(encoding="utf-8")
    # Another processor rounds differently: numbers may move, but not the words.
    assert re.sub(r"[-+−\d.,%\[\]\s]+", " ", fresh) == re.sub(r"[-+−\d.,%\[\]\s]+", " ", committed)


def test_a_program_is_cut_into_cells():
    first, second = runner().cells("# %% [markdown]\n# # Title\n#\n# Text.\n\n# %%\nx = 1\n")
    assert (first.text, first.is_code) == ("# Title\n\nText.", False)
    assert (second.text, second.line, second.is_code) == ("x = 1", 6, True)
