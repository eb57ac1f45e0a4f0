"""Crowded hedges and static hedges that fail, at a small size."""

import importlib.util
import pathlib

import pytest

FOLDER = pathlib.Path(__file__).parents[2] / "experiments"


def load(name):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("name", ["crowding", "semi_static_failures"])
def test_what_is_measured_is_what_the_theory_says(name):
    findings = load(name).experiment(smoke=True)
    assert findings
    for finding in findings:
        assert finding.holds, finding
