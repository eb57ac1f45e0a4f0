"""Mistakes of a first day, on the command line and in Python: what is said names the remedy."""

import json
import pathlib
import re
import subprocess
import sys

import pytest

from deephedge.cli.app import command
from deephedge.cli.mistakes import doubts

STUDY = """
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
[measures.entropic]
type = "Entropic"
aversion = 1.0
"""

CALL = ("price", "call", "--strike=100")
SHELL = {
    "a command that is not there": (("pirce", "call"), 'Did you mean "price"'),
    "no folder": (("run", "study.toml"), "--out: must be given; `deephedge run --help` says"),
    "an option of another command": (
        ("run", "study.toml", "--out=out", "--n-paths=5"),
        "--n-paths.* `deephedge run --help` lists",
    ),
    "numbers without names": (("price", "call", "100", "1"), "unexpected 100 1: .*--strike=100"),
    "an option without its value": (("price", "call", "--strike", "--vol", "1"), "unexpected 1: "),
    "no file": (("run", "no.toml", "--out=out"), "no.toml: there is no such file"),
    "a folder for a file": (("run", ".", "--out=out"), "Is a directory"),
    "a file for a folder": (("run", "study.toml", "--out=study.toml"), "cannot write"),
    "nothing to resume": (("run", "study.toml", "--out=out", "--resume"), "no earlier run in out"),
    "no policies": (("backtest", "study.toml", "--policies=p", "--out=out"), "backtest: must be"),
    "text for a strike": (("price", "call", "--strike=at", "--maturity=1"), "a number, got 'at'"),
    "a percent sign": ((*CALL, "--maturity=1", "--vol=20%"), "--vol: .* a number, got '20%'"),
    "a unit": ((*CALL, "--maturity=1y", "--vol=0.2"), "--maturity: .* a number, got '1y'"),
    "another name for vol": ((*CALL, "--maturity=1", "--sigma=0.2"), "--sigma: unknown.* vol"),
    "a negative vol": ((*CALL, "--maturity=1", "--vol=-0.2"), "`vol` must be zero or pos.* -0.2"),
    "a model misspelt": ((*CALL, "--maturity=1", "--model=hestn"), "did you mean heston"),
    "a model without its numbers": ((*CALL, "--maturity=1", "--model=heston"), "--variance: must"),
    "a sweep of nothing": (("sweep", "study.toml", "--out=out"), 'a table such as "cost.rate"'),
    "a study for quotes": (("calibrate", "study.toml"), "the first line of a CSV file names its"),
    "a paper misspelt": (("reproduce", "imaki"), "'imaki' is not one of"),
}


@pytest.fixture
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pathlib.Path("study.toml").write_text(STUDY)


@pytest.mark.parametrize(("words", "said"), SHELL.values(), ids=SHELL)
def test_on_the_command_line(words, said, in_a_folder, capsys):
    assert command(words) == 2
    line = capsys.readouterr().err
    assert line.startswith("deephedge: ") and line.count("\n") == 1
    assert re.search(said, line), line


def test_a_number_in_another_unit_is_noted_and_used(capsys):
    assert command((*CALL, "--maturity=30", "--vol=20")) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("price ")
    maturity, vol = sorted(printed.err.splitlines())
    assert "`maturity` is in years: 30 days are 0.0822; got 30" in maturity
    assert "`vol` is a decimal per year: 20 % is 0.2; got 20" in vol


def test_usual_numbers_are_not_noted():
    assert doubts({"vol": 0.8, "maturity": 10.0, "rate": -0.01, "spot": 4000.0}) == []


