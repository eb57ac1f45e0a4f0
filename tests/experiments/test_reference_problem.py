"""The reference problem: the learned band comes within 2 % of the way to the exact optimum."""

import importlib.util
import pathlib
import sys

import pytest

FOLDER = pathlib.Path(__file__).parents[2] / "experiments"


def load(name):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_reference_problem(capsys):
    findings = load("reference_problem").experiment(n_paths=1_000_000)
    assert len(findings) == 3
    for finding in findings:
        assert finding.holds, finding
    # The table's title is folded where its column is narrow; this line of it never is.
    assert "entropic removed" in capsys.readouterr().out


@pytest.mark.slow
def test_the_first_example_of_the_readme_runs_and_is_the_one_shown(capsys, monkeypatch):
    text = (FOLDER / "first_example.py").read_text()
    readme = (FOLDER.parent / "README.md").read_text()
    shown = readme.split("```python\n")[1].split("```")[0].strip()
    assert shown in text
    monkeypatch.setattr(sys, "argv", ["first_example.py"])
    load("first_example")
    assert "learned" in capsys.readouterr().out
