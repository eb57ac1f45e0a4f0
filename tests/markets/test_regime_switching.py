"""Regime switching: the chain, integrated variance, the characteristic function, prices."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.linalg import expm

from deephedge.claims import Call
from deephedge.markets import RegimeSwitching, simulate
from deephedge.pricing import Fourier
from deephedge.pricing.black_scholes import black_scholes_price

TWO = RegimeSwitching.example()
THREE = RegimeSwitching(
    spot=100.0,
    vols=[0.1, 0.2, 0.5],
    generator=[[-2.0, 1.5, 0.5], [1.0, -3.0, 2.0], [0.0, 6.0, -6.0]],
    regime=1.0,
    rate=0.03,
)
both = pytest.mark.parametrize(
    "model",
    [pytest.param(TWO, id="two"), pytest.param(THREE, id="three", marks=pytest.mark.slow)],
)


def _paths(model, horizon, n_steps, n_paths=16_384, seed=0):
    times = jnp.linspace(0.0, horizon, n_steps + 1)
    return simulate(model, times, n_paths, key=jax.random.key(seed))


def _within(values, truth, largest_error):
    """Within four standard errors of the truth, and the standard error small."""
    values = np.asarray(values)
    error = values.std(ddof=1) / np.sqrt(values.size)
    assert error < largest_error, error
    assert abs(values.mean() - truth) < 4.0 * error + 1e-12, (values.mean(), truth, error)


@both
@pytest.mark.parametrize(
    ("horizon", "n_steps"),
    [
        pytest.param(1 / 252, 1, marks=pytest.mark.slow),
        pytest.param(0.5, 1, marks=pytest.mark.slow),
        (0.5, 7),
        (5.0, 2),
    ],
)
def test_the_regime_has_the_law_of_the_chain_at_any_dates(model, horizon, n_steps):
    last = np.asarray(_paths(model, horizon, n_steps).factors[:, -1])
    law = expm(np.asarray(model.generator) * horizon)[int(model.regime)]
    for regime, chance in enumerate(law):
        share = np.mean(last[:, 1] == regime)
        assert abs(share - chance) < 4.0 * np.sqrt(chance * (1.0 - chance) / len(last)) + 1e-12
    np.testing.assert_array_equal(last[:, 0], np.asarray(model.vols)[last[:, 1].astype(int)])


def _moments(model, horizon):
    """Mean and variance of integrated variance: corners of a matrix exponential."""
    q, v = np.asarray(model.generator), np.diag(np.asarray(model.vols) ** 2)
    o = np.zeros_like(q)
    whole = expm(horizon * np.block([[q, v, o], [o, q, v], [o, o, q]]))
    n, i = len(q), int(model.regime)
    mean, half_square = whole[i, n : 2 * n].sum(), whole[i, 2 * n :].sum()
    return mean, 2.0 * half_square - mean**2


@eqx.filter_jit
def _integrated_variance(model, times, normals):
    """What the log-price falls behind when its own normals are 0, twice."""
    still = normals.at[:, :, 0].set(0.0)
    prices = jax.vmap(lambda z: model.path(times, z).prices[-1, 0])(still)
    growth = (model.rate - model.dividend) * times[-1]
    return 2.0 * (growth - jnp.log(prices / model.spot))


@pytest.mark.slow
@both
def test_integrated_variance_has_its_exact_mean_and_in_small_steps_its_variance(model):
    mean, variance = _moments(model, 1.0)
    errors = []
    for n_steps in (4, 16):
        normals = jax.random.normal(jax.random.key(n_steps), (8_192, n_steps, 2))
        times = jnp.linspace(0.0, 1.0, n_steps + 1)
        sampled = np.asarray(_integrated_variance(model, times, normals))
        _within(sampled / mean, 1.0, 0.01)
        errors.append(np.var(sampled) / variance - 1.0)
    # Second order: a quarter of the step leaves a sixteenth of the error.
    _within((sampled - mean) ** 2 / variance, 1.0 + errors[0] / 16.0, 0.03)
    assert errors[0] < -0.1


@both
@pytest.mark.parametrize("tau", [1 / 252, 1.0, 10.0])
def test_the_characteristic_function_is_that_of_a_general_matrix_exponential(model, tau):
    u = np.array([0.0, 0.3, 2.0, 15.0, 2.0 - 0.5j, -1j])
    found = model.log_characteristic(jnp.asarray(u), jnp.asarray(tau), model.start().factors)
    q, squares = np.asarray(model.generator), np.asarray(model.vols) ** 2
    exact = [
        expm(tau * (q - 0.5 * np.diag(squares * (x * x + 1j * x))))[int(model.regime)].sum()
        for x in u
    ]
    np.testing.assert_allclose(np.exp(np.asarray(found)), exact, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(np.asarray(found)[[0, -1]], 0.0, atol=1e-13)


def test_the_characteristic_function_stays_finite_far_out():
    u = jnp.asarray([1e2, 1e3, 1e4]).astype(complex)
    found = TWO.log_characteristic(u, jnp.asarray(1.0), TWO.start().factors)
    assert np.all(np.isfinite(np.exp(np.asarray(found))))
    np.testing.assert_allclose(np.exp(np.asarray(found)), 0.0, atol=1e-20)


def _plain(strike, tau, vol, rate=0.02, dividend=0.01):
    """Black and Scholes."""
    numbers = dict(spot=100.0, tau=tau, vol=vol, rate=rate, dividend=dividend)
    claim = Call(strike=strike, maturity=tau)
    return black_scholes_price(claim, **{k: jnp.asarray(x) for k, x in numbers.items()})


_price = eqx.filter_jit(lambda model, claim: Fourier(model, 2048, 16.0).price(claim, model.start()))


@pytest.mark.parametrize("strike", [60.0, 100.0, 140.0])
def test_a_single_jump_to_stay_is_a_mixture_of_black_and_scholes(strike):
    jumps, tau = 1.5, 1.0
    generator = [[-jumps, jumps], [0.0, 0.0]]
    model = dataclasses.replace(TWO, generator=generator)
    plain = jax.jit(lambda vol: _plain(strike, tau, vol))

    def after(s):
        return float(plain(np.sqrt((0.12**2 * s + 0.3**2 * (tau - s)) / tau)))

    late = quad(lambda s: jumps * np.exp(-jumps * s) * after(s), 0.0, tau, epsrel=1e-11)[0]
    exact = late + np.exp(-jumps * tau) * after(tau)
    np.testing.assert_allclose(_price(model, Call(strike=strike, maturity=tau)), exact, rtol=1e-9)


def test_with_one_volatility_it_is_black_and_scholes():
    model = dataclasses.replace(TWO, vols=[0.25, 0.25])
    found = _price(model, Call(strike=110.0, maturity=0.7))
    np.testing.assert_allclose(found, _plain(110.0, 0.7, 0.25), rtol=1e-10)


@pytest.mark.slow
@both
def test_simulated_calls_cost_their_fourier_price(model):
    paths = _paths(model, 1.0, 8, seed=3)
    payoff = np.maximum(np.asarray(paths.prices[:, -1, 0]) - 105.0, 0.0)
    exact = float(_price(model, Call(strike=105.0, maturity=1.0)))
    _within(np.asarray(paths.discount[:, -1]) * payoff, exact, 0.2)


@pytest.mark.slow
def test_drifts_are_the_growth_of_the_prices_in_each_regime():
    model = dataclasses.replace(TWO, drifts=[0.15, -0.4])
    horizon = 2.0
    for n_steps in (1, 12):
        prices = _paths(model, horizon, n_steps, seed=4).prices[:, -1, 0] / 100.0
        q = np.asarray(model.generator) + np.diag([0.15, -0.4])
        # One step takes the mean of the growth: right to second order only.
        if n_steps == 12:
            _within(prices, expm(horizon * q)[0].sum(), 0.01)
        growth = np.block([[q - np.diag([0.15, -0.4]), np.diag([0.15, -0.4])],
                           [np.zeros((2, 2)), q - np.diag([0.15, -0.4])]])  # fmt: skip
        mean = expm(horizon * growth)[0, 2:].sum() - 0.5 * _moments(model, horizon)[0]
        _within(np.log(prices), mean, 0.01)
    assert model.at(model.start()).drifts is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(generator=[[-1.0, 2.0], [1.0, -1.0]]), "rows that sum to 0"),
        (dict(generator=[[1.0, -1.0], [1.0, -1.0]]), "no negative rate"),
        (dict(generator=[-1.0, 1.0]), "must be a square matrix"),
        (dict(vols=[0.1, 0.2, 0.3]), "`vols` must have a value per row"),
        (dict(regime=2.0), "`regime` must be a whole number from 0 to 1, got 2"),
    ],
)
def test_chains_that_are_none_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(TWO, **changes)
