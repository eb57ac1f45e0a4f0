"""`deephedge monitor` of a book that holds listed options."""

import numpy as np
import pytest
from monitored import Monitored, agree, printed, replayed

from deephedge.rollout import time_grid

POSITION = """
[market]
type = "Listed"
instruments = [
  { type = "Held", claim = { type = "Put", strike = 95.0, maturity = 0.125 } },
  { type = "Held", claim = { type = "Call", strike = 105.0, maturity = 0.5 } },
]
[market.market]
type = "BlackScholes"
spot = 100.0
vol = 0.2
rate = 0.03
dividend = 0.01
[claim]
type = "Call"
strike = 100.0
maturity = 0.25
[pricer]
type = "QuotedBlackScholes"
[cost]
type = "HalfSpread"
basis_points = [2.0, 50.0, 50.0]
[financing]
type = "Financing"
borrow_spread = 0.01
[book]
policy = "static"
cash = 4.2
holdings = [0.0, 0.0, 0.0]
close_out = true
[quotes]
factors = ["vol"]
instruments = ["put95", "call105"]
[policies.static]
type = "StaticHedge"
units = [0.4, 0.3, -0.2]
"""
NEUTRAL = """
[policies.neutral]
type = "GreekNeutralHedge"
neutral = ["gamma"]
[limits.gamma]
type = "BookGreek"
greek = "gamma"
limit = 1e-9
"""
N = 10


def made_up():
    """Times, stock, quoted vol; and quotes of the contracts, some of them missing."""
    times = np.asarray(time_grid(0.25, N))
    draws = np.random.default_rng(5).standard_normal((N, 3))
    spots = 100.0 * np.exp(np.concatenate([[0.0], np.cumsum(0.03 * draws[:, 0])]))
    marks = np.concatenate([[[1.3, 3.6]], np.exp(0.2 * draws[:, 1:]) * [1.0, 3.0]])
    marks[[2, 3, 7], 1] = np.nan
    marks[4, 0] = np.nan
    return times, spots, 0.2 + 0.02 * np.sin(np.arange(N + 1)), marks


def rows(marks):
    times, spots, vols, _ = made_up()
    cells = [",".join("" if np.isnan(x) else repr(x) for x in row) for row in marks.tolist()]
    return [
        f"{t!r},{s!r},{v!r},{m}"
        for t, s, v, m in zip(times.tolist(), spots.tolist(), vols.tolist(), cells, strict=True)
    ]


@pytest.fixture
def desk(tmp_path):
    return Monitored(tmp_path, POSITION, "time,spot,vol,put95,call105")


@pytest.mark.slow
def test_a_book_of_contracts_is_worth_what_a_replay_says(desk, capsys):
    times, spots, vols, marks = made_up()
    lines = rows(marks)
    # A put is not worth less than nothing: that line is no quote.
    lines.insert(3, "0.06,100,0.2,-1.0,3.0")
    assert desk(lines) == 0
    reports, said = printed(capsys)
    assert "line 5: is no use: put95 must not be negative, got -1; skipped." in said
    agree(reports, replayed(desk, times, spots, vols[:, None], marks))
    # The put has expired when the hedge is sold: it is cash, and costs nothing to let go.
    assert reports[-1]["trade"] == [-0.4, -0.3, 0.2]
    call = reports[-1]["contracts"]["call105"]["price"]
    worth = 1e-4 * (2.0 * 0.4 * spots[-1] + 50.0 * 0.2 * call)
    assert reports[-1]["cost"] == pytest.approx(np.exp(-0.03 * 0.25) * worth, rel=1e-12)
    quoted = [x["contracts"]["call105"]["quoted"] for x in reports]
    assert quoted == (~np.isnan(marks[:, 1])).tolist()
    assert reports[0]["columns"] == ["spot", "put95", "call105"]


@pytest.mark.slow
def test_a_restarted_book_is_kept_neutral_by_contracts_as_in_a_replay(desk, capsys):
    times, spots, vols, marks = made_up()
    lines, text = rows(marks), POSITION.replace('"static"', '"neutral"') + NEUTRAL
    assert desk(lines[:7], text=text) == 0
    first, _ = printed(capsys)
    assert desk(lines, text=text) == 0
    rest, _ = printed(capsys)
    reports = [*first, *rest]
    ledger = replayed(desk, times, spots, vols[:, None], marks)
    agree(reports, ledger)
    assert np.min(np.abs(ledger.holdings[:5, 1:])) > 0.0
    assert not any(x["limits"]["gamma"]["breached"] for x in reports)
    assert max(abs(x["greeks"]["gamma"]) for x in reports[:-1]) < 1e-12
    assert np.all(ledger.holdings[5:, 1] == 0.0)


ROLLED = """{ type = "Rolled", moneyness = 1.0, tenor = 0.1, every = 0.05 }"""
WRONG = {
    "rolled": (
        POSITION.replace("  { type = \"Held\", claim = { type = \"Put\"",
            f"  {ROLLED},\n  {{ type = \"Held\", claim = {{ type = \"Put\""),
        "market.instruments: must be held to their expiry in a position, got Rolled",
    ),
    "columns": (
        POSITION.replace('["put95", "call105"]', '["put95"]'),
        "quotes.instruments: must name a column for each of the 2 listed contracts, got ['put95'].",
    ),
    "holdings": (
        POSITION.replace("[0.0, 0.0, 0.0]", "[0.0]"),
        "book.holdings: must have a number for each of the 3 assets, got 1.",
    ),
    "factors": (
        POSITION.replace('factors = ["vol"]', ""),
        "quotes.factors: must be given where contracts are listed: ",
    ),
    "no factors": (
        POSITION.replace('factors = ["vol"]', "factors = []"),
        "quotes.factors: must name the factor that the contracts' pricer reads.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_listed_position_that_cannot_be_followed_costs_one_line(desk, capsys, name):
    text, why = WRONG[name]
    assert desk(rows(made_up()[3]), text=text) == 2
    said = capsys.readouterr().err
    assert why in said
    assert said.count("\n") == 1
