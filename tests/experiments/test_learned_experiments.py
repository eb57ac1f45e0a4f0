"""A market learned from its record has the facts of the record."""

import importlib.util
import pathlib

import pytest

FOLDER = pathlib.Path(__file__).parents[2] / "experiments"


def load(name):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_the_learned_market_has_the_facts_of_its_record():
    findings = load("learned_market_stylised_facts").experiment(n_records=100)
    assert len(findings) == 11
    for finding in findings:
        assert finding.holds, finding
