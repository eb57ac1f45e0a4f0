"""The hedges that a solver finds are reached from studies by name."""

import json
from pathlib import Path

import pytest

from deephedge.cli.app import command
from deephedge.cli.build import members
from deephedge.optimum import ShortfallOptimal, VarianceOptimal
from deephedge.policies import AbstractPolicy

STUDIES = Path(__file__).parents[2] / "experiments" / "studies"


def test_a_study_may_name_a_hedge_of_the_optimum():
    known = members(AbstractPolicy)
    assert known["VarianceOptimal"] is VarianceOptimal
    assert known["ShortfallOptimal"] is ShortfallOptimal
    assert "DeltaHedge" in known


@pytest.mark.slow
def test_each_optimum_of_the_study_is_best_by_its_own_measure(tmp_path):
    study = STUDIES / "quadratic_hedging.toml"
    assert command(["run", str(study), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    rows = json.loads((tmp_path / "out" / "summary.json").read_text())["policies"]
    for measure, best in (("mean_square", "variance_optimal"), ("shortfall", "shortfall_optimal")):
        least = min(rows, key=lambda name: rows[name][measure]["value"])
        assert least == best
