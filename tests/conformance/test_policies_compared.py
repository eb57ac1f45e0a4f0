"""The comparison on the S&P 500 leaves no policy out; its problems are built, and little is run."""

import importlib.util
import pathlib
import sys
import tomllib

import numpy as np
import pytest
from family_finder import members

import deephedge.policies
from deephedge.policies import AbstractPolicy

FOLDER = pathlib.Path(__file__).parents[2] / "experiments"


def loaded(name):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # its dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def experiment(deltas):
    yield loaded("sp500_every_strategy")
    del sys.modules["sp500_every_strategy"]


@pytest.fixture(scope="module")
def deltas():
    yield loaded("sp500_deltas")
    del sys.modules["sp500_deltas"]


def test_every_policy_stands_in_the_comparison(experiment):
    names = {member.__name__ for member in members(deephedge.policies, AbstractPolicy)}
    missing = names - experiment.covered() - experiment.ELSEWHERE
    assert not missing, "add them to a study of experiments/sp500_every_strategy.py"
    assert experiment.covered() | experiment.ELSEWHERE <= names
    assert not experiment.covered() & experiment.ELSEWHERE


def test_every_group_has_its_two_measures_of_comparison(experiment):
    for plan in experiment.PLANS.values():
        for name in plan.studies:
            study = tomllib.loads((FOLDER / "studies" / f"{name}.toml").read_text())
            assert {plan.nothing, plan.static} <= set(study["policies"])
            assert {"first", "last"} <= set(study["backtest"])


@pytest.mark.slow
def test_the_numbers_of_the_deltas_are_those_fitted_to_1999_to_2003(experiment, deltas):
    found = deltas.fitted()
    study = tomllib.loads((FOLDER / "studies" / "sp500_every_hedge.toml").read_text())
    stated = study["policies"]["bartlett"] | study["policies"]["hull_white"]
    for name in ("slope", "level", "linear", "quadratic"):
        assert stated[name] == pytest.approx(found[name], abs=5.1e-4)
    for name in ("mean_reversion", "long_variance", "vol_of_variance", "correlation"):
        assert float(vars(deltas.HESTON)[name]) == pytest.approx(found[name], abs=5.1e-4)


@pytest.mark.slow
def test_deals_break_as_often_as_stated_and_end_where_the_deal_does(experiment):
    found = experiment.mergers()
    pnl = {name: np.asarray(x.pnl) for name, x in found.outcomes.items()}
    # Unless it breaks the spread is locked in, whatever the index did, less costs. A few deals
    # break for a gain, the target being worth more alone by then.
    best = np.abs(pnl["spread"] - np.median(pnl["spread"])) < 0.5
    share, expected = np.mean(~best), -np.expm1(-0.2 * 0.5)
    assert share == pytest.approx(expected, abs=4 * np.sqrt(expected * 0.905 / len(best)))
    assert np.std(pnl["spread"][best]) < 0.05
