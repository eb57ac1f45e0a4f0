"""`deephedge optimum`, and what a study says of the optimum."""

import json

import pytest

from deephedge.cli.app import command
from deephedge.cli.resolve import open_study
from deephedge.policies import TabulatedBand

STUDY = """
[market]
type = "BlackScholes"
spot = 100.0
vol = 0.2
[claim]
type = "Call"
strike = 100.0
maturity = 0.0821917808219178
[cost]
type = "ProportionalCost"
rate = 0.001
[problem]
n_steps = 30
close_out = false
[policies.none]
type = "NoHedge"
[policies.best]
type = "OptimalHedge"
risk = "entropic"
[measures.entropic]
type = "Entropic"
aversion = 1.0
[evaluation]
n_paths = 20_000
optimum = "solve"
"""


@pytest.fixture
def study(tmp_path):
    file = tmp_path / "study.toml"
    file.write_text(STUDY)
    return file


def test_the_command_prints_what_it_solved(study, capsys):
    assert command(["optimum", str(study), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["entropic"]
    assert found["value"] == pytest.approx(2.5249, abs=1e-4) and found["error"] < 1e-4
    assert (found["lower"], found["upper"]) == pytest.approx((0.470, 0.556), abs=5e-4)
    assert command(["optimum", str(study)]) == 0
    assert f"least risk {found['value']:.6g}" in capsys.readouterr().out
    assert isinstance(open_study(study).policies["best"], TabulatedBand)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('type = "Entropic"\naversion = 1.0', 'type = "ExpectedShortfall"\ntail = 0.1', "Entropic"),
        ('type = "Call"\nstrike = 100.0', 'type = "AsianCall"\nstrike = 100.0', "final price"),
        ('"solve"', '"guess"', "optimum"),
        ('risk = "entropic"', 'risk = "other"', "policies.best.risk"),
    ],
)
def test_what_has_no_solver_is_refused_in_one_line(study, capsys, old, new, message):
    study.write_text(study.read_text().replace(old, new))
    assert command(["optimum", str(study)]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1 and str(study) in error


@pytest.mark.slow
def test_a_run_solves_and_shows_the_share(study, tmp_path, capsys):
    out = tmp_path / "out"
    assert command(["run", str(study), "--out", str(out), "--quiet", "--json"]) == 0
    summary = json.loads((out / "summary.json").read_text())
    assert summary["solved"]["entropic"]["error"] < 1e-3
    share = summary["policies"]["best"]["entropic"]["optimality_share"]
    assert share == pytest.approx(1.0, abs=0.1)


@pytest.mark.slow
def test_a_run_bounds_every_hedge_and_shows_the_gap(study, tmp_path, capsys):
    text = study.read_text().replace("n_steps = 30", "n_steps = 3")
    study.write_text(text + "certificate = true\ncertificate_steps = 60\n")
    out = tmp_path / "out"
    assert command(["run", str(study), "--out", str(out), "--quiet"]) == 0
    summary = json.loads((out / "summary.json").read_text())
    proof = summary["certified"]["entropic"]
    least = summary["solved"]["entropic"]["value"]
    assert proof["policy"] == "best" and proof["slack_share"] < 1
    assert 0.9 * least < proof["lower"] < least
    gap = summary["policies"]["best"]["entropic"]["gap"]
    assert 0 < gap < 0.1
    assert "No hedge has entropic below" in " ".join(capsys.readouterr().out.split())
    report = (out / "report.html").read_text()
    assert "most that a better hedge saves" in report and f"{gap:.2%} ±" in report
