"""A comparison says what each policy's P&L says, and its errors are honest."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.backtest import block_weights
from deephedge.claims import Call
from deephedge.costs import ProportionalCost
from deephedge.markets import BlackScholes, simulate
from deephedge.numerics.draws import antithetic
from deephedge.policies import DeltaHedge, NoHedge
from deephedge.pricing import BlackScholesFormula
from deephedge.reports import compare, compare_recorded
from deephedge.risk import Entropic, ExpectedShortfall
from deephedge.rollout import HedgingProblem, sample, time_grid

CALL = Call(strike=100.0, maturity=0.25)
MARKET = BlackScholes(spot=100.0, vol=0.2, rate=0.0)
HEDGE = DeltaHedge(CALL, BlackScholesFormula(vol=0.2, rate=0.0))
LATE = DeltaHedge(CALL, BlackScholesFormula(vol=0.25, rate=0.0))
PROBLEM = HedgingProblem(
    MARKET, CALL, ProportionalCost(0.001), time_grid(0.25, 5), 4.0, close_out=True
)
POLICIES = {"delta": HEDGE, "none": NoHedge(), "high vol": LATE}
MEASURES = {"entropic": Entropic(0.5), "shortfall": ExpectedShortfall(0.1)}
KEY = jax.random.key(3)


@functools.cache
def result():
    return compare(PROBLEM, POLICIES, MEASURES, n_paths=2000, key=KEY, optimum={"entropic": 0.5})


@pytest.mark.parametrize("name", POLICIES)
def test_values_are_those_of_the_same_paths(name):
    ledger = sample(PROBLEM, POLICIES[name], 2000, key=KEY)
    for measure in MEASURES:
        value = result().at(name, measure).value
        np.testing.assert_allclose(value, MEASURES[measure](ledger.pnl), rtol=1e-12)
    value = result().at(name, "turnover").value
    paths = simulate(MARKET, PROBLEM.times, 2000, key=KEY)
    traded = jnp.abs(ledger.trades) * paths.discount[..., None] * paths.prices
    np.testing.assert_allclose(value, jnp.mean(jnp.sum(traded, axis=(1, 2))), rtol=1e-12)


def test_on_the_same_paths_a_difference_is_better_known_than_either_value():
    close = result().at("high vol", "entropic")
    assert close.difference_error < 0.5 * close.standard_error
    assert result().at("delta", "entropic").difference == 0


def test_optimality_share_runs_from_baseline_to_optimum():
    at = result().at("high vol", "entropic")
    base = result().at("delta", "entropic").value
    assert result().at("delta", "entropic").optimality_share == 0
    np.testing.assert_allclose(at.optimality_share, (base - at.value) / (base - 0.5), rtol=1e-12)


def test_a_certificate_shows_how_much_a_better_hedge_might_save():
    proven = result().certified({"entropic": 0.25})
    at = proven.at("high vol", "entropic")
    np.testing.assert_allclose(at.value * (1 - at.gap), 0.25, rtol=1e-12)
    assert at.gap_error == pytest.approx(at.standard_error * 0.25 / at.value**2, rel=1e-12)
    assert f"{at.gap:.2%} ±" in str(proven)
    assert "No hedge has entropic below 0.25." in proven.caption
    assert proven.summary()["certificate"] == {"entropic": 0.25}
    assert all(e.gap is None for e in proven.estimates if e.measure != "entropic")


@pytest.mark.slow
def test_the_error_of_an_optimality_share_is_that_of_repeated_comparisons():
    policies, measure = {"high vol": LATE, "delta": HEDGE}, {"e": Entropic(0.1)}
    shares, errors = [], []
    for seed in range(200):
        key = jax.random.key(seed)
        one = compare(PROBLEM, policies, measure, n_paths=2000, key=key, optimum=-0.5)
        shares.append(one.at("delta", "e").optimality_share)
        errors.append(one.at("delta", "e").optimality_share_error)
    # A standard deviation of 200 comparisons is known to 1 / sqrt(400) = 5 %; three of those.
    np.testing.assert_allclose(np.mean(errors), np.std(shares, ddof=1), rtol=0.15)
    assert one.at("high vol", "e").optimality_share_error == 0


@pytest.mark.slow
def test_intervals_cover_the_true_difference_as_often_as_they_say():
    policies = {"delta": HEDGE, "high vol": LATE}
    many = compare(PROBLEM, policies, {"e": Entropic(0.5)}, n_paths=400_000, key=KEY)
    truth, covered = many.at("high vol", "e").difference, 0
    for seed in range(100):
        few = compare(
            PROBLEM, policies, {"e": Entropic(0.5)}, n_paths=500, key=jax.random.key(seed)
        )
        e = few.at("high vol", "e")
        covered += e.difference_low <= truth <= e.difference_high
    # 95 of 100 within four binomial standard errors of 2.2.
    assert 86 <= covered


def test_antithetic_pairs_are_not_counted_as_independent():
    result = compare(PROBLEM, POLICIES, MEASURES, n_paths=2000, key=KEY, draws=antithetic)
    pnl = np.asarray(result.outcomes["none"].pnl).reshape(-1, 2).mean(axis=1)
    expected = pnl.std() / np.sqrt(1000)
    np.testing.assert_allclose(result.at("none", "mean P&L").standard_error, expected, rtol=1e-9)
    with pytest.raises(ValueError, match="pass `n_paths=2002`"):
        compare(PROBLEM, POLICIES, MEASURES, n_paths=2001, key=KEY, draws=antithetic)


@pytest.mark.slow
def test_recorded_errors_of_single_path_blocks_are_those_of_independent_paths():
    paths = simulate(MARKET, PROBLEM.times, 2000, key=KEY)
    weights = block_weights(2000, mean_block=1.0, n_resamples=400, seed=1)
    recorded = compare_recorded(PROBLEM, POLICIES, MEASURES, paths, weights=weights)
    for name in POLICIES:
        ours, theirs = recorded.at(name, "shortfall"), result().at(name, "shortfall")
        np.testing.assert_allclose(ours.value, theirs.value, rtol=1e-12)
        # A standard deviation of 400 resamples is known to 1 / sqrt(800) = 3.5 %.
        np.testing.assert_allclose(ours.standard_error, theirs.standard_error, rtol=0.15)


def test_tables_fit_and_say_how_to_read_them():
    text = str(result())
    assert max(map(len, text.splitlines())) <= 110
    for said in ("2,000 paths", "Baseline: delta", "less is better", "influence functions"):
        assert said in " ".join(text.split())
    assert json.loads(json.dumps(result().summary()))["policies"]["none"]["trades"]["value"] == 0
    assert len(result().frame()) == len(POLICIES) * len(result().quantities)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="must be one of delta"):
        compare(PROBLEM, POLICIES, MEASURES, n_paths=10, key=KEY, baseline="gamma")
    with pytest.raises(ValueError, match="which measure"):
        compare(PROBLEM, POLICIES, MEASURES, n_paths=10, key=KEY, optimum=1.0)
