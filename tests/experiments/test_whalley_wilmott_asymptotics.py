"""The slopes 1/3 and 2/3 of small costs."""

import importlib.util
import pathlib

import pytest

FILE = pathlib.Path(__file__).parents[2] / "experiments" / "whalley_wilmott_1997_asymptotics.py"


@pytest.mark.slow
def test_the_slopes_are_a_third_and_two_thirds():
    spec = importlib.util.spec_from_file_location(FILE.stem, FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    findings = module.experiment(steps=(480,))
    assert len(findings) == 2
    for finding in findings:
        assert finding.holds, finding
