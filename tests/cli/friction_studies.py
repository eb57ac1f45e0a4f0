"""A small study to which frictions are added, and what comes of it."""

import json
import re

from deephedge.cli.app import command

STUDY = """
[market]
type = "BlackScholes"
spot = 100.0
vol = 0.2
rate = 0.03

[claim]
type = "Call"
strike = 100.0
maturity = 0.08

[cost]
type = "NoCost"

[problem]
n_steps = 4
close_out = true

[policies.none]
type = "NoHedge"

[policies.delta]
type = "DeltaHedge"

[measures.entropic]
type = "Entropic"
aversion = 1.0

[evaluation]
n_paths = 512
"""


def written(tmp_path, text, name="study"):
    file = tmp_path / f"{name}.toml"
    file.write_text(text)
    return file


def run(file, out):
    assert command(["run", str(file), "--out", str(out), "--quiet"]) == 0
    return json.loads((out / "summary.json").read_text())


def refused(tmp_path, capsys, text, expected):
    """The study costs one line, and leaves nothing."""
    assert command(["run", str(written(tmp_path, text)), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and re.search(expected, error), error
    assert not (tmp_path / "out").exists()
