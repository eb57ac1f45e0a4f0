"""`deephedge monitor` against the engine's replay, restarts, and streams with bad lines."""

import io
import os
import signal

import numpy as np
import pytest
from monitored import Monitored, agree, printed, replayed

from deephedge.cli.state_file import unbroken
from deephedge.rollout import time_grid

POSITION = """
[market]
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
type = "ProportionalCost"
rate = 0.001
[execution]
type = "Execution"
lot = 0.01
mean_slippage = 0.0001
[financing]
type = "Financing"
borrow_spread = 0.01
[book]
policy = "escalated"
cash = 4.2
close_out = true
[policies.delta]
type = "DeltaHedge"
[policies.drift]
type = "RebalanceOnDrift"
policy = "delta"
tolerance = 0.1
[policies.escalated]
type = "Escalation"
policy = "drift"
levels = [{ type = "Tighten", policy = "delta", calm = 3, triggers = [
  { type = "Jump", limit = 2.5, forecast = { type = "EWMA", start = 0.2, decay = 0.9 } } ] }]
[limits.gamma]
type = "BookGreek"
greek = "gamma"
limit = 0.04
"""
N = 24


def made_up():
    times = np.asarray(time_grid(0.25, N))
    returns = 0.01 * np.random.default_rng(3).standard_normal(N)
    returns[9] = -0.07
    spots = 100.0 * np.exp(np.concatenate([[0.0], np.cumsum(returns)]))
    return times, spots, 0.2 + 0.02 * np.sin(np.arange(N + 1))


def rows():
    return [f"{t!r},{s!r},{v!r}" for t, s, v in zip(*(x.tolist() for x in made_up()), strict=True)]


@pytest.fixture
def desk(tmp_path):
    return Monitored(tmp_path, POSITION, "time,spot,vol")


def test_trades_and_pnl_are_those_of_a_replay_of_the_same_path(desk, capsys):
    assert desk(rows()) == 0
    reports, err = printed(capsys)
    assert err == f"{N + 1} quotes, 0 lines skipped\n"
    times, spots, vols = made_up()
    agree(reports, replayed(desk, times, spots, vols[:, None]))
    levels = [x["level"] for x in reports]
    assert (min(levels), max(levels)) == (0, 1)
    (up, down) = [change for x in reports for change in x["changes"]]
    assert (up["before"], up["after"], up["trigger"]) == (0, 1, "jump")
    assert up["value"] > up["limit"] == 2.5
    assert down == {"before": 1, "after": 0, "trigger": "calm", "value": 3.0, "limit": 3.0}
    limits = [x["limits"]["gamma"] for x in reports[:-1]]
    gammas = np.array([abs(x["greeks"]["gamma"]) for x in reports[:-1]])
    np.testing.assert_allclose([x["value"] for x in limits], gammas, rtol=1e-12)
    assert [x["breached"] for x in limits] == (gammas > 0.04).tolist()
    assert 0 < np.sum(gammas > 0.04) < N


def test_a_restart_in_the_middle_goes_on_as_if_nothing_had_happened(desk, capsys):
    lines = rows()
    lines[5:5] = ["0.05,nan,0.2"]
    assert desk(lines) == 0
    whole, said = printed(capsys)
    assert "line 7: spot must be finite, got nan; skipped." in said
    state = desk.state.read_text()
    desk.state.unlink()
    assert desk(lines[:12]) == 0
    first, _ = printed(capsys)
    assert desk(lines) == 0
    second, said = printed(capsys)
    assert "nan" not in said
    assert said.startswith("resumed after line 13, time ")
    assert first + second == whole
    assert len(first) == 11
    assert desk.state.read_text() == state
    assert desk(lines, "--quiet") == 0
    assert printed(capsys)[0] == []


