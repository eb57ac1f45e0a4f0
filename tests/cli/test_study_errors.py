"""A bad study file costs one clear line and exit code 2."""

import re

import pytest

from deephedge.cli.app import command

GOOD = """
[market]
type = "BlackScholes"
spot = 100.0
vol = 0.2

[claim]
type = "Call"
strike = 100.0
maturity = 0.1

[cost]
type = "ProportionalCost"
rate = 0.001

[problem]
n_steps = 5
close_out = false

[policies.delta]
type = "DeltaHedge"

[policies.every_other]
type = "RebalanceEvery"
policy = "delta"
every = 2

[measures.entropic]
type = "Entropic"
aversion = 1.0
"""

HESTON = """type = "Heston"
spot = 100.0
variance = 0.04
mean_reversion = 1.5
long_variance = 0.04
vol_of_variance = 0.5
correlation = 1.5
"""
MARKET = 'type = "BlackScholes"\nspot = 100.0\nvol = 0.2\n'

BAD = {
    "unknown key": ("vol = 0.2", "volatility = 0.2", "market.volatility: unknown key"),
    "negative volatility": ("vol = 0.2", "vol = -0.2", "market.vol: .*positive.*-0.2"),
    "correlation of 1.5": (MARKET, HESTON, "market.correlation: .*between -1 and 1.*1.5"),
    "strike as text": ("strike = 100.0", 'strike = "at"', "claim.strike: .*a number, got 'at'"),
    "strike as table": ("strike = 100.0", "strike = {a = 1}", "claim.strike: .*got a table"),
    "missing table": ("[cost]", "[fees]", "fees: unknown key.*cost"),
    "missing key": ("strike = 100.0", "", "claim.strike: must be given"),
    "no claim": ('[claim]\ntype = "Call"\nstrike = 100.0\nmaturity = 0.1', "", "claim: must be"),
    "attribution of more paths than there are": (
        "[measures.entropic]",
        "[evaluation]\nn_paths = 100\nattribution = 101\n[measures.entropic]",
        "evaluation.attribution: .*0 or from 2 to the 100 paths, got 101",
    ),
    "unknown type": ('"Call"', '"Cal"', "claim.type: unknown type 'Cal'; did you mean Call"),
    "no type": ('type = "Call"\n', "", "claim: must have a `type`"),
    "abstract type": ('"Call"', '"AbstractClaim"', "claim.type: unknown type"),
    "steps by half": ("n_steps = 5", "n_steps = 5.5", "problem.n_steps: .*whole number, got 5.5"),
    "no steps": ("n_steps = 5", "n_steps = 0", "problem.n_steps: .*at least 1, got 0"),
    "close out unsaid": ("close_out = false", "", "problem.close_out: must be given"),
    "close out as number": ("close_out = false", "close_out = 0", "close_out: must be true or"),
    "every half": ("every = 2", "every = 0", "policies.every_other.every: .*got 0"),
    "no such policy": ('policy = "delta"', 'policy = "dleta"', "policy: must name .*'dleta'"),
    "circle": ('policy = "delta"', 'policy = "every_other"', "every_other.policy: .*circle"),
    "no measure": ('"Entropic"', '"Entropy"', "measures.entropic.type: .*did you mean Entropic"),
    "optimum of what": (
        "[measures",
        "[evaluation]\noptimum = { cvar = 1.0 }\n[measures",
        "evaluation.optimum: must name a measure .*'cvar'",
    ),
    "a tilt of everything": (
        "[measures.entropic]",
        '[training]\nrisk = "entropic"\ntilt = 1.0\n[measures.entropic]',
        "training.tilt: .*must be between 0 and 1, got 1.0",
    ),
    "a threshold of another kind": (
        "[measures.entropic]",
        '[training]\nrisk = "entropic"\nthreshold = "learned"\n[measures.entropic]',
        "training.threshold: .*must be solved or trained, got 'learned'",
    ),
    "learned without training": ('"DeltaHedge"', '"Feedforward"', "training: must be given"),
    "not TOML": ("[market]", "[market", "not TOML"),
}


def refused(capsys, *arguments: str) -> str:
    code = command(arguments)
    captured = capsys.readouterr()
    assert code == 2
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err
    return captured.err


@pytest.mark.parametrize("case", BAD)
def test_names_the_file_the_key_the_rule_and_the_value(case, tmp_path, capsys):
    good, bad, expected = BAD[case]
    assert good in GOOD
    file = tmp_path / "bad.toml"
    file.write_text(GOOD.replace(good, bad, 1))
    line = refused(capsys, "run", str(file), "--out", str(tmp_path / "out"))
    assert str(file) in line
    assert re.search(expected, line), line
    assert not (tmp_path / "out").exists()


def test_a_split_of_the_pnl_needs_greeks(tmp_path, capsys):
    text = GOOD.replace('"Call"', '"AsianCall"').replace('"DeltaHedge"', '"NoHedge"')
    file = tmp_path / "asian.toml"
    file.write_text(text + "[evaluation]\nattribution = 100\n")
    line = refused(capsys, "run", str(file), "--out", str(tmp_path / "out"))
    assert "evaluation.attribution: must be left out: no formula of the model" in line
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_not_there(tmp_path, capsys):
    line = refused(capsys, "run", str(tmp_path / "no.toml"), "--out", str(tmp_path / "out"))
    assert "no.toml" in line
    assert "no such file" in line


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["price", "call", "--maturity", "1", "--strike", "100"], "--vol: must be given"),
        (["price", "call", "--maturity", "1", "--vol", "0.2"], "--strike: must be given"),
        (["price", "call", "--maturity", "1", "--strike", "9", "--vol", "-1"], "--vol: .*-1"),
        (["price", "cal", "--maturity", "1", "--vol", "0.2"], "did you mean call"),
        (
            ["price", "call", "--strike", "9", "--vol", "0.2", "--maturity", "x"],
            "--maturity: .*'x'",
        ),
        (["price", "call", "--maturity", "1", "--wol", "0.2"], "--wol"),
        (["run", "a.toml"], "--out"),
        (["walk"], "walk"),
    ],
)
def test_bad_arguments(arguments, expected, capsys):
    assert re.search(expected, refused(capsys, *arguments))
