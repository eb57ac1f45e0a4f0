"""Every strategy and overlay is reached from a study by its name."""

import pytest

from deephedge.cli.resolve import open_study
from deephedge.policies import (
    CPPI,
    EWMA,
    HAR,
    BartlettDelta,
    DeltaHedge,
    Escalation,
    Halt,
    HoggardWhalleyWilmott,
    LocalQuadratic,
    MinimumVarianceDelta,
    RebalanceAtOptimum,
    Recalibrated,
    Tighten,
    VolatilityTarget,
)

MARKETS = {
    "BlackScholes": """
[market]
type = "BlackScholes"
spot = 100.0
vol = 0.2
rate = 0.01
""",
    "Heston": """
[market]
type = "Heston"
spot = 100.0
variance = 0.04
mean_reversion = 2.0
long_variance = 0.04
vol_of_variance = 0.4
correlation = -0.6
""",
}

SHARED = """
[cost]
type = "ProportionalCost"
rate = 0.001

[problem]
n_steps = 5
premium = 100.0
close_out = true

[measures.shortfall]
type = "ExpectedShortfall"
tail = 0.05

[evaluation]
n_paths = 64
"""

CLAIMS = {
    "NoClaim": '[claim]\ntype = "NoClaim"\nmaturity = 0.25\n',
    "Call": '[claim]\ntype = "Call"\nstrike = 100.0\nmaturity = 0.25\n',
}

INSURANCE = """
[policies.cppi]
type = "CPPI"
multiplier = 4.0
floor = 0.9
[policies.tipp]
type = "TIPP"
multiplier = 4.0
floor = 0.9
band = 0.02
[policies.stop]
type = "StopLoss"
floor = 0.95
[policies.put]
type = "SyntheticPut"
floor = 0.95
vol = 0.2
maturity = 0.25
[policies.target]
type = "VolatilityTarget"
target = 0.1
leverage = 2.0
forecast = { type = "HAR", start = 0.2, base = 0.004, daily = 0.1, weekly = 0.3, monthly = 0.5 }
[policies.realised]
type = "VolatilityTarget"
target = 0.1
forecast = { type = "RealisedVol", window = 21, start = 0.2 }
[policies.known]
type = "VolatilityTarget"
target = 0.1
forecast = { type = "KnownVol", start = 0.2 }
[policies.garch]
type = "VolatilityTarget"
target = 0.1
forecast = { type = "GarchFilter", start = 0.2, base = 0.002, news = 0.05, memory = 0.9 }
[policies.stopped]
type = "LossLimit"
policy = "cppi"
loss = 5.0
from_peak = true
"""

OVERLAYS = """
[policies.delta]
type = "DeltaHedge"
[policies.boyle]
type = "BoyleVorst"
convex = true
[policies.hww]
type = "HoggardWhalleyWilmott"
vol = 0.2
[policies.vol_band]
type = "VolBand"
deviations = 2.0
[policies.moved]
type = "RebalanceOnMove"
policy = "delta"
move = 0.02
[policies.vol_moved]
type = "RebalanceOnVolMove"
policy = "delta"
deviations = 2.0
forecast = { type = "EWMA", start = 0.2 }
[policies.drifted]
type = "RebalanceOnDrift"
policy = "delta"
tolerance = 0.05
[policies.bent]
type = "RebalanceOnGamma"
policy = "delta"
move = 0.02
[policies.optimal]
type = "RebalanceAtOptimum"
policy = "delta"
aversion = 1.0
forecast = { type = "EWMA", start = 0.2, decay = 0.97 }
[policies.stricter]
type = "VolBand"
deviations = 1.0
[policies.fitted_again] # from each date on, another of the policies: the same kind, other numbers
type = "Recalibrated"
policies = ["vol_band", "stricter"]
dates = [0.0, 0.1]
[policies.small]
type = "PositionLimit"
policy = "delta"
limit = 0.6
[policies.unlevered]
type = "LeverageLimit"
policy = "delta"
limit = 1.0
[policies.announced]
type = "ScheduledEvents"
policy = "delta"
starts = [0.1]
ends = [0.15]
factor = 1.2
[policies.escalated]
type = "Escalation"
policy = "drifted"
levels = [
  { type = "Tighten", policy = "delta", triggers = [{ type = "BookGreek", limit = 0.04 }] },
  { type = "Halve", calm = 2, triggers = [
    { type = "Jump", limit = 4.0, forecast = { type = "EWMA", start = 0.2 } },
    { type = "ForecastVol", limit = inf, forecast = { type = "EWMA", start = 0.2 } },
  ] },
  { type = "Flatten", triggers = [{ type = "Drawdown", limit = 3.0 }] },
  { type = "Halt", triggers = [{ type = "BookGreek", greek = "gamma", limit = 0.5 }] },
]
[policies.shown]
type = "WithForecast"
policy = { type = "DeltaHedge", pricer = { type = "QuotedBlackScholes" } }
forecast = { type = "EWMA", start = 0.2 }
"""

