"""Learned hedges beside the optimum: the script runs, and a few steps already gain something."""

import importlib.util
import pathlib
import sys

import pytest

FOLDER = pathlib.Path(__file__).parents[2] / "experiments"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    file = FOLDER / "learned_optimality.py"
    spec = importlib.util.spec_from_file_location("learned_optimality", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "learned_optimality", module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_a_short_training_is_between_its_base_and_the_optimum(script):
    shares = script.experiment("cost 0.002", "band", 10_000, n_seeds=2, n_steps=40, n_paths=1024)[
        "cost 0.002"
    ]
    assert shares["delta"] == 0.0
    assert 0.8 < shares["Zakamouline"] < shares["no-transaction band"] < 1.0