def test_lines_that_are_no_use_are_named_and_skipped(desk, capsys):
    good = rows()[:8]
    bad = {
        3: ("0.011,-100,0.2", "spot must be positive, got -100"),
        4: ("0.011,100", "has 2 fields, the header has 3"),
        5: ("soon,100,0.2", "time is not a number, got 'soon'"),
        6: ("0.011,100,-0.2", "vol must not be negative, got -0.2"),
        7: ("0.011,inf,0.2", "spot must be finite, got inf"),
        8: (good[0], "is late: its time, 0.0, is not after that of the quote before"),
    }
    lines = [good[0], *(line for line, _ in bad.values()), *good[1:]]
    assert desk(lines, "--dry-run") == 0
    reports, said = printed(capsys)
    assert said.splitlines() == [
        *(f"deephedge: line {number}: {why}; skipped." for number, (_, why) in bad.items()),
        "8 quotes, 6 lines skipped",
    ]
    assert not desk.state.exists()
    assert desk(good, "--dry-run") == 0
    clean, _ = printed(capsys)
    assert [{**x, "line": 0} for x in reports] == [{**x, "line": 0} for x in clean]


class Stream:
    """Standard input on which somebody presses Ctrl-C."""

    def __init__(self, lines):
        self.lines = iter(lines)

    def __iter__(self):
        yield from self.lines
        raise KeyboardInterrupt


def test_standard_input_and_an_interruption(desk, capsys, monkeypatch):
    lines = rows()
    monkeypatch.setattr("sys.stdin", Stream(["time,spot,vol\n", *(x + "\n" for x in lines[:6])]))
    assert desk([], market="-") == 130
    first, said = printed(capsys)
    assert said.endswith("deephedge: interrupted.\n")
    # The stream begins again with a quote that was there, then goes on.
    text = "\n".join(["time,spot,vol", *lines[5:]])
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert desk([], market="-") == 0
    second, _ = printed(capsys)
    desk.state.unlink()
    assert desk(lines) == 0
    whole, _ = printed(capsys)
    assert [{**x, "line": 0} for x in first + second] == [{**x, "line": 0} for x in whole]


def test_text_says_what_to_do(desk, capsys):
    assert desk(rows(), "--dry-run") == 0
    reports, _ = printed(capsys)
    busy = [x for x in reports if x["trade"] != [0.0] or x["changes"] or x["expired"]
            or x["limits"]["gamma"]["breached"]]  # fmt: skip
    assert desk(rows(), "--dry-run", form="--quiet") == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert sum(line.startswith("line ") for line in lines) == len(busy) < len(reports)
    for word, count in [
        ("  TRADE ", sum(x["trade"] != [0.0] for x in reports)),
        ("  LEVEL   0 -> 1: jump ", 1),
        ("  LEVEL   1 -> 0: calm for 3 quotes", 1),
        (
            "  LIMIT   gamma: gamma of the book ",
            sum(x["limits"]["gamma"]["breached"] for x in busy),
        ),
        ("  EXPIRED paid ", 1),
    ]:
        assert sum(line.startswith(word) for line in lines) == count > 0


def test_after_the_maturity_nothing_is_left_to_do(desk, capsys):
    lines = [*rows(), "0.3,100,0.2"]
    assert desk(lines) == 0
    reports, said = printed(capsys)
    assert reports[-1]["expired"]
    assert f"line {N + 3}: comes after the maturity, 0.25; skipped." in said


def test_ctrl_c_waits_for_what_must_be_whole():
    done = []
    with pytest.raises(KeyboardInterrupt):
        with unbroken():
            os.kill(os.getpid(), signal.SIGINT)
            done.append(1)
    assert done == [1]


