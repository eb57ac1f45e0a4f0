"""The American puts of Longstaff and Schwartz (2001), Table 1."""

import importlib.util
import pathlib

import pytest

FILE = pathlib.Path(__file__).parents[2] / "experiments" / "longstaff_schwartz_2001_table_1.py"


def load():
    spec = importlib.util.spec_from_file_location(FILE.stem, FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "n_paths"),
    [
        (slice(0, 1), 2_000),
        pytest.param(slice(None), 50_000, marks=pytest.mark.slow),
    ],
)
def test_every_row_agrees_and_lies_below_its_dual_bound(rows, n_paths):
    findings = load().experiment(n_paths=n_paths, rows=rows)
    assert len(findings) == sum(2 + (row[3] is not None) for row in load().TABLE[rows])
    for finding in findings:
        assert finding.holds, finding
