"""Published results come out: small sizes by default, the papers' own under slow."""

import json
import pathlib
import sys
from types import ModuleType

import pytest

from deephedge.cli.app import command
from deephedge.reports import Finding, Paper, reproductions

FOLDER = pathlib.Path(__file__).parents[2] / "experiments"
FILES = reproductions.paper_files(FOLDER)


@pytest.mark.parametrize("name", FILES)
def test_the_small_size_agrees(name, tmp_path):
    found = reproductions.reproduce(FILES[name], full=False, picture=tmp_path / "picture.svg")
    assert found.findings
    for finding in found.findings:
        assert finding.holds, finding
    assert found.paper.reference[0].isupper()
    assert "deephedge reproduce" in FILES[name].read_text()


DISAGREE = {
    "buehler_2019_call_spread": 2,
    "buehler_2019_price_asymptotics": 2,
    "buehler_2019_recurrent_costs": 1,
    "cont_tankov_2009_cppi_gap_risk": 1,
    "hull_white_2017_minimum_variance": 2,
    "horvath_2021_rough_bergomi": 1,
    "imaki_2021_learning_curves": 1,
    "imaki_2021_lookback": 2,
    "imaki_2021_no_transaction_band": 8,
    "lutkebohmert_2022_robust_hedging": 2,
}
"""How many findings of a paper are known to disagree, each with its reason."""


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_the_full_size_agrees_but_for_what_is_known(name):
    found = reproductions.reproduce(FILES[name], full=True)
    failing = [finding for finding in found.findings if not finding.holds]
    assert len(failing) == DISAGREE.get(name, 0), failing
    assert all(finding.why for finding in failing), failing


PAPER = '''
"""A paper that takes no time."""
from deephedge.reports import Finding, Paper

PAPER = Paper("Nobody (1900), Nothing", "One is one and two is three.", 0.1)
RUNS = []


def run(seed=0, smoke=False, out=None):
    print("on the way")
    return [
        Finding("one", 1.0, 1.0 + (0.1 if smoke else 0.0), 0.2, 0.01, "table 1"),
        Finding("two", 2.0, 3.0, 0.1, why="it is not"),
    ]
'''


def test_results_are_kept_listed_and_written_to_pages(tmp_path, capsys):
    folder, out, readme = tmp_path / "papers", tmp_path / "out", tmp_path / "README.md"
    folder.mkdir()
    file = folder / "nobody_1900_nothing.py"
    file.write_text(PAPER.lstrip())
    (folder / "no_paper.py").write_text("raise SystemExit")
    readme.write_text(f"before\n{reproductions.BEGIN}\nold\n{reproductions.END}\nafter\n")
    terms = ["reproduce", "--folder", str(folder)]

    assert command([*terms, "--list"]) == 0
    assert "nobody_1900_nothing" in (text := capsys.readouterr().out)
    assert "about 0.1 min with --full. One is one and two is three." in text
    assert "no_paper" not in text

    whole = [*terms, "--all", "--full", "--out", str(out), "--readme", str(readme)]
    # One of the two findings disagrees, and stays in the table.
    assert command([*whole, "--page", str(out / "README.md")]) == 1
    assert "FAILS  two: ours 2, theirs 3" in capsys.readouterr().out
    row = "| Nobody (1900), table 1 | one | 1 | 1 ± 0.01 | 0.2 | agrees |"
    page = (out / "README.md").read_text()
    assert row in page
    assert "| Nobody (1900) | One is one and two is three. | 1 of 2 |" in readme.read_text()
    assert row not in readme.read_text()
    for written in (readme.read_text(), page):
        assert "**disagrees**: it is not" in written
    assert readme.read_text().startswith("before\n")
    assert readme.read_text().endswith("after\n")
    assert "old" not in readme.read_text()
    assert "1 of 2 findings agree" in page

    file.write_text(PAPER.replace("1.0,", "7.0,"))
    command([*whole, "--json"])
    kept = json.loads(capsys.readouterr().out)
    assert kept[0]["findings"][0]["ours"] == 1.0
    command([*terms, "nobody_1900_nothing", "--json", "--out", str(out)])
    again = json.loads(capsys.readouterr().out)
    assert again[0]["findings"][0]["ours"] == 7.0


@pytest.mark.parametrize("imported_before", [False, True])
def test_a_paper_imports_what_stands_beside_it_and_no_other_folders(
    tmp_path, monkeypatch, imported_before
):
    known = ModuleType("nobody_1900_shared")
    if imported_before:
        monkeypatch.setitem(sys.modules, "nobody_1900_shared", known)
    path = list(sys.path)
    for number in (7.0, 8.0):
        folder = tmp_path / str(number)
        folder.mkdir()
        # Through another paper, to what is no paper.
        (folder / "nobody.py").write_text(f"ONE = {number}\n")
        (folder / "nobody_1900_shared.py").write_text("from nobody import ONE as ONE\n")
        file = folder / "nobody_1900_nothing.py"
        file.write_text(f"from nobody_1900_shared import ONE\n{PAPER.replace('1.0,', 'ONE,', 1)}")
        assert reproductions.reproduce(file, full=True).findings[0].ours == number
    assert sys.path == path
    assert "nobody" not in sys.modules and "nobody_1900_nothing" not in sys.modules
    assert sys.modules.get("nobody_1900_shared") is (known if imported_before else None)


def test_a_risk_may_be_any_amount_below_the_papers():
    assert Finding("price", 2.6, 3.5, 0.1, at_most=True).holds
    assert Finding("price", 3.55, 3.5, 0.1, at_most=True).holds
    assert not Finding("price", 3.65, 3.5, 0.1, at_most=True).holds
    assert not Finding("price", float("nan"), 3.5, 0.1, at_most=True).holds
    assert not Finding("price", 2.6, 3.5, 0.1).holds


def test_an_unknown_paper_is_refused(capsys):
    assert command(["reproduce", "knuth_1974", "--folder", str(FOLDER)]) == 2
    assert "'knuth_1974' is not one of" in capsys.readouterr().err
    assert command(["reproduce", "--folder", str(FOLDER)]) == 2
    assert "--list lists them" in capsys.readouterr().err


def test_what_is_saved_comes_back(tmp_path):
    found = reproductions.Reproduction(
        "a_1900_b",
        Paper("A (1900), B", "C.", 1.0),
        True,
        3,
        2.0,
        (Finding("x", 1.0, float("nan"), 0.1),),
    )
    reproductions.save(found, tmp_path / "a.json")
    back = reproductions.saved(tmp_path / "a.json")
    assert (back.name, back.paper, back.full, back.seed) == (
        found.name,
        found.paper,
        found.full,
        found.seed,
    )
    assert not back.holds