WRONG = {
    "no such policy": (POSITION.replace('"escalated"\ncash', '"escalate"\ncash'), "book.policy: "
        "must name one of the policies, got 'escalate'; did you mean escalated?"),
    "slippage": (POSITION.replace("lot = 0.01", "slippage = 0.01"),
        "execution.slippage: must be left out of a position: it is random"),
    "holdings": (POSITION.replace("cash = 4.2", "cash = 4.2\nholdings = [1.0, 2.0]"),
        "book.holdings: must have a number for each of the 1 assets, got 2."),
    "no cash": (POSITION.replace("cash = 4.2", ""), "book.cash: must be given."),
    "no TOML": ("[market", "is not TOML: "),
    "trained": (POSITION.replace('type = "DeltaHedge"', 'type = "Feedforward"'),
        "policies.delta.type: must need no training, got 'Feedforward'; train it with `run`"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_position_costs_one_line(desk, capsys, name):
    text, why = WRONG[name]
    assert desk(rows(), text=text) == 2
    said = capsys.readouterr().err
    assert f"position.toml: {why}" in said
    assert said.count("\n") == 1


def test_a_state_belongs_to_one_position_and_a_stream_has_its_columns(desk, capsys, tmp_path):
    assert desk(rows()[:3]) == 0
    assert desk(rows(), text=POSITION.replace("cash = 4.2", "cash = 5.0")) == 2
    assert "belongs to another position, or this one was changed" in capsys.readouterr().err
    desk.state.write_text("{}")
    assert desk(rows()) == 2
    assert "is not the state of a monitor" in capsys.readouterr().err
    desk.state.unlink()
    assert desk([], market=str(tmp_path / "none.csv")) == 2
    assert "none.csv: there is no such file." in capsys.readouterr().err
    other = tmp_path / "other.csv"
    other.write_text("time,price\n")
    assert desk([], market=str(other)) == 2
    assert (
        "there must be one column 'spot'; the stream has: time, price." in capsys.readouterr().err
    )


DELAYED = """
[market]
type = "BlackScholes"
spot = 100.0
vol = 0.2
[claim]
type = "GeometricAsianCall"
strike = 100.0
maturity = 0.25
[cost]
type = "ProportionalCost"
rate = 0.001
[execution]
type = "Execution"
delay = true
[book]
policy = "delta"
cash = 2.5
[policies.delta]
type = "DeltaHedge"
"""


@pytest.mark.slow
def test_a_claim_that_remembers_and_orders_that_wait(desk, capsys):
    times, spots, _ = made_up()
    lines = [f"{t!r},{s!r}," for t, s in zip(times.tolist(), spots.tolist(), strict=True)]
    assert desk(lines, text=DELAYED.replace("[book]", "[quotes]\nfactors = []\n[book]")) == 0
    reports, _ = printed(capsys)
    ledger = replayed(desk, times, spots, np.zeros((N + 1, 0)))
    agree(reports, ledger)
    orders = [x["order"] for x in reports[:-2]]
    assert orders == [x["holdings"] for x in reports[1:-1]]


PORTFOLIO = """
[market]
type = "BlackScholes"
spot = [100.0, 50.0]
vol = [0.2, 0.3]
rate = 0.03
[claim]
type = "NoClaim"
maturity = 0.25
[cost]
type = "ProportionalCost"
rate = 0.001
[book]
policy = "escalated"
cash = 100.0
[quotes]
prices = ["stock", "bond"]
[policies.cppi]
type = "CPPI"
multiplier = 3.0
floor = 0.9
weights = [0.6, 0.4]
[policies.escalated]
type = "Escalation"
policy = "cppi"
levels = [{ type = "Flatten", triggers = [{ type = "Drawdown", limit = 2.0 }] }]
"""


@pytest.mark.slow
def test_a_portfolio_of_two_assets_against_no_claim(desk, capsys):
    times, spots, _ = made_up()
    both = np.stack([spots, 50.0 + 0.1 * np.arange(N + 1)], axis=1)
    lines = [f"{t!r},{a!r},{b!r}" for t, (a, b) in zip(times.tolist(), both.tolist(), strict=True)]
    assert desk(lines, text=PORTFOLIO, header="time,stock,bond") == 0
    reports, _ = printed(capsys)
    agree(reports, replayed(desk, times, both, np.zeros((N + 1, 0))))
    assert max(x["level"] for x in reports) == 1


def test_dates_count_from_a_start_and_old_quotes_are_stale(desk, capsys):
    text = POSITION + "[quotes]\nstart = 2026-01-02\n"
    assert desk(["2026-01-02,100,0.2", "2026-01-10T12:00,101,0.2"], "--dry-run", text=text) == 0
    reports, _ = printed(capsys)
    assert [x["time"] for x in reports] == ["2026-01-02", "2026-01-10T12:00"]
    theta = reports[1]["attribution"]["theta"]
    before = reports[0]["greeks"]["theta"]
    discount = np.exp(-0.03 * 8.5 / 365)
    assert theta == pytest.approx(discount * before * 8.5 / 365, rel=1e-9)
    assert desk(["2026-01-02,100,0.2"], "--dry-run", text=text + "max_age = 60\n") == 0
    assert "line 2: is stale: " in capsys.readouterr().err
