import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from deephedge.backtest import by_episode, by_hidden_regime, by_stated_rule, regime_filter
from deephedge.calibration import HiddenRegimes, fit_hidden_regimes, regime_standard_errors
from deephedge.numerics import hidden_markov
from deephedge.policies import RegimeFilter

TRUE = HiddenRegimes(
    means=[0.2, -0.3], vols=[0.1, 0.35], transition=[[0.98, 0.02], [0.05, 0.95]], dt=1 / 252
)
N = 4000


def simulated(n=N, seed=0):
    """Prices and the regimes that made them."""
    random = np.random.default_rng(seed)
    moves, regimes = np.asarray(TRUE.transition), np.zeros(n, dtype=int)
    for t in range(1, n):
        regimes[t] = random.random() > moves[regimes[t - 1], 0]
    means, vols = np.asarray(TRUE.means), np.asarray(TRUE.vols)
    returns = means[regimes] / 252 + vols[regimes] / np.sqrt(252) * random.standard_normal(n)
    index = pd.bdate_range("1980-01-01", periods=n + 1)
    return pd.Series(100 * np.exp(np.cumsum(np.append(0.0, returns))), index=index), regimes


@pytest.fixture(scope="module")
def fitted():
    closes, regimes = simulated()
    return closes, regimes, fit_hidden_regimes(closes.to_numpy(), n_iterations=100)


@pytest.mark.slow
def test_parameters_are_recovered_within_four_standard_errors(fitted):
    closes, _, model = fitted
    errors = regime_standard_errors(model, closes.to_numpy())
    # About n/3 days of turmoil: a volatility is known to 1/sqrt(2 * 1100), 2 %.
    assert float(errors.vols[0] / model.vols[0]) < 0.03
    assert float(errors.vols[1] / model.vols[1]) < 0.03
    assert np.all(np.diag(errors.transition) < 0.01)
    assert np.all(np.abs(model.vols - TRUE.vols) < 4 * errors.vols)
    assert np.all(np.abs(model.means - TRUE.means) < 4 * errors.means)
    moved = np.abs(np.diag(model.transition) - np.diag(TRUE.transition))
    assert np.all(moved < 4 * np.diag(errors.transition))


def test_the_fit_is_a_maximum_of_the_likelihood(fitted):
    closes, _, model = fitted
    returns = jnp.asarray(np.diff(np.log(closes.to_numpy())))

    @eqx.filter_jit
    def likelihood(model, factors):
        vols = model.vols * factors
        return HiddenRegimes(model.means, vols, model.transition, model.dt).log_likelihood(returns)

    found = float(likelihood(model, jnp.ones(2)))
    assert found > float(likelihood(TRUE, jnp.ones(2)))
    for factors in ([0.99, 1.0], [1.01, 1.0], [1.0, 0.99], [1.0, 1.01]):
        assert found > float(likelihood(model, jnp.asarray(factors)))


def test_filtered_chances_name_the_regime_most_of_the_time(fitted):
    closes, regimes, model = fitted
    chances = by_hidden_regime(closes, model).to_numpy()
    assert np.mean((chances[:, 1] > 0.5) == (regimes == 1)) > 0.9
    np.testing.assert_allclose(chances.sum(axis=1), 1.0, rtol=1e-12)


def test_no_chance_and_no_label_knows_a_later_price(fitted):
    closes, _, model = fitted
    ruined = closes.copy()
    ruined.iloc[2001:] *= 0.3
    for known in (lambda x: by_hidden_regime(x, model), by_stated_rule):
        before, after = known(closes), known(ruined)
        date = closes.index[2000]
        np.testing.assert_array_equal(before.loc[:date], after.loc[:date])
        assert not np.array_equal(before.to_numpy(), after.to_numpy())


