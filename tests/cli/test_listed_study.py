"""A study whose market lists options, and the policies that hold them."""

import re
from pathlib import Path

import pytest

from deephedge.cli.app import command
from deephedge.cli.backtest import backtested
from deephedge.cli.resolve import open_study
from deephedge.cli.tables import StudyError
from deephedge.markets import BlackScholes
from deephedge.policies import DeltaHedge, GreekNeutralHedge, VarianceStrip
from deephedge.pricing import (
    AtQuotedVol,
    BarrierFormula,
    BlackScholesFormula,
    Listed,
    ListedModel,
    QuotedBlackScholes,
    QuotedSurface,
)

STUDY = Path(__file__).parents[2] / "experiments" / "studies" / "listed_options.toml"


def test_a_study_names_listed_options_and_the_policies_that_hold_them():
    resolved = open_study(STUDY)
    market, policies = resolved.problem.market, resolved.policies
    assert isinstance(market, ListedModel)
    assert isinstance(market.market, BlackScholes)
    assert len(market.instruments) == 2
    assert isinstance(policies["delta"], DeltaHedge)
    both = policies["delta_gamma_vega"]
    assert isinstance(both, GreekNeutralHedge)
    assert both.neutral == ("gamma", "vega")
    assert isinstance(both.pricer, BlackScholesFormula)


def test_a_record_lists_what_is_marked_on_the_quoted_surface():
    # Nothing of it is trained or fitted: to open it takes no sample.
    resolved = open_study(STUDY.with_name("sp500_variance.toml"))
    market, problem = resolved.problem.market, resolved.problem
    assert isinstance(market, Listed)
    assert isinstance(market.pricer, QuotedSurface)
    assert isinstance(problem.premium, QuotedSurface)
    assert isinstance(resolved.policies["variance_strip"], VarianceStrip)


def test_a_barrier_is_sold_at_the_volatility_of_the_day():
    premium = open_study(STUDY.with_name("sp500_barrier.toml")).problem.premium
    assert isinstance(premium, AtQuotedVol)
    assert isinstance(premium.formula, BarrierFormula)


def test_recorded_markets_list_options_at_their_quoted_volatility(tmp_path):
    text = re.sub(r"market = .*\n", 'market = { type = "Recorded", mean_block = 21.0 }\n',
                  STUDY.read_text())  # fmt: skip
    text = text.replace('premium = { type = "BlackScholesFormula", vol = 0.2 }', "premium = 2.5")
    file = tmp_path / "study.toml"
    file.write_text(text)
    market = open_study(file).problem.market
    assert isinstance(market, Listed)
    assert isinstance(market.pricer, QuotedBlackScholes)


def test_a_market_that_is_no_table_is_refused_where_it_stands(tmp_path, capsys):
    file = tmp_path / "study.toml"
    file.write_text(re.sub(r"market = .*\n", "market = { spot = 100.0 }\n", STUDY.read_text()))
    assert command(["run", str(file), "--out", str(tmp_path / "out")]) == 2
    assert "market.market" in capsys.readouterr().err


@pytest.mark.slow
def test_the_study_runs(tmp_path):
    file = tmp_path / "study.toml"
    file.write_text(STUDY.read_text().replace("n_paths = 4096", "n_paths = 64"))
    assert command(["run", str(file), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    assert (tmp_path / "out" / "summary.json").exists()


RECORDED = STUDY.with_name("sp500_every_hedge.toml")


@pytest.mark.slow
def test_rules_are_told_the_cost_of_the_claims_asset_not_of_the_options():
    policies = open_study(RECORDED).policies
    for name in ("leland", "whalley_wilmott", "zakamouline"):
        assert float(policies[name].cost_rate) == pytest.approx(5e-4)


@pytest.mark.slow
def test_recorded_windows_list_the_options_too():
    resolved = open_study(RECORDED)
    assert resolved.study.backtest is not None
    some = {name: resolved.policies[name] for name in ("delta", "delta_gamma")}
    result = backtested(resolved, some, resolved.study.backtest)
    assert result.paths.prices.shape[1:] == (22, 3)
    assert float(result.comparison.at("delta_gamma", "cost").value) > 0.1


def test_instruments_of_a_model_have_no_record(tmp_path):
    dates = "[backtest]\nfirst = 2014-01-01\nlast = 2018-12-31\n"
    file = tmp_path / "study.toml"
    file.write_text(STUDY.read_text() + dates)
    resolved = open_study(file)
    assert resolved.study.backtest is not None
    with pytest.raises(StudyError, match="Recorded"):
        backtested(resolved, {"delta": resolved.policies["delta"]}, resolved.study.backtest)
