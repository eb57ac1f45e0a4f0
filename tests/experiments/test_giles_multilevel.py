"""The measured complexity of multilevel Monte Carlo."""

import importlib.util
import pathlib

import pytest

FILE = pathlib.Path(__file__).parents[2] / "experiments" / "giles_2008_multilevel.py"


def load():
    spec = importlib.util.spec_from_file_location(FILE.stem, FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("smoke", [True, False])
def test_orders_and_powers_are_those_of_theory(smoke):
    findings = load().experiment(smoke=smoke)
    assert findings
    for finding in findings:
        assert finding.holds, finding