DELTAS = """
[policies.practitioner]
type = "PractitionerDelta"
[policies.bartlett]
type = "BartlettDelta"
slope = -0.3
[policies.least]
type = "MinimumVarianceDelta"
[policies.hull_white]
type = "HullWhiteDelta"
level = -0.2
linear = 0.3
quadratic = -0.4
[policies.regression]
type = "LocalQuadratic"
degree = 2
n_paths = 64
key = 3
"""


@pytest.fixture(scope="module")
def policies(tmp_path_factory):
    found = {}
    for market, claim, tables in [
        ("BlackScholes", "NoClaim", INSURANCE),
        ("BlackScholes", "Call", OVERLAYS),
        ("Heston", "Call", DELTAS),
    ]:
        file = tmp_path_factory.mktemp("study") / "study.toml"
        file.write_text(MARKETS[market] + CLAIMS[claim] + SHARED + tables)
        resolved = open_study(file)
        assert resolved.tables()["policies"].keys() == resolved.policies.keys()
        found |= resolved.policies
    return found


def test_strategies_are_built_by_their_names(policies):
    assert isinstance(policies["cppi"], CPPI)
    assert isinstance(policies["target"], VolatilityTarget)
    assert isinstance(policies["target"].forecast, HAR)
    assert isinstance(policies["stopped"].policy, CPPI)
    assert isinstance(policies["bartlett"], BartlettDelta)
    assert isinstance(policies["least"], MinimumVarianceDelta)


def test_what_the_study_states_need_not_be_said_again(policies):
    assert isinstance(policies["optimal"], RebalanceAtOptimum)
    assert isinstance(policies["optimal"].forecast, EWMA)
    assert float(policies["optimal"].cost_rate) == 0.001
    assert isinstance(policies["hww"], HoggardWhalleyWilmott)
    assert float(policies["hww"].interval) == pytest.approx(0.05)
    assert float(policies["put"].rate) == pytest.approx(0.01)


def test_numbers_of_other_policies_hold_from_their_dates_on(policies):
    fitted = policies["fitted_again"]
    assert isinstance(fitted, Recalibrated)
    assert fitted.numbers.deviations.tolist() == [2.0, 1.0]
    assert fitted.dates.tolist() == pytest.approx([0.0, 0.1])


def test_an_escalation_nests_its_levels_and_their_triggers(policies):
    escalated = policies["escalated"]
    assert isinstance(escalated, Escalation)
    assert escalated.policy is policies["drifted"]
    tighten, halve, _, halt = escalated.levels
    assert isinstance(tighten, Tighten)
    assert isinstance(tighten.policy, DeltaHedge)
    assert isinstance(halt, Halt)
    assert (halve.calm, halt.calm) == (2, None)
    names = [trigger.name for trigger in escalated.triggers]
    assert names == [
        "delta of the book", "jump", "forecast vol", "drawdown", "gamma of the book"
    ]  # fmt: skip
    assert float(escalated.triggers[3].claim.strike) == 100.0


def test_a_fitted_policy_is_fitted_to_the_studys_market(policies):
    assert isinstance(policies["regression"], LocalQuadratic)
    assert policies["regression"].times.shape == (5,)
