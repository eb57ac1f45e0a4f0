"""`deephedge sweep`: every point in a folder of its own, none of them twice."""

import json

import pytest
from processes import STUDY

from deephedge.cli.app import command

PLAIN = STUDY.format(n_steps=2).replace("n_paths = 64", "n_paths = 16")
GRID = PLAIN + '\n[sweep]\n"cost.rate" = [0.0, 0.01]\n"training.averaging" = [0.0, 0.5]\n'


def sweep(file, out, *options):
    return command(["sweep", str(file), "--out", str(out), *options])


def refused(capsys) -> str:
    return capsys.readouterr().err.strip()


def test_a_sweep_says_what_is_wrong_in_one_line(tmp_path, capsys):
    file, out = tmp_path / "study.toml", tmp_path / "out"
    file.write_text(PLAIN)
    assert sweep(file, out) == 2
    assert 'sweep: must be a table such as "cost.rate" = [0.001, 0.002]' in refused(capsys)
    file.write_text(GRID)
    assert command(["run", str(file), "--out", str(out)]) == 2
    assert "sweep: is a table of `deephedge sweep`" in refused(capsys)
    assert sweep(file, out, "--measure", "entropy") == 2
    assert "--measure: must be one of the study's; did you mean entropic?" in refused(capsys)
    file.write_text(PLAIN + '\n[sweep]\n"cost.rate" = { low = 0.0, high = 1.0 }\n')
    assert sweep(file, out) == 2
    assert "must be a list of values, or with --trials a range" in refused(capsys)
    file.write_text(PLAIN + '\n[sweep]\n"training.averages" = [0.1]\n')
    assert sweep(file, out) == 2
    assert "averages: unknown key; did you mean averaging?" in refused(capsys)


@pytest.mark.slow
def test_a_grid_is_run_once_and_tells_the_least(tmp_path, capsys):
    file, out = tmp_path / "study.toml", tmp_path / "out"
    file.write_text(GRID)
    assert sweep(file, out, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["best"]["cost.rate"] == 0.0
    risks = {
        (row["cost.rate"], row["training.averaging"]): row["value"]
        for row in found["points"]
        if (row["policy"], row["quantity"]) == ("learned", "entropic")
    }
    assert len(risks) == 4 and found["best"]["value"] == min(risks.values())
    assert all(risks[0.01, x] > risks[0.0, x] for x in (0.0, 0.5))

    # One point is lost; the others are not run again, and the numbers are the same.
    folders = sorted(path for path in out.iterdir() if path.is_dir())
    assert len(folders) == 4
    (folders[1] / "summary.json").unlink()
    kept = {
        path: (path / "summary.json").stat().st_mtime_ns for path in folders if path != folders[1]
    }
    assert sweep(file, out) == 0
    printed = capsys.readouterr()
    assert printed.err.count("done before") == 3
    assert "*" in printed.out and (out / "sweep.csv").read_text().count("\n") > 8
    assert kept == {path: (path / "summary.json").stat().st_mtime_ns for path in kept}
    assert sweep(file, out, "--json") == 0
    assert json.loads(capsys.readouterr().out) == found


@pytest.mark.slow
def test_optuna_proposes_the_same_points_when_started_again(tmp_path, capsys):
    pytest.importorskip("optuna")
    file, out = tmp_path / "study.toml", tmp_path / "out"
    rate = '"cost.rate" = { low = 0.0001, high = 0.01, log = true }'
    ranges = rate + '\n"policies.learned.width" = [2, 4]\n'
    file.write_text(f"{PLAIN}\n[sweep]\n{ranges}")
    assert sweep(file, out, "--trials", "2", "--json") == 0
    first = json.loads(capsys.readouterr().out)["points"]
    assert sweep(file, out, "--trials", "3", "--json") == 0
    points = json.loads(capsys.readouterr().out)["points"]
    assert points[: len(first)] == first
    assert len({row["cost.rate"] for row in points}) == 3
    assert all(0.0001 <= row["cost.rate"] <= 0.01 for row in points)
