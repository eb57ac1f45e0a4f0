"""The report is one page that stands alone, and its figures show something."""

import functools
import html.parser
import math

import jax
import numpy as np
import pytest

from deephedge.claims import Call
from deephedge.costs import ProportionalCost
from deephedge.markets import BlackScholes
from deephedge.policies import DeltaHedge, Feedforward, NoHedge, WhalleyWilmott
from deephedge.pricing import BlackScholesFormula
from deephedge.reports import (
    Finding,
    PnlParts,
    Section,
    compare,
    hedge_against_spot,
    one_path,
    pnl_histograms,
    pnl_parts_bars,
    pnl_ranges,
    training_curve,
    write_front,
    write_report,
)
from deephedge.reports.experiment import main
from deephedge.reports.pnl_parts import PARTS as NAMES
from deephedge.reports.pnl_parts import Part
from deephedge.reports.text import with_error
from deephedge.risk import Entropic
from deephedge.rollout import HedgingProblem, time_grid
from deephedge.training import Trained

CALL = Call(strike=100.0, maturity=0.25)
PRICER = BlackScholesFormula(vol=0.2, rate=0.0)
PROBLEM = HedgingProblem(
    BlackScholes(spot=100.0, vol=0.2, rate=0.0),
    CALL,
    ProportionalCost(0.002),
    time_grid(0.25, 20),
    4.0,
    close_out=True,
)
POLICIES = {
    "delta": DeltaHedge(CALL, PRICER),
    "band": WhalleyWilmott(CALL, PRICER, cost_rate=0.002, aversion=0.5),
    "none <b>": NoHedge(),
}
KEY = jax.random.key(0)
LEARNED = Feedforward.create(PROBLEM.market, CALL, PROBLEM.times, base=POLICIES["delta"], key=KEY)


@functools.cache
def result():
    return compare(
        PROBLEM,
        POLICIES,
        {"entropic": Entropic(0.5)},
        n_paths=4000,
        key=KEY,
        baseline="none <b>",
    )


PARTS = PnlParts(
    {
        name: {
            part: Part(0.5 * i, 0.01, 1.25) if part in ("delta", "total") else Part(0.0, 0.0, 0.0)
            for part in (*NAMES, "total")
        }
        for i, name in enumerate(POLICIES)
    },
    n_paths=512,
    pricer="BlackScholesFormula",
)
HISTORY = [{"step": i, "loss": 1.0 / i, "validation": 1.0 / i, "seconds": 1.0} for i in (1, 2, 3)]
FIGURES = {
    "histograms": lambda: pnl_histograms(result()),
    "ranges": lambda: pnl_ranges(result()),
    "spot": lambda: hedge_against_spot(PROBLEM, POLICIES, key=KEY),
    "path": lambda: one_path(PROBLEM, POLICIES, key=KEY),
    "parts": lambda: pnl_parts_bars(PARTS),
    "training": lambda: training_curve({"learned": HISTORY}, optimum=0.3),
}


class Tags(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.seen, self.sources = [], [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.sources += [value for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


LONG = ("spot", "histograms")


@pytest.mark.parametrize(
    "name",
    [pytest.param(x, marks=pytest.mark.slow if x in LONG else ()) for x in FIGURES],
)
def test_figures_show_something(name):
    figure = FIGURES[name]()
    figure.canvas.draw()
    assert np.ptp(np.asarray(figure.canvas.buffer_rgba())) > 0
    assert all(axis.has_data() for axis in figure.axes)


def test_the_report_is_one_page_that_stands_alone(tmp_path):
    path = write_report(
        tmp_path / "report.html",
        title="A call & its hedge",
        problem=PROBLEM,
        comparison=result(),
        recorded=result(),
        trained={"band": Trained(LEARNED, HISTORY, 3, 1.0, 0.5, "finished", "3 steps")},
        parts=PARTS,
        policies=POLICIES,
        key=KEY,
        environment={"seed": 0, "device": ["cpu"]},
        study_text="[market]",
    )
    text, tags = path.read_text("utf-8"), Tags()
    tags.feed(text)
    assert tags.open == [] and tags.seen.count("table") == 8
    assert len(tags.sources) == 7 and all(s.startswith("data:") for s in tags.sources)
    assert "http" not in text and "none &lt;b&gt;" in text
    value = min((result().at(name, "entropic") for name in POLICIES), key=lambda e: e.value)
    assert value.better and f"<b>{value.value_text}</b>" in text
    assert "1.000 ± 0.010" in text and ">vega<" not in text
    assert PARTS.rows()[2] == ["none <b>", "1.000 ± 0.010", "1.000 ± 0.010"]
    assert "strike 100" in text and "closing the hedge at maturity is charged" in text


def test_a_page_of_several_studies_shows_each_and_stands_alone(tmp_path):
    sections = [
        Section(name, f"{name} & its hedge", "What <was> tried.", "Simulated.", result(), link)
        for name, link in (("calls", "calls/report.html"), ("puts", "puts/report.html"))
    ]
    path = write_front(tmp_path / "all.html", title="All", sections=sections, environment={"s": 0})
    text, tags = path.read_text("utf-8"), Tags()
    tags.feed(text)
    assert tags.open == [] and tags.seen.count("table") == 3 and tags.seen.count("img") == 2
    links = [source for source in tags.sources if not source.startswith("data:")]
    assert links == ["#calls", "#puts", "calls/report.html", "puts/report.html"]
    assert "What &lt;was&gt; tried." in text
    for name in POLICIES:
        estimate = result().at(name, "entropic")
        assert estimate.value_text in text
        assert name == "none <b>" or estimate.difference_text in text


def test_a_finding_holds_within_its_tolerance_and_never_as_nan():
    assert Finding("price", 1.004, 1.0, 0.005).holds
    assert not Finding("price", 1.006, 1.0, 0.005).holds
    assert not Finding("price", math.nan, 1.0, 0.005).holds


def test_numbers_are_shown_to_the_digits_their_error_lets_one_believe():
    assert with_error(2.585054, 0.00017) == "2.58505 ± 0.00017"
    assert with_error(-1234.5, 3.0) == "-1234.5 ± 3.0"
    assert with_error(1234.5, 42.0) == "1234 ± 42"
    assert with_error(0.0, 0.0) == "0.000 ± 0.000"
    assert with_error(math.inf, math.nan) == "inf ± nan"
    best = result().at("band", "entropic")
    assert best.value_text in str(result()) and best.difference_text in str(result())


def test_an_experiment_says_which_findings_hold_and_fails_if_one_does_not(capsys):
    good, bad = Finding("price", 1.0, 1.0, 0.1), Finding("delta", 0.6, 0.5, 0.05)
    with pytest.raises(SystemExit) as left:
        main(lambda: [good])
    assert left.value.code == 0
    with pytest.raises(SystemExit) as left:
        main(lambda: [good, bad])
    assert left.value.code == 1
    assert "FAILS  delta: ours 0.6, theirs 0.5 ± 0.05" in capsys.readouterr().out