START = """
import jax, json, sys
import jax.numpy as jnp
from deephedge.claims import Call
from deephedge.costs import NoCost, ProportionalCost
from deephedge.markets import BlackScholes, Heston, simulate
from deephedge.policies import DeltaHedge, Feedforward, NoTransactionBand, StaticHedge
from deephedge.pricing import BlackScholesFormula, Fourier, QuotedBlackScholes
from deephedge.reports import compare
from deephedge.risk import Entropic
from deephedge.rollout import HedgingProblem, replay, rollout, sample, time_grid
from deephedge.training import train
key = jax.random.key(0)
market, claim, pricer = BlackScholes(100.0, 0.2), Call(100.0, 0.1), BlackScholesFormula(0.2)
heston, two = Heston.example(), BlackScholes([100.0, 90.0], [0.2, 0.2])
times, cost, delta = time_grid(0.1, 2), NoCost(), DeltaHedge(claim, pricer)
def problem(market=market, claim=claim, cost=cost, times=times, premium=0.0):
    return HedgingProblem(market, claim, cost, times, premium=premium, close_out=False)
usual = problem()
entropic = Entropic(aversion=1.0)
found = {}
for name, code in json.load(sys.stdin).items():
    try:
        eval(code)
        found[name] = "nothing"
    except Exception as error:
        found[name] = f"{error} {' '.join(getattr(error, '__notes__', []))}"
print(json.dumps(found))
"""
PYTHON = {
    "premium list": ("problem(premium=[1.0, 2.0])", "`premium` must be one amount, or a pricer"),
    "dates before today": ("problem(times=[-0.1, 0.1])", "`times` must not begin before 0"),
    "a number of dates": ("problem(times=30)", "pass `times=time_grid"),
    "maturity in days": ("problem(times=time_grid(30, 30))", "the claim's maturity 0.1, got 30"),
    "claim for market": ("problem(market=claim)", "`market` must be like `BlackScholes.* got Call"),
    "cost as a number": ("problem(cost=0.001)", "must be like `ProportionalCost.*got float"),
    "cost as a class": ("problem(cost=NoCost)", "`cost` must be like .* the class NoCost"),
    "cost in percent": ("ProportionalCost(5)", "below 1, as a share .5 basis points .* got 5"),
    "cost of two": ("problem(cost=ProportionalCost([0.1, 0.2]))", "one for each of the 1 assets"),
    "claim on the second": ("problem(claim=Call(100.0, 0.1, asset=1))", "1 assets, .* got asset 1"),
    "a number for a key": ("sample(usual, delta, 8, key=0)", "`jax.random.key.0.`, got int"),
    "paths by halves": ("sample(usual, delta, 1e3, key=key)", "whole number .* got 1000.0"),
    "a function": ("sample(usual, lambda now: 0.5, 8, key=key)", "like `DeltaHedge.* function"),
    "a class": ("sample(usual, DeltaHedge, 8, key=key)", "got the class DeltaHedge"),
    "claim and pricer swapped": (
        "sample(usual, DeltaHedge(pricer, claim), 8, key=key)",
        "`claim` must be like .* got BlackScholesFormula.*another market",
    ),
    "a hedge of two assets": (
        "sample(usual, StaticHedge([0.5, 0.5]), 8, key=key)",
        "StaticHedge was asked what to hold of 1 assets.*made for another market",
    ),
    "a pricer of Heston": (
        "sample(usual, DeltaHedge(claim, Fourier(heston)), 8, key=key)",
        "`market` must be a Heston for Fourier to price in",
    ),
    "no quoted vol": (
        "sample(usual, DeltaHedge(claim, QuotedBlackScholes()), 8, key=key)",
        "where no volatility is quoted pass `BlackScholesFormula",
    ),
    "a policy of Heston": (
        "sample(usual, Feedforward.create(heston, claim, times, key=key), 8, key=key)",
        "`policy` was created for 1 factors, got 0",
    ),
    "a policy of two assets": (
        "sample(usual, Feedforward.create(two, claim, times, key=key), 8, key=key)",
        "`policy` was created for 2 assets, got 1",
    ),
    "a band on a delta": (
        "NoTransactionBand.create(market, claim, times, base=delta, key=key)",
        "`base` must be like `DeltaBand",
    ),
    "training a formula": ("train(usual, delta, entropic, key=key)", "`policy` must be like `NoTr"),
    "a risk by name": (
        "train(usual, Feedforward.create(market, claim, times, key=key), 'entropic', key=key)",
        "`risk` must be like `Entropic.*got str",
    ),
    "a list of policies": (
        "compare(usual, [delta], {'e': entropic}, n_paths=8, key=key)",
        "`policies` must be like .*delta.*got list",
    ),
    "a bare measure": (
        "compare(usual, {'d': delta}, entropic, n_paths=8, key=key)",
        "`measures` must be like .*entropic.*got Entropic",
    ),
    "prices for paths": ("replay(usual, delta, jnp.ones((4, 3)))", "`paths` must be like `simul"),
    "one path to replay": (
        "replay(usual, delta, market.path(times, jnp.zeros((2, 1))))",
        "a leading axis of paths, .* x.None.",
    ),
    "paths to rollout": (
        "rollout(usual, delta, simulate(market, times, 2, key=key))",
        "must be one path, .* `replay`",
    ),
    "a ledger to a measure": (
        "entropic(sample(usual, delta, 8, key=key))",
        "`pnl` must be like `ledger.pnl`, got Ledger",
    ),
}


@pytest.fixture(scope="module")
def said():
    """What Python says to each mistake, without the checks of types that tests add."""
    codes = json.dumps({name: code for name, (code, _) in PYTHON.items()})
    done = subprocess.run(
        [sys.executable, "-c", START], input=codes, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", PYTHON)
def test_in_python(name, said):
    assert re.search(PYTHON[name][1], said[name], re.DOTALL), said[name]


def test_a_price_may_be_a_plain_number():
    from deephedge.pricing import implied_vol

    vol = implied_vol(7.965567455405804, spot=100.0, strike=100.0, tau=1.0)
    assert float(vol) == pytest.approx(0.2, rel=1e-9)
