"""Local volatility reproduces the surface that it was read off."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.interpolate import CubicSpline
from scipy.stats import norm

from deephedge.claims import Call
from deephedge.markets import (
    CEV,
    BlackScholes,
    LocalVolatility,
    local_variance,
    local_variance_of_calls,
    local_vols,
    simulate,
)
from deephedge.numerics import natural_cubic
from deephedge.numerics.draws import antithetic
from deephedge.pricing import BlackScholesFormula, CEVFormula

MATURITIES = jnp.asarray([0.002, 0.01, 0.03, 0.07, 0.15, 0.25, 0.5, 0.75, 1.0])
MONEYNESS = jnp.linspace(-1.0, 0.6, 81)


def ssvi(k, maturity):
    """Gatheral and Jacquier (2014), equation 4.1, with their power-law phi."""
    theta, rho, eta, gamma = 0.04 * maturity + 0.01 * maturity**2, -0.6, 0.9, 0.4
    phi = eta / (theta**gamma * (1.0 + theta) ** (1.0 - gamma))
    return 0.5 * theta * (1.0 + rho * phi * k + jnp.sqrt((phi * k + rho) ** 2 + 1.0 - rho**2))


def _model(vols, maturities=MATURITIES, moneyness=MONEYNESS):
    return LocalVolatility(
        spot=100.0,
        vols=vols,
        maturities=maturities,
        log_moneyness=moneyness,
        rate=0.03,
        dividend=0.01,
    )


def test_spline_is_the_natural_one():
    nodes, values = np.array([0.0, 0.3, 1.0, 1.2, 2.0]), np.array([1.0, 2.0, 0.5, 0.7, -1.0])
    x, y, at = jnp.asarray(nodes), jnp.asarray(values), np.linspace(0.0, 2.0, 41)
    bends = natural_cubic.curvatures(x, y[None])[0]
    got = jax.vmap(lambda at: natural_cubic.evaluate(x, y, bends, at))(at)
    expected = CubicSpline(nodes, values, bc_type="natural")(at)
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.slow
def test_local_variance_of_cev_calls_is_the_power_law():
    model = CEV(spot=100.0, scale=2.0, exponent=0.5, rate=0.03, dividend=0.01)

    def call(strike, maturity):
        return CEVFormula(model).price(Call(strike=strike, maturity=maturity), model.start())

    @jax.jit
    @jax.vmap
    def variance(strike):
        rate, dividend = jnp.asarray(0.03), jnp.asarray(0.01)
        return local_variance_of_calls(call, strike, jnp.asarray(0.7), rate=rate, dividend=dividend)

    strikes = jnp.asarray([70.0, 100.0, 140.0])
    np.testing.assert_allclose(variance(strikes), 4.0 / strikes, rtol=1e-8)


@pytest.mark.slow
def test_both_forms_of_dupire_agree():
    rate, dividend = jnp.asarray(0.03), jnp.asarray(0.01)
    strike, maturity = jnp.asarray(85.0), jnp.asarray(0.6)

    def call(strike, maturity):
        k = jnp.log(strike / 100.0) - (rate - dividend) * maturity
        formula = BlackScholesFormula(
            vol=jnp.sqrt(ssvi(k, maturity) / maturity), rate=rate, dividend=dividend
        )
        now = BlackScholes.example().start()
        return formula.price(Call(strike=strike, maturity=maturity), now)

    k = jnp.log(strike / 100.0) - (rate - dividend) * maturity
    got = jax.jit(lambda x, t: local_variance_of_calls(call, x, t, rate=rate, dividend=dividend))(
        strike, maturity
    )
    np.testing.assert_allclose(got, local_variance(ssvi, k, maturity), rtol=1e-9)


def test_a_flat_surface_is_black_scholes():
    vols = local_vols(
        lambda k, t: 0.04 * t + 0.0 * k, maturities=MATURITIES, log_moneyness=MONEYNESS
    )
    np.testing.assert_allclose(vols, 0.2, rtol=1e-12)
    times, key = jnp.asarray([0.0, 0.1, 0.5, 3.0]), jax.random.key(0)
    flat = BlackScholes(spot=100.0, vol=0.2, rate=0.03, dividend=0.01)
    expected = simulate(flat, times, 64, key=key).prices
    np.testing.assert_allclose(
        simulate(_model(vols), times, 64, key=key).prices, expected, rtol=1e-11
    )


@pytest.mark.slow
def test_simulated_calls_cost_what_the_surface_says():
    """The skew of this surface explodes at short maturities: the steps start small."""
    model = _model(local_vols(ssvi, maturities=MATURITIES, log_moneyness=MONEYNESS))
    times = jnp.asarray(np.linspace(0.0, 1.0, 65) ** 2)
    paths = simulate(model, times, 32_768, key=jax.random.key(1), draws=antithetic)
    for date in (32, 64):
        maturity = float(times[date])
        final = np.asarray(paths.prices)[:, date, 0]
        for strike in (80.0, 100.0, 115.0):
            forward = 100.0 * np.exp(0.02 * maturity)
            total = ssvi(jnp.asarray(np.log(strike / forward)), jnp.asarray(maturity))
            deviation = float(total) ** 0.5
            d = np.log(forward / strike) / deviation + 0.5 * deviation
            expected = forward * norm.cdf(d) - strike * norm.cdf(d - deviation)
            pairs = np.maximum(final - strike, 0.0).reshape(-1, 2).mean(axis=1)
            error = pairs.std(ddof=1) / np.sqrt(pairs.size)
            assert error < 0.07
            assert abs(pairs.mean() - expected) < 4.0 * error, (maturity, strike)


@pytest.mark.slow
def test_restarting_keeps_the_surface_where_it_was():
    """The steps after a restart are the steps that the whole path takes."""
    model = _model(local_vols(ssvi, maturities=MATURITIES, log_moneyness=MONEYNESS))
    times = jnp.asarray([0.0, 0.2, 0.5, 0.9])
    normals = jnp.asarray([[-1.0], [0.5], [1.5]])
    whole = model.path(times, normals)
    rest = model.at(whole.at(1)).path(times[1:], normals[1:])
    np.testing.assert_allclose(rest.prices, whole.prices[1:], rtol=1e-12)


def test_arbitrage_and_wrong_grids_are_refused():
    with pytest.raises(ValueError, match="`surface` must be free of arbitrage"):
        local_vols(
            lambda k, t: 0.04 * (2.0 - t) + 0.0 * k, maturities=MATURITIES, log_moneyness=MONEYNESS
        )
    model = LocalVolatility.example()
    with pytest.raises(ValueError, match="`vols` must have shape"):
        dataclasses.replace(model, vols=model.vols[:2])
    with pytest.raises(ValueError, match="`maturities` must increase"):
        dataclasses.replace(model, maturities=model.maturities[::-1])
