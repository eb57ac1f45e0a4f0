"""One policy for a box of problems is near each problem's own optimum."""

import importlib.util
import pathlib
import sys

import pytest

FOLDER = pathlib.Path(__file__).parents[2] / "experiments"


@pytest.fixture
def experiment(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    spec = importlib.util.spec_from_file_location("one_policy", FOLDER / "one_policy.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "one_policy", module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_one_policy_is_near_the_optimum_in_the_middle_and_at_a_corner(experiment):
    """Trained for a tenth of the time; the middle, and the calm corner of short dates."""
    family = experiment.box(32)
    policy = experiment.learned(family, 100, 2048, None)
    above = experiment.experiment(family, policy, 2, 50_000)
    assert len(above) == 2 and max(above) < 1.0
