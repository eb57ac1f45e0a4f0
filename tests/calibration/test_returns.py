"""Maximum likelihood from a history of prices finds the parameters that made it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from deephedge.calibration import fit_black_scholes, fit_garch, fit_merton
from deephedge.calibration.garch import garch_log_density
from deephedge.calibration.returns import merton_log_density
from deephedge.markets import BlackScholes, Garch, Merton, simulate

DT = 1 / 252
MERTON = Merton(spot=100.0, vol=0.15, intensity=10.0, jump_mean=-0.02, jump_vol=0.03, drift=0.08)


def history(market, n_steps, seed, n_paths=1):
    times = DT * jnp.arange(n_steps + 1, dtype=float)
    paths = simulate(market, times, n_paths, key=jax.random.key(seed))
    return np.asarray(paths.prices[:, :, 0])


def within(fit, market, deviations=4.0):
    for name, value in fit.parameters.items():
        truth = float(np.squeeze(vars(market)[name]))
        assert abs(value - truth) < deviations * fit.standard_errors[name], name


def test_black_scholes_is_found_and_its_intervals_cover():
    market = BlackScholes(spot=100.0, vol=0.2, drift=0.07)
    fits = [fit_black_scholes(prices, dt=DT) for prices in history(market, 252, 0, n_paths=400)]
    for name, truth in (("vol", 0.2), ("drift", 0.07)):
        hits = [abs(f.parameters[name] - truth) < 1.96 * f.standard_errors[name] for f in fits]
        assert 0.92 < np.mean(hits) < 0.98, name
    within(fits[0], market)


def test_the_black_scholes_likelihood_is_that_of_scipy():
    prices = history(BlackScholes(spot=100.0, vol=0.2, drift=0.07), 50, 1)[0]
    fit, returns = fit_black_scholes(prices, dt=DT), np.diff(np.log(prices))
    expected = np.sum(stats.norm.logpdf(returns, *stats.norm.fit(returns)))
    assert fit.log_likelihood == pytest.approx(expected, rel=1e-10)
    assert float(fit.model.spot[0]) == prices[-1]


def test_the_merton_density_integrates_to_one_with_the_right_mean():
    parameters = jnp.array([0.08, 0.15, 10.0, -0.02, 0.03])
    x = np.linspace(-0.6, 0.6, 200_001)
    density = np.exp(np.asarray(merton_log_density(parameters, jnp.asarray(x), jnp.asarray(DT))))
    assert integrate.simpson(density, x=x) == pytest.approx(1.0, abs=1e-10)
    growth = integrate.simpson(density * np.exp(x), x=x)
    assert growth == pytest.approx(np.exp(0.08 * DT), abs=1e-10)


@pytest.mark.slow
def test_merton_is_found_within_its_standard_errors():
    prices = history(MERTON, 8000, 2)[0]
    fit = fit_merton(prices, dt=DT)
    assert fit.converged
    within(fit, MERTON)
    assert fit.standard_errors["vol"] < 0.003
    assert fit.standard_errors["intensity"] < 3.0
    truth = jnp.array([0.08, 0.15, 10.0, -0.02, 0.03])
    returns = jnp.diff(jnp.log(jnp.asarray(prices)))
    assert fit.log_likelihood > float(jnp.sum(merton_log_density(truth, returns, jnp.asarray(DT))))


@pytest.mark.slow
def test_garch_is_found_within_its_standard_errors_and_goes_on_from_the_last_day():
    market = Garch(
        spot=100.0, variance=0.04, base=0.002, news=0.08, memory=0.87, rate=0.0, drift=0.06
    )
    times = DT * jnp.arange(6001, dtype=float)
    path = simulate(market, times, 1, key=jax.random.key(3))
    prices, variances = np.asarray(path.prices[0, :, 0]), np.asarray(path.factors[0, :, 0])
    fit = fit_garch(prices, dt=DT)
    assert fit.converged
    within(fit, market)
    assert fit.standard_errors["memory"] < 0.03
    assert float(fit.model.variance) == pytest.approx(variances[-1], rel=0.05)


@pytest.mark.slow
def test_a_search_cut_short_has_not_converged():
    prices = history(BlackScholes(spot=100.0, vol=0.2, drift=0.07), 500, 4)[0]
    assert not fit_garch(prices, dt=DT, max_steps=1).converged


def test_the_garch_likelihood_is_that_of_arch():
    from arch import arch_model

    prices = history(BlackScholes(spot=100.0, vol=0.2, drift=0.07), 500, 4)[0]
    # A thousandth of the returns: our log-returns have mean -variance / 2, which then vanishes.
    returns = 1e-3 * np.diff(np.log(prices))
    omega, alpha, beta = 2e-11, 0.1, 0.8
    theirs = arch_model(returns, mean="Zero", rescale=False).fix([omega, alpha, beta])
    ours = garch_log_density(
        jnp.array([0.0, omega, alpha, beta]), jnp.asarray(returns), jnp.asarray(1.0)
    )
    late = slice(250, None)  # when both have forgotten their first variance
    scale = np.asarray(theirs.conditional_volatility)
    expected = stats.norm.logpdf(returns, scale=scale)[late]
    np.testing.assert_allclose(np.asarray(ours)[late], expected, atol=1e-4)


def refused(message, fit, *arguments, **options):
    with pytest.raises(ValueError, match=message):
        fit(*arguments, **options)


def test_bad_histories_are_refused():
    prices = history(MERTON, 20, 0)[0]
    refused("`prices` must be one column of 10 or more", fit_merton, prices[:5], dt=DT)
    refused("`prices` must be positive, got -1 in row 3", fit_merton, [1, 1, -1] * 5, dt=DT)
    refused("`dt` must be positive", fit_black_scholes, prices, dt=0.0)
    refused("`prices` must move", fit_black_scholes, np.ones(20), dt=DT)
    still = Merton(spot=1.0, vol=0.1, intensity=0.0, jump_mean=0.0, jump_vol=0.1)
    refused("`intensity` must start above 0", fit_merton, prices, dt=DT, start=still)