def test_the_smoother_agrees_with_every_chain_counted():
    # Three dates, two states: the sum over all eight chains.
    density = np.log(np.array([[0.5, 0.1], [0.2, 0.9], [0.4, 0.3]]))
    start, moves = np.array([0.6, 0.4]), np.array([[0.9, 0.1], [0.3, 0.7]])
    weights = np.zeros((2, 2, 2))
    for i, j, k in np.ndindex(2, 2, 2):
        chain = start[i] * moves[i, j] * moves[j, k]
        weights[i, j, k] = chain * np.exp(density[0, i] + density[1, j] + density[2, k])
    total = weights.sum()
    after, before, gain = hidden_markov.filtered(*map(jnp.asarray, (start, moves, density)))
    smooth, pairs = hidden_markov.smoothed(after, before, jnp.asarray(moves), jnp.ones(3))
    np.testing.assert_allclose(gain, np.log(total), rtol=1e-12)
    np.testing.assert_allclose(smooth[1], weights.sum(axis=(0, 2)) / total, rtol=1e-12)
    np.testing.assert_allclose(smooth[2], after[2], rtol=1e-12)
    expected = (weights.sum(axis=2) + weights.sum(axis=0)) / total
    np.testing.assert_allclose(pairs, expected, rtol=1e-12)


def test_the_forecast_is_the_filter_of_the_model():
    closes, _ = simulated(60, seed=3)
    returns = np.diff(np.log(closes.to_numpy()))
    forecast = regime_filter(TRUE)
    assert isinstance(forecast, RegimeFilter)
    update, memory = eqx.filter_jit(forecast.update), forecast.init()
    for x in returns:
        memory = update(jnp.asarray(252 * x**2), jnp.asarray(x), memory)
    last = by_hidden_regime(closes, TRUE).to_numpy()[-1]
    ahead = last @ np.asarray(TRUE.transition)
    np.testing.assert_allclose(memory, ahead, rtol=1e-10)
    means, vols = np.asarray(TRUE.means), np.asarray(TRUE.vols)
    variance = ahead @ (vols**2 + (means - ahead @ means) ** 2 / 252)
    np.testing.assert_allclose(forecast.vol(memory), np.sqrt(variance), rtol=1e-10)


def test_the_stated_rule_says_what_it_states():
    index = pd.bdate_range("2000-01-03", periods=300)
    calm = np.full(100, 1.0001)
    slide = np.full(80, 0.998)  # 15 % in all, at a volatility of 3 %
    jumps = np.tile([0.97, 1.01], 60)  # 2 % a day: a volatility above 30 %
    closes = pd.Series(100 * np.cumprod(np.concatenate([calm, slide, jumps])), index=index)
    label = by_stated_rule(closes)
    assert set(label.iloc[:100]) == {"calm"}
    assert label.iloc[179] == "stress"
    assert label.iloc[-1] == "crash"


def test_named_episodes_are_those_that_the_dates_reach():
    dates = np.arange("1999-01-01", "2009-01-01", dtype="datetime64[D]")
    episodes = by_episode(dates)
    assert list(episodes) == ["2000-02", "2008"]
    assert dates[episodes["2000-02"]][-1] == np.datetime64("2002-10-09")


def test_a_step_without_observation_is_as_good_as_not_there():
    density = jnp.asarray(np.log(np.array([[0.5, 0.1], [0.2, 0.9], [1.0, 1.0]])))
    start, moves = jnp.asarray([0.6, 0.4]), jnp.asarray([[0.9, 0.1], [0.3, 0.7]])

    def both(density, known):
        after, before, gain = hidden_markov.filtered(start, moves, density)
        return gain, hidden_markov.smoothed(after, before, moves, known)

    gain, (smooth, pairs) = both(density, jnp.asarray([1.0, 1.0, 0.0]))
    without, (smooth_without, pairs_without) = both(density[:2], jnp.ones(2))
    np.testing.assert_allclose(gain, without, rtol=1e-12)
    np.testing.assert_allclose(smooth[:2], smooth_without, rtol=1e-12)
    np.testing.assert_allclose(pairs, pairs_without, rtol=1e-12)


def test_too_few_prices_are_refused():
    with pytest.raises(ValueError, match="must have at least 40 returns for 2 regimes, got 29"):
        fit_hidden_regimes(100 + np.arange(30.0))
