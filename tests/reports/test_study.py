"""A study's cells are worked on once, in the time there is, and its page shows them."""

import json
import sys

import pytest

from deephedge.reports import study
from deephedge.reports.figures import empty_figure
from deephedge.reports.study import Cells, later, missing


def counted(calls):
    def find(name):
        calls.append(name)
        return {"value": len(calls)}

    return {name: later(find, name) for name in ("first", "second")}


def test_a_cell_is_worked_on_once(tmp_path):
    calls = []
    once = Cells(tmp_path).run(counted(calls))
    again = Cells(tmp_path).run(counted(calls))
    assert calls == ["first", "second"]
    assert once == again
    assert once["second"]["value"] == 2 and once["second"]["seconds"] >= 0


def test_only_some_and_what_is_kept(tmp_path):
    calls = []
    assert list(Cells(tmp_path, only=("sec",)).run(counted(calls))) == ["second"]
    # What is kept is read though it was not asked for.
    assert list(Cells(tmp_path, only=("first",)).run(counted(calls))) == ["first", "second"]
    assert calls == ["second", "first"]


def test_no_cell_is_begun_when_the_time_is_up(tmp_path):
    work = counted([])
    found = Cells(tmp_path, minutes=0.0).run(work)
    assert found == {}
    assert "2 of 2 cells): first; second" in missing(work, found)


def test_a_cell_that_waits_for_others_is_not_kept(tmp_path):
    ready = []
    work = {"waits": lambda: {"value": 1} if ready else None, "last": lambda: {"value": 2}}
    assert list(Cells(tmp_path).run(work)) == ["last"]
    ready.append(True)
    assert list(Cells(tmp_path).run(work)) == ["waits", "last"]


def test_a_broken_cell_leaves_the_others(tmp_path):
    work = {"good": lambda: {"value": 1}, "bad": lambda: {"value": object()}}
    with pytest.raises(TypeError):
        Cells(tmp_path).run(work)
    assert [file.name for file in tmp_path.glob("*.json")] == ["good.json"]


def test_the_command_writes_its_page(tmp_path, monkeypatch, capsys):
    page = tmp_path / "docs" / "studies" / "a_study.md"
    page.parent.mkdir(parents=True)
    page.write_text(f"before\n{study.BEGIN}\nold\n{study.END}\nafter\n")

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["a_study", *arguments])
        study.study(
            str(tmp_path / "experiments" / "a_study.py"),
            "A study.",
            lambda small: {"cell": lambda: {"value": 1 if small else 2}},
            lambda found: f"value {found['cell']['value']}",
            lambda found: empty_figure()[0],
        )
        return capsys.readouterr().out

    assert "value 1" in run("--small")
    assert "old" in page.read_text()
    assert "value 2" in run()
    assert page.read_text().startswith(f"before\n{study.BEGIN}\n\nvalue 2\n")
    assert page.with_suffix(".svg").exists()
    assert json.loads(page.with_suffix(".json").read_text())["cell"]["value"] == 2
