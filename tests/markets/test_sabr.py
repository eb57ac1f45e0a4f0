"""SABR paths: alpha's exact law, and the limits that have closed forms."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import Call
from deephedge.markets import CEV, SABR, simulate
from deephedge.numerics.draws import antithetic
from deephedge.pricing import BlackScholesFormula, CEVFormula, HaganFormula


def _paths(model, horizon, n_steps, n_paths=32_768):
    times = jnp.asarray(np.linspace(0.0, horizon, n_steps + 1))
    return simulate(model, times, n_paths, key=jax.random.key(2), draws=antithetic)


def _estimate(payoff):
    pairs = np.asarray(payoff).reshape(-1, 2).mean(axis=1)
    return pairs.mean(), pairs.std(ddof=1) / np.sqrt(pairs.size)


def _assert_call(model, strike, horizon, n_steps, expected, largest=0.08):
    final = np.asarray(_paths(model, horizon, n_steps).prices)[:, -1, 0]
    mean, error = _estimate(np.exp(-0.02 * horizon) * np.maximum(final - strike, 0.0))
    assert error < largest
    assert abs(mean - float(expected)) < 4.0 * error, (mean, expected, error)


@pytest.mark.parametrize(("horizon", "n_steps"), [(1 / 252, 1), (1.0, 3), (5.0, 40)])
def test_alpha_is_lognormal_at_every_horizon(horizon, n_steps):
    model = SABR.example()
    logs = np.log(np.asarray(_paths(model, horizon, n_steps).factors)[:, -1, 0] / 2.0)
    mean, variance = (0.5 * 0.01 - 0.125) * horizon, 0.25 * horizon
    np.testing.assert_allclose(logs.mean(), mean, rtol=1e-10)
    assert abs(logs.var() / variance - 1.0) < 4.0 * np.sqrt(2.0 / (logs.size / 2))


@pytest.mark.slow
@pytest.mark.parametrize("strike", [90.0, 110.0])
def test_without_vol_of_vol_it_is_the_power_law(strike):
    """At no carry the two models are one."""
    shared = dict(spot=100.0, exponent=0.5, rate=0.02, dividend=0.02)
    model = SABR(alpha=2.5, vol_of_vol=0.0, correlation=0.0, **shared)
    cev = CEV(scale=2.5, **shared)
    expected = CEVFormula(cev).price(Call(strike=strike, maturity=1.0), cev.start())
    _assert_call(model, strike, 1.0, 32, expected, 0.12)


def test_exponent_one_without_vol_of_vol_is_black_scholes():
    model = SABR(spot=100.0, alpha=0.2, exponent=1.0, vol_of_vol=0.0, correlation=0.5, rate=0.02)
    claim = Call(strike=105.0, maturity=0.5)
    expected = BlackScholesFormula(vol=0.2, rate=0.02).price(claim, model.start())
    _assert_call(model, 105.0, 0.5, 2, expected)


@pytest.mark.slow
@pytest.mark.parametrize("exponent", [0.5, pytest.param(1.0, marks=pytest.mark.slow)])
@pytest.mark.parametrize("strike", [95.0, pytest.param(100.0, marks=pytest.mark.slow), 106.0])
def test_short_calls_cost_what_hagan_says(exponent, strike):
    """At a month the error of the expansion is a small part of the standard error."""
    alpha = 0.2 * 100.0 ** (1.0 - exponent)
    model = dataclasses.replace(SABR.example(), alpha=alpha, exponent=exponent)
    claim = Call(strike=strike, maturity=1 / 12)
    expected = HaganFormula(model).price(claim, model.start())
    _assert_call(model, strike, 1 / 12, 32, expected, 0.03)


def test_exponents_above_one_are_refused():
    with pytest.raises(ValueError, match="`exponent` must be at most 1"):
        dataclasses.replace(SABR.example(), exponent=1.5)
