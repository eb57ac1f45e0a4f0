"""Protection with listed options is reached from studies by name."""

from pathlib import Path

import pytest

from deephedge.cli.app import command
from deephedge.cli.resolve import open_study
from deephedge.policies import Collar, ProtectivePut, PutSpreadCollar, ScaledProtection, TailHedge
from deephedge.pricing import Fourier, RolledVariance

STUDIES = Path(__file__).parents[2] / "experiments" / "studies"


@pytest.mark.slow
def test_a_study_names_protection_that_is_bought_and_rolled():
    resolved = open_study(STUDIES / "tail_hedging.toml")
    policies, market = resolved.policies, resolved.problem.market
    assert isinstance(market.pricer, Fourier)
    assert float(market.pricer.model.intensity) == pytest.approx(0.6)
    assert isinstance(policies["protective_put"], ProtectivePut)
    assert isinstance(policies["collar"], Collar)
    assert isinstance(policies["put_spread_collar"], PutSpreadCollar)
    assert isinstance(policies["puts_on_alarm"], ScaledProtection)
    spreads = policies["rolled_put_spreads"]
    assert isinstance(spreads, TailHedge)
    assert spreads.columns == (5, 6)
    assert resolved.tables()["policies"]["collar"]["call"] == 3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tail_hedging_calm", "tail_variance"])
def test_the_other_studies_run(name, tmp_path):
    text = (STUDIES / f"{name}.toml").read_text()
    for many in ("n_paths = 1024", "n_paths = 16384"):
        text = text.replace(many, "n_paths = 64")
    file = tmp_path / "study.toml"
    file.write_text(text)
    market = open_study(file).problem.market
    assert isinstance(market.instruments[0], RolledVariance) == (name == "tail_variance")
    assert command(["run", str(file), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    assert (tmp_path / "out" / "summary.json").exists()
