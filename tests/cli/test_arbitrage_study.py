"""Semi-static hedges and arbitrage positions are reached from a study by their names."""

import pathlib

import pytest

from deephedge.cli.resolve import open_study
from deephedge.policies import (
    CalendarStrip,
    ConvertibleArbitrage,
    MergerArbitrage,
    PutCallSymmetry,
    VarianceStrip,
)

STUDIES = pathlib.Path(__file__).parents[2] / "experiments" / "studies"

END = """
[cost]
type = "NoCost"
[problem]
n_steps = 5
premium = 1.0
close_out = false
[measures.shortfall]
type = "ExpectedShortfall"
tail = 0.05
[evaluation]
n_paths = 64
"""

STRIPS = {
    "barrier": (
        '{ type = "Call", strike = 120.0, maturity = 0.25 },'
        '{ type = "Call", strike = 120.0, maturity = 0.5 },'
        '{ type = "Call", strike = 100.0, maturity = 0.5 }',
        'type = "BarrierOption"\nstrike = 100.0\nbarrier = 120.0\nmaturity = 0.5\n'
        "call = true\nup = true\nknock_in = false",
        'type = "CalendarStrip"\nladder = [0, 1]',
        CalendarStrip,
    ),
    "variance": (
        '{ type = "Put", strike = 90.0, maturity = 0.5 },'
        '{ type = "Put", strike = 100.0, maturity = 0.5 },'
        '{ type = "Call", strike = 100.0, maturity = 0.5 }',
        'type = "VarianceSwap"\nstrike = 0.04\nmaturity = 0.5',
        'type = "VarianceStrip"',
        VarianceStrip,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", [pytest.param("barrier", marks=pytest.mark.slow), "variance"])
def test_a_strip_is_given_the_market_and_the_claim(name, tmp_path):
    claims, claim, policy, kind = STRIPS[name]
    listed = claims.replace("{ type", '{ type = "Held", claim = { type').replace("},", "} },") + "}"
    (tmp_path / "study.toml").write_text(
        '[market]\ntype = "Listed"\n'
        'market = { type = "BlackScholes", spot = 100.0, vol = 0.2, rate = 0.01 }\n'
        f"instruments = [{listed}]\n[claim]\n{claim}\n{END}\n[policies.strip]\n{policy}\n"
    )
    found = open_study(tmp_path / "study.toml").policies["strip"]
    assert isinstance(found, kind)
    if isinstance(found, VarianceStrip):
        assert float(found.rate) == pytest.approx(0.01)


@pytest.mark.slow
def test_the_studies_that_ship_are_understood():
    barrier = open_study(STUDIES / "semi_static.toml")
    assert isinstance(barrier.policies["put_call_symmetry"], PutCallSymmetry)
    deals = open_study(STUDIES / "merger_arbitrage.toml")
    puts = deals.policies["spread_with_puts"]
    assert isinstance(puts, MergerArbitrage)
    assert float(puts.dividend) == pytest.approx(0.01)


@pytest.mark.slow
def test_the_study_of_convertibles_is_understood():
    bonds = open_study(STUDIES / "convertible_arbitrage.toml")
    both = bonds.policies["delta_and_credit"]
    assert isinstance(both, ConvertibleArbitrage)
    assert both.market is bonds.problem.market
