"""The studies: what must hold whatever the numbers are, at small sizes."""

import importlib.util
import pathlib
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

FOLDER = pathlib.Path(__file__).parents[2] / "experiments"


@pytest.fixture
def load(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)

    def found(name):
        spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return found


@pytest.mark.slow
def test_a_rule_that_counts_dates_is_the_same_told_by_the_clock(load):
    study = load("how_good_is_deep_hedging")
    from deephedge.policies import DeltaHedge, RebalanceEvery
    from deephedge.rollout import sample

    problem = study.Cell("black-scholes", 10, 1.0, 0.002).problem()
    counting = RebalanceEvery(DeltaHedge(problem.claim, study.FORMULA), 3)
    told = study.by_the_clock(counting, problem)
    key = jax.random.key(0)
    one, two = (sample(problem, policy, 64, key=key).trades for policy in (counting, told))
    np.testing.assert_allclose(np.asarray(one), np.asarray(two), atol=1e-12)
    assert told.init() is None


@pytest.mark.slow
def test_shares_of_the_way_are_in_order(load):
    study = load("how_good_is_deep_hedging")
    cell = study.Cell("black-scholes", 10, 1.0, 0.002)
    rules = study.find(cell)["rules"]
    assert rules["delta"]["share"] == 0.0
    assert max(rule["share"] for rule in rules.values()) < 1.0
    # Leland's rule is Boyle and Vorst's with a lower volatility; a band is better than either.
    assert 0 < rules["Leland"]["share"] < rules["delta band, best width"]["share"]
    found = {cell.name: {"rules": rules, "delta": 2.81, "optimum": 2.75}}
    assert "Zakamouline" in study.table(found)
    study.draw(found)


@pytest.mark.slow
def test_no_budget_of_training_is_below_the_optimum(load):
    study = load("when_is_it_worth_it")
    cell = study.find(0.002, {"short": (30, 512)})
    least = min(cell["classical"].values())
    assert cell["optimum"] < min(cell["learned"]["short"]["risks"])
    assert least < cell["classical"]["delta"]
    assert study.saved(cell, least, None)[0] > study.saved(cell, least, "short")[0]


@pytest.mark.slow
def test_without_a_drift_there_is_nothing_to_speculate_on(load):
    study = load("speculation_or_hedging")
    flat, drifting = study.find_exact(0.0, 0.1), study.find_exact(0.1, 0.1)
    # To hold nothing is best, up to the grid.
    assert abs(flat["without"]) < 1e-9
    assert abs(flat["opinion wrong"]) < 1e-6
    assert drifting["without"] < 0 and drifting["held without"] > 0
    # The best hedge is the best; an opinion that is wrong costs.
    assert drifting["with"] < drifting["without an opinion"]
    assert drifting["opinion wrong"] > 0
    # In a complete market the price knows no drift (Davis, Panas and Zariphopoulou, 1993); costs
    # and ten dates move it by far less than they move the risk.
    moved = drifting["with"] - flat["with"]
    price = drifting["with"] - drifting["without"] - flat["with"]
    assert abs(price) < 0.2 * abs(moved)


@pytest.mark.slow
def test_what_all_markets_show_is_the_weighted_volatility_of_the_past(load):
    study = load("does_it_survive_being_wrong")
    from deephedge.markets import simulate
    from deephedge.policies import EWMA

    market = study.trained_in("Heston")
    paths = simulate(
        market, study.time_grid(study.MATURITY, study.N_DATES), 2, key=jax.random.key(0)
    )
    forecast = EWMA(start=study.VOL, decay=study.DECAY)
    returns = jnp.diff(jnp.log(paths.prices[0, :, 0]))
    memory, vols = forecast.init(), [study.VOL]
    for move, step in zip(returns, jnp.diff(paths.time[0]), strict=True):
        memory = forecast.update(move**2 / step, move, memory)
        vols.append(float(forecast.vol(memory)))
    np.testing.assert_allclose(np.asarray(paths.factors[0, :, 0]), vols, rtol=1e-6)


@pytest.mark.slow
def test_a_policy_has_no_regret_at_home(load, tmp_path):
    study = load("does_it_survive_being_wrong")
    study.PATHS = 4096
    files = {name: tmp_path / f"{name}.eqx" for name in ("Black–Scholes", "Heston")}
    for name, file in files.items():
        study.find_training(name, file, 5)
    cell = study.find_test("Heston", files)
    assert study.regret(cell, "Heston") == (0.0, 0.0)
    assert cell["home"] == "Heston"
    assert study.regret(cell, "delta")[0] > 0
    found = {"tested in Heston": cell}
    assert "Black–Scholes" in study.table(found)
    study.draw(found)
