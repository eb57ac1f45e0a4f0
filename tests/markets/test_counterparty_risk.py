"""Survival, expected loss and martingales under a counterparty's default, in closed form."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import Call
from deephedge.cli.resolve import open_study
from deephedge.costs import NoCost
from deephedge.markets import BlackScholes, CounterpartyRisk, simulate
from deephedge.policies import StaticHedge
from deephedge.rollout import HedgingProblem, replay, time_grid

MODEL = BlackScholes(spot=[100.0, 40.0], vol=[0.2, 0.1], rate=0.03, dividend=0.05)
LAMBDA, N = 0.3, 40_000
KEY = jax.random.key(2)


@eqx.filter_jit
def driven(market, times, normals):
    return market.path(times, normals)


def discounted(market, horizon, n_steps):
    """Discounted prices with dividends, over their start, and whether dead, at the last date."""
    times = jnp.linspace(0.0, horizon, n_steps + 1)
    paths = simulate(market, times, N, key=KEY)
    value = paths.discount[:, :, None] * paths.prices * paths.accrual
    return np.asarray(value[:, -1] / value[:, 0]), np.asarray(paths.factors[:, -1, -1])


@pytest.mark.parametrize(("horizon", "n_steps"), [(0.5, 2), (3.0, 6)])
def test_survival_and_the_expected_loss_of_a_contract_marked_as_safe(horizon, n_steps):
    market = CounterpartyRisk(MODEL, [1], intensity=LAMBDA, recovery=0.4)
    value, dead = discounted(market, horizon, n_steps)
    default = 1.0 - math.exp(-LAMBDA * horizon)
    error = math.sqrt(default * (1.0 - default) / N)
    assert error < 0.003 and abs(dead.mean() - default) < 4.0 * error
    for asset, loss in ((0, 0.0), (1, 0.6 * default)):
        error = value[:, asset].std() / math.sqrt(N)
        assert error < 0.003
        assert abs(value[:, asset].mean() - (1.0 - loss)) < 4.0 * error


@pytest.mark.parametrize(
    ("recovery", "horizon", "n_steps"),
    [
        (0.0, 1.0, 1),
        (0.4, 2.0, 8),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in ((0.4, 1.0, 1), (1.0, 1.0, 1), (0.0, 2.0, 8), (1.0, 2.0, 8))
        ),
    ],
)
def test_priced_default_leaves_a_martingale(recovery, horizon, n_steps):
    market = CounterpartyRisk(
        MODEL, [1], intensity=LAMBDA, recovery=recovery, priced_intensity=LAMBDA
    )
    value, _ = discounted(market, horizon, n_steps)
    error = value[:, 1].std() / math.sqrt(N)
    assert error < 5e-3
    assert abs(value[:, 1].mean() - 1.0) < 4.0 * error


def test_the_pricing_measure_has_the_intensity_that_is_priced():
    unpriced = CounterpartyRisk(MODEL, [1], intensity=LAMBDA)
    assert float(unpriced.at(unpriced.start()).intensity) == 0.0
    priced = CounterpartyRisk(MODEL, [1], intensity=LAMBDA, priced_intensity=0.1)
    assert float(priced.at(priced.start()).intensity) == pytest.approx(0.1)


@pytest.mark.slow
def test_nothing_is_earned_after_a_default_and_other_assets_do_not_notice():
    market = CounterpartyRisk(MODEL, [1], intensity=2.0, recovery=0.4, priced_intensity=0.5)
    times = time_grid(1.0, 8)
    paths = simulate(market, times, 200, key=KEY)
    dead = np.asarray(paths.factors[:, :, -1]) > 0.0
    assert 0.5 < dead[:, -1].mean() < 1.0
    value = np.asarray(paths.discount * paths.prices[:, :, 1])
    frozen = dead[:, :-1]
    assert np.all(dead[:, 1:][frozen])
    np.testing.assert_allclose(value[:, 1:][frozen], value[:, :-1][frozen], rtol=1e-12)
    accrual = np.asarray(paths.accrual[:, :, 1])
    np.testing.assert_array_equal(accrual[:, 1:][frozen], accrual[:, :-1][frozen])
    problem = HedgingProblem(
        market, Call(strike=100.0, maturity=1.0), NoCost(), times, close_out=False
    )
    gains = np.asarray(replay(problem, StaticHedge(units=[0.0, 1.0]), paths).gains)
    np.testing.assert_allclose(gains[frozen], 0.0, atol=1e-12)
    assert np.all(gains[~frozen] != 0.0)

    normals = jax.random.normal(KEY, (8, 3))
    with_risk, without = driven(market, times, normals), driven(MODEL, times, normals[:, :2])
    np.testing.assert_array_equal(with_risk.prices[:, 0], without.prices[:, 0])
    np.testing.assert_array_equal(with_risk.accrual[:, 0], without.accrual[:, 0])
    alive = np.asarray(with_risk.factors[:, 0]) == 0.0
    earned = np.exp(0.6 * 0.5 * np.asarray(times))
    expected = np.asarray(without.prices[:, 1]) * earned
    np.testing.assert_allclose(with_risk.prices[alive, 1], expected[alive], rtol=1e-12)


def test_what_is_owed_to_a_defaulted_counterparty_is_owed_in_full():
    times, normals = jnp.asarray([0.0, 1.0]), jnp.asarray([[0.0, 0.0, -9.0]])
    still = BlackScholes(spot=[100.0, 40.0], vol=[0.0, 0.0])
    for spot, left in ((40.0, 16.0), (-40.0, -40.0)):
        model = eqx.tree_at(lambda m: m.spot, still, jnp.asarray([100.0, spot]))
        market = CounterpartyRisk(model, [1], intensity=1.0, recovery=0.4)
        path = driven(market, times, normals)
        assert float(path.factors[-1, -1]) == 1.0
        np.testing.assert_allclose(path.prices[-1], [100.0, left], rtol=1e-12)


def test_a_study_reaches_it_by_its_name(tmp_path):
    file = tmp_path / "study.toml"
    file.write_text(
        """
        [market]
        type = "CounterpartyRisk"
        model = { type = "BlackScholes", spot = [100.0, 40.0], vol = [0.2, 0.3] }
        assets = [1]
        intensity = 0.02

        [claim]
        type = "Call"
        strike = 100.0
        maturity = 0.25

        [cost]
        type = "NoCost"

        [problem]
        n_steps = 4
        close_out = true

        [policies.none]
        type = "NoHedge"

        [measures.entropic]
        type = "Entropic"
        aversion = 1.0
        """
    )
    market = open_study(file).problem.market
    assert isinstance(market, CounterpartyRisk) and market.assets == (1,)


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"assets": [2]}, r"`assets` must be columns of the model's prices, 0 to 1, got \[2\]"),
        ({"assets": []}, "`assets` must be columns"),
        ({"recovery": 1.5}, "`recovery` must be at most 1, got 1.5"),
        ({"intensity": -1.0}, "`intensity` must be zero or positive"),
    ],
)
def test_bad_terms_are_refused(terms, message):
    with pytest.raises(ValueError, match=message):
        CounterpartyRisk(MODEL, **{"assets": [1], "intensity": 0.02, **terms})
