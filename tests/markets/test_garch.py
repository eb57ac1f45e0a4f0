"""GARCH: the recursion, unconditional moments, both measures, drawn residuals."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.markets import Garch, simulate

DAY = 1.0 / 252
JUMPY = np.random.default_rng(0).standard_t(4, 80) * 1.7 + 0.3
SYMMETRIC = Garch(spot=100.0, variance=0.04, base=0.004, news=0.2, memory=0.7)
LEVERED = Garch.example()
DRAWN = dataclasses.replace(LEVERED, residuals=JUMPY)
every = pytest.mark.parametrize(
    "model", [SYMMETRIC, LEVERED, DRAWN], ids=["symmetric", "levered", "drawn"]
)


def _paths(model, n_steps, n_paths, seed=0):
    times = DAY * jnp.arange(n_steps + 1.0)
    return simulate(model, times, n_paths, key=jax.random.key(seed))


def _within(values, truth, largest_error):
    """Within four standard errors of the truth, and the standard error small."""
    values = np.asarray(values)
    error = values.std(ddof=1) / np.sqrt(values.size)
    assert error < largest_error, error
    assert abs(values.mean() - truth) < 4.0 * error + 1e-12, (values.mean(), truth, error)


def test_variance_follows_the_recursion_of_daily_returns():
    # The textbook's units: daily log-returns, and omega = base / 252.
    model = dataclasses.replace(LEVERED, rate=0.0, dividend=0.0)
    paths = _paths(model, 30, 1)
    returns = np.diff(np.log(np.asarray(paths.prices[0, :, 0])))
    daily = 0.04 / 252
    for day, log_return in enumerate(returns):
        np.testing.assert_allclose(paths.factors[0, day, 0], 252 * daily, rtol=1e-10)
        news = log_return + 0.5 * daily
        slope = 0.03 + 0.1 * (news < 0)
        daily = 0.0008 / 252 + slope * news**2 + 0.88 * daily


@pytest.mark.slow
def test_variance_is_that_of_the_arch_package():
    arch = pytest.importorskip("arch.univariate")
    paths = _paths(dataclasses.replace(LEVERED, rate=0.0, dividend=0.0), 60, 1, seed=4)
    variances = np.asarray(paths.factors[0, :-1, 0]) / 252
    news = np.diff(np.log(np.asarray(paths.prices[0, :, 0]))) + 0.5 * variances
    model = arch.GARCH(p=1, o=1, q=1)
    parameters = np.array([0.0008 / 252, 0.03, 0.1, 0.88])
    bounds = np.tile([0.0, 1.0], (news.size, 1))
    found = model.compute_variance(parameters, news, variances.copy(), 0.0, bounds)
    # arch starts from a mean of past variances: the difference dies out like the memory.
    gap = np.log(found / variances)
    shrink = found[0] - variances[0]
    assert np.all(np.diff(np.abs(gap)) <= 1e-12)
    assert abs(found[-1] - variances[-1]) < 0.9**58 * abs(shrink) + 1e-16


@every
def test_variance_returns_to_its_unconditional_mean_at_the_rate_of_persistence(model):
    model = dataclasses.replace(model, variance=0.09)
    paths = _paths(model, 20, 8_192)
    long_variance, persistence = float(model.long_variance), float(model.persistence)
    for day in (1, 5, 20):
        mean = long_variance + (0.09 - long_variance) * persistence**day
        _within(paths.factors[:, day, 0] / mean, 1.0, 0.02)


@pytest.mark.slow
def test_unconditional_variance_and_kurtosis_are_those_of_the_formulas():
    # Bollerslev (1986), section 4: 3 (1 - (a + b)^2) / (1 - (a + b)^2 - 2 a^2).
    model = dataclasses.replace(SYMMETRIC, base=0.0052, news=0.07, memory=0.8)
    np.testing.assert_allclose(model.long_variance, 0.04, rtol=1e-12)
    paths = _paths(model, 150, 16_384, seed=1)
    variances = np.asarray(paths.factors[:, -2, 0])
    returns = np.diff(np.log(np.asarray(paths.prices[:, -2:, 0])), axis=1)[:, 0]
    news = (returns + 0.5 * variances * DAY) / np.sqrt(0.04 * DAY)
    kurtosis = 3.0 * (1.0 - 0.87**2) / (1.0 - 0.87**2 - 2.0 * 0.07**2)
    _within(news**2, 1.0, 0.02)
    _within(news**4, kurtosis, 0.15)


@every
@pytest.mark.parametrize("risk_price", [0.0, 0.15])
def test_discounted_prices_are_martingales_under_the_pricing_measure(model, risk_price):
    paths = _paths(dataclasses.replace(model, risk_price=risk_price), 126, 8_192, seed=2)
    value = paths.discount * paths.prices[:, :, 0] * paths.accrual[:, :, 0] / 100.0
    _within(value[:, 1], 1.0, 3e-4)
    _within(value[:, -1], 1.0, 4e-3)


@pytest.mark.parametrize("model", [LEVERED, DRAWN], ids=["normal", "drawn"])
def test_persistence_under_the_pricing_measure_holds_the_price_of_risk(model):
    model = dataclasses.replace(model, risk_price=0.4)
    assert float(model.persistence) > float(LEVERED.persistence) + 0.02
    after = _paths(model, 1, 65_536, seed=3).factors[:, 1, 0]
    expected = float(model.base + model.persistence * model.variance)
    _within(after / expected, 1.0, 2e-3)


def test_both_measures_of_duan_give_the_same_variance_path_to_the_same_prices():
    # The shock under one measure is that under the other less the price of risk.
    neutral = dataclasses.replace(LEVERED, risk_price=0.1)
    world = dataclasses.replace(neutral, drift=neutral.rate - neutral.dividend)
    times = DAY * jnp.arange(21.0)
    xi = jax.random.normal(jax.random.key(6), (20, 1))
    under_q, under_p = neutral.path(times, xi), world.path(times, xi - 0.1)
    np.testing.assert_allclose(under_q.prices, under_p.prices, rtol=1e-12)
    np.testing.assert_allclose(under_q.factors, under_p.factors, rtol=1e-12)
    again = world.at(world.start())
    np.testing.assert_array_equal(again.path(times, xi).prices, under_q.prices)


@every
def test_a_drift_is_the_growth_of_the_prices(model):
    paths = _paths(dataclasses.replace(model, drift=0.3), 126, 8_192, seed=7)
    _within(paths.prices[:, -1, 0] / 100.0, np.exp(0.15), 5e-3)


@pytest.mark.slow
def test_shocks_are_the_standardised_residuals_each_as_often_as_the_others():
    model = dataclasses.replace(DRAWN, rate=0.0, dividend=0.0)
    n = JUMPY.size
    z = jax.scipy.special.ndtri((jnp.arange(float(n)) + 0.5) / n)
    times = jnp.asarray([0.0, DAY])
    path = jax.vmap(lambda z: model.path(times, z[None, None]))(z)
    returns = np.log(np.asarray(path.prices[:, 1, 0]) / 100.0)
    shocks = (returns + float(model.log_moment(jnp.sqrt(0.04 * DAY)))) / np.sqrt(0.04 * DAY)
    standard = np.sort((JUMPY - JUMPY.mean()) / JUMPY.std())
    np.testing.assert_allclose(shocks, standard, atol=1e-10)
    np.testing.assert_allclose(np.mean(np.exp(returns)), 1.0, rtol=1e-12)


def test_without_news_it_is_black_and_scholes():
    model = Garch(spot=100.0, variance=0.04, base=1e-9, news=0.0, memory=1.0, rate=0.03)
    z = jax.random.normal(jax.random.key(8), (12, 1))
    times = jnp.linspace(0.0, 1.0, 13)
    path = model.path(times, z)
    exact = (0.03 - 0.02) * times[1:] + 0.2 * jnp.sqrt(1.0 / 12.0) * jnp.cumsum(z[:, 0])
    np.testing.assert_allclose(jnp.log(path.prices[1:, 0] / 100.0), exact, atol=1e-7)


@pytest.mark.slow
@every
def test_slopes_are_those_of_central_differences(model):
    @eqx.filter_jit
    def value(model):
        return jnp.mean(jnp.log1p(_paths(model, 10, 16).prices[:, -1, 0] ** 2))

    slope = eqx.filter_jit(eqx.filter_grad(value))(model)
    for name in ("variance", "base", "news", "memory", "rate"):
        center = float(getattr(model, name))
        up, down = (
            float(value(dataclasses.replace(model, **{name: center + h}))) for h in (1e-6, -1e-6)
        )
        np.testing.assert_allclose(getattr(slope, name), (up - down) / 2e-6, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("residuals", [[1.0, 1.0], [[1.0, 2.0]], [0.0, np.nan]])
def test_residuals_without_a_law_are_refused(residuals):
    with pytest.raises(ValueError, match="`residuals` must be a row of finite numbers"):
        dataclasses.replace(LEVERED, residuals=residuals)
