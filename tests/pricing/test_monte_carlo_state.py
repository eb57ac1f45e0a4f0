"""Second-order simulated Greeks where a step depends on the price or on the last shocks."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from by_quadrature import backward, slopes

from deephedge.claims import Call
from deephedge.markets import CEV, SABR, Garch, LocalVolatility
from deephedge.pricing import BlackScholesFormula, CEVFormula, MonteCarlo, greeks

CALL = Call(strike=102.0, maturity=0.5)


def estimate(model, names, n_steps, n_paths=20_000):
    monte_carlo = MonteCarlo(model, n_paths=n_paths, n_steps=n_steps, key=jax.random.key(2))
    return eqx.filter_jit(monte_carlo.estimate_greeks)(CALL, model.start(), names)


def agree(got, exact, bounds):
    for name, (value, error) in got.items():
        assert 0 < error < bounds[name], (name, error)
        assert abs(value - exact[name]) < 4 * error, (name, value, error, exact[name])


def by_quadrature(deviation, model, n_steps, spot):
    return backward(
        spot,
        np.full(n_steps, 0.5 / n_steps),
        (102.0,),
        deviation,
        float(model.rate - model.dividend),
        float(model.rate),
        lambda s: np.maximum(s - 102.0, 0.0),
        lambda s, k, value: value,
    )


@pytest.mark.slow
def test_gamma_in_cev_is_that_of_the_scheme_and_of_the_closed_form():
    model = CEV(spot=100.0, scale=20.0, exponent=0.0, rate=0.02, dividend=0.01)
    bounds = {"gamma": 8e-4}
    got = estimate(model, tuple(bounds), 3)
    _, gamma = slopes(lambda x: by_quadrature(lambda s, k: 20.0 / s, model, 3, x), 100.0, 0.5)
    agree(got, {"gamma": gamma}, bounds)
    # The scheme is of weak order 1: twice the steps, half the distance to the closed form.
    _, finer = slopes(lambda x: by_quadrature(lambda s, k: 20.0 / s, model, 6, x), 100.0, 0.5)
    exact = float(greeks(CEVFormula(model), CALL, model.start(), ("gamma",))["gamma"])
    assert abs(gamma - exact) < 0.01 * exact
    assert 0.4 < (finer - exact) / (gamma - exact) < 0.6


@pytest.mark.slow
def test_gamma_in_local_volatility_is_that_of_the_scheme():
    model = LocalVolatility.example()
    levels = np.exp(np.linspace(-3.0, 3.0, 2001))

    @jax.jit
    def vols(k):
        times = 0.5 / 3 * (k + jnp.arange(2.0))

        def at(spot):
            now = dataclasses.replace(model.start(), time=times[0], prices=spot[None])
            shocks = jnp.asarray([[[0.0]], [[1.0]]])
            logs = [jnp.log(model.at(now).path(times, z).prices[1, 0]) for z in shocks]
            return (logs[1] - logs[0]) / jnp.sqrt(0.5 / 3)

        return jax.vmap(at)(100.0 * jnp.asarray(levels))

    table = [np.asarray(vols(float(k))) for k in range(3)]

    def deviation(s, k):
        return np.interp(np.log(s / 100.0), np.log(levels), table[k])

    bounds = {"gamma": 8e-4}
    got = estimate(model, ("gamma",), 3)
    _, gamma = slopes(lambda x: by_quadrature(deviation, model, 3, x), 100.0, 0.5)
    agree(got, {"gamma": gamma}, bounds)


@pytest.mark.slow
def test_sabr_and_garch_with_nothing_that_moves_are_black_and_scholes():
    bounds = {"gamma": 8e-4, "volga": 25.0, "vanna": 0.3}
    sabr = SABR(spot=100.0, alpha=0.2, exponent=1.0, vol_of_vol=1e-6, correlation=-0.4, rate=0.02)
    garch = Garch(spot=100.0, variance=0.04, base=1e-9, news=0.0, memory=1.0, rate=0.02)
    formula = BlackScholesFormula(vol=0.2, rate=0.02)
    exact = greeks(formula, CALL, sabr.start(), tuple(bounds))
    for model in (sabr, garch):
        agree(estimate(model, tuple(bounds), 3), exact, bounds)


@pytest.mark.slow
@pytest.mark.parametrize("model", [SABR.example(), Garch.example()], ids=["SABR", "Garch"])
def test_gamma_is_the_slope_of_delta(model):
    # The pathwise delta has a smooth mean: common draws make its difference quotient precise.
    monte_carlo = MonteCarlo(model, n_paths=100_000, n_steps=3, key=jax.random.key(3))

    @eqx.filter_jit
    def delta(spot):
        now = dataclasses.replace(model.start(), prices=spot[None])
        return monte_carlo.estimate_greeks(CALL, now, ("delta",))["delta"]

    (up, up_error), (down, down_error) = (delta(jnp.asarray(100.0 + h)) for h in (2.0, -2.0))
    slope, slope_error = (up - down) / 4.0, (up_error + down_error) / 4.0
    value, error = estimate(model, ("gamma",), 3, n_paths=100_000)["gamma"]
    assert 0 < error < 4e-4
    # The difference quotient itself is off by a sixth of the fourth derivative, under 1e-4.
    assert abs(value - slope) < 4 * float(np.hypot(error, slope_error)) + 1e-4
