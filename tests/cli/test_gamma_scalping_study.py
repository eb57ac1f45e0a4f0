"""A study of options that are owned and hedged in the stock."""

from pathlib import Path

import pytest

from deephedge.cli.app import command
from deephedge.cli.resolve import open_study
from deephedge.policies import GammaScalping, RebalanceEvery, RebalanceOnDrift, RebalanceOnMove

STUDY = Path(__file__).parents[2] / "experiments" / "studies" / "gamma_scalping.toml"


def test_scalps_by_time_by_move_and_by_band_are_built_by_their_names():
    policies = open_study(STUDY).policies
    for name, overlay in (
        ("every_five_days", RebalanceEvery),
        ("on_a_move", RebalanceOnMove),
        ("on_a_drift_of_delta", RebalanceOnDrift),
    ):
        assert isinstance(policies[name], overlay)
        assert isinstance(policies[name].policy, GammaScalping)
    band = policies["whalley_wilmott"]
    assert isinstance(band, GammaScalping)
    assert (float(band.cost_rate), float(band.aversion)) == (0.001, 1.0)
    assert float(band.market.pricer.vol) == 0.2
    assert float(policies["fixed_band"].half_width) == 0.1


@pytest.mark.slow
def test_the_study_runs(tmp_path):
    file = tmp_path / "study.toml"
    file.write_text(STUDY.read_text().replace("n_paths = 50_000", "n_paths = 64"))
    assert command(["run", str(file), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    assert (tmp_path / "out" / "summary.json").exists()
