"""`deephedge run`: what it leaves on disk, that it repeats itself, and what Ctrl-C leaves."""

import json

import pytest
from processes import STUDY as SMALL

from deephedge.cli import train as cli_train
from deephedge.cli.app import command

DELTA = """[policies.delta]
type = "DeltaHedge"

"""
STUDY = (
    SMALL.format(n_steps=6)
    .replace("validate_every = 1", "validate_every = 2")
    .replace("[policies.band]", DELTA + "[policies.band]")
    + """baseline = "delta"
optimum = { entropic = 2.5 }
attribution = 128
"""
)

FILES = (
    "study.toml",
    "environment.json",
    "summary.json",
    "comparison.csv",
    "metrics.jsonl",
    "policies/learned.safetensors",
    "checkpoints/learned.state",
    "report.html",
)


@pytest.fixture
def study(tmp_path):
    file = tmp_path / "study.toml"
    file.write_text(STUDY)
    return file


def run(file, out, *options):
    return command(["run", str(file), "--out", str(out), "--quiet", *options])


def timeless(summary: dict) -> dict:
    """The summary without what depends on the clock."""
    return {name: value for name, value in summary.items() if name != "training"}


def summary_of(out) -> dict:
    return timeless(json.loads((out / "summary.json").read_text()))


@pytest.mark.slow
def test_writes_every_file_and_the_resolved_study_gives_the_same_numbers(study, tmp_path, capsys):
    first, second = tmp_path / "first", tmp_path / "second"
    assert run(study, first, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert all((first / name).exists() for name in FILES)
    assert timeless(printed) == summary_of(first)
    assert "delta" in (first / "report.html").read_text()
    parts = printed["attribution"]["policies"]["delta"]
    total = parts.pop("total")["mean"]
    assert sum(part["mean"] for part in parts.values()) == pytest.approx(total, abs=1e-10)
    assert "Where the P&amp;L came from" in (first / "report.html").read_text()

    assert run(first / "study.toml", second) == 0
    assert summary_of(second) == summary_of(first)
    assert (second / "comparison.csv").read_text() == (first / "comparison.csv").read_text()


@pytest.mark.slow
def test_an_interrupted_run_keeps_its_policy_and_goes_on_to_the_same_numbers(
    study, tmp_path, capsys, monkeypatch
):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    assert run(study, whole) == 0

    draws = cli_train.DRAWS["antithetic"]
    calls = []

    def ctrl_c_in_the_fifth_step(*arguments):
        calls.append(arguments)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return draws(*arguments)

    with monkeypatch.context() as patch:
        patch.setitem(cli_train.DRAWS, "antithetic", ctrl_c_in_the_fifth_step)
        assert run(study, stopped) == 130
    assert "--resume" in capsys.readouterr().err
    assert (stopped / "policies/learned.safetensors").exists()
    assert (stopped / "checkpoints/learned.state").exists()
    assert not (stopped / "summary.json").exists()

    assert run(study, stopped, "--resume") == 0
    assert summary_of(stopped) == summary_of(whole)


@pytest.mark.slow
def test_several_studies_are_written_side_by_side_with_one_page_of_all(study, tmp_path, capsys):
    words = "# A call, hedged\n# or not.\n#\n#   deephedge run it\n"
    short = (
        STUDY.split("[policies.learned]")[0]
        + "[measures.entropic]"
        + STUDY.split("[measures.entropic]")[1].split("[training]")[0]
    )
    short += "[evaluation]\nn_paths = 64\n"
    study.write_text(words + short)
    other = tmp_path / "dearer.toml"
    other.write_text(short.replace("rate = 0.001", "rate = 0.01"))
    out = tmp_path / "out"
    assert command(["run", str(study), str(other), "--out", str(out), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert list(printed) == ["study", "dearer"]
    for name in printed:
        assert printed[name] == json.loads((out / name / "summary.json").read_text())
        assert (out / name / "report.html").exists()
    page = (out / "report.html").read_text()
    assert "<p>A call, hedged or not.</p>" in page and 'href="dearer/report.html"' in page


def test_studies_of_one_name_are_refused(study, tmp_path, capsys):
    assert run(study, tmp_path / "out", str(study)) == 2
    assert "whose names differ" in capsys.readouterr().err


def test_resume_needs_an_earlier_run_of_the_same_study(study, tmp_path, capsys):
    assert run(study, tmp_path / "none", "--resume") == 2
    assert "no earlier run" in capsys.readouterr().err
    other = tmp_path / "other"
    other.mkdir()
    (other / "study.toml").write_text("")
    assert run(study, other, "--resume") == 2
    assert "another study" in capsys.readouterr().err
