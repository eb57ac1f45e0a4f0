"""Two variances: independent values, and the cases where two are one."""

import dataclasses
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate
from test_simulators import (
    MONTH,
    _assert_mean,
    _assert_variance,
    _call_errors,
    _cumulants,
    _paths,
    _square_root_moments,
)

from deephedge.claims import Call, Put
from deephedge.markets import DoubleHeston, Heston
from deephedge.pricing import Fourier, MonteCarlo
from deephedge.pricing.greeks import greeks

STRIKES = np.array([60.0, 90.0, 100.0, 110.0, 160.0])


def _prices(model, tau, kind: type[Call] | type[Put] = Call):
    pricer, now = Fourier(model, n_terms=2048, width=24.0), model.start()
    price = jax.jit(jax.vmap(lambda k: pricer.price(kind(strike=k, maturity=tau), now)))
    return np.asarray(price(jnp.asarray(STRIKES)))


def _moment(model, u, tau):
    """E exp(iuX) by the Riccati equations, solved numerically."""
    total = 0j
    for kappa, theta, sigma, rho, v in zip(
        *(
            np.asarray(x)
            for x in (
                model.mean_reversion,
                model.long_variance,
                model.vol_of_variance,
                model.correlation,
                model.variance,
            )
        ),
        strict=True,
    ):

        def slope(_, y, kappa=kappa, theta=theta, sigma=sigma, rho=rho):
            b = y[0]
            drift = 0.5 * sigma**2 * b * b - (kappa - 1j * rho * sigma * u) * b
            return [drift - 0.5 * (u * u + 1j * u), kappa * theta * b]

        solved = integrate.solve_ivp(slope, (0.0, tau), [0j, 0j], rtol=1e-11, atol=1e-13)
        total += solved.y[1, -1] + solved.y[0, -1] * v
    return np.exp(total)


@pytest.mark.parametrize("tau", [MONTH, 1.0, 5.0])
def test_the_characteristic_function_solves_its_riccati_equations(tau):
    model = DoubleHeston.example()
    u = np.array([0.3, 2.0, 11.0]) - 0.5j
    exponent = model.log_characteristic(jnp.asarray(u), jnp.asarray(tau), model.start().factors)
    expected = [_moment(model, x, tau) for x in u]
    np.testing.assert_allclose(np.exp(np.asarray(exponent)), expected, rtol=1e-8)


@pytest.mark.slow
def test_calls_equal_an_integral_along_another_contour():
    """Lewis (2001), equation 3.11, with the Riccati equations solved numerically."""
    model, tau = DoubleHeston.example(), 1.0
    nodes, weights = np.polynomial.legendre.leggauss(40)
    # The integrand is sharp near 0: five in the first part, sixty in the second.
    u = np.append(2.5 * (nodes + 1.0), 5.0 + 30.0 * (nodes + 1.0))
    weights = np.append(2.5 * weights, 30.0 * weights)
    phi = np.array([_moment(model, x - 0.5j, tau) for x in u])
    forward = 100.0 * math.exp(0.01 * tau)
    for strike, price in zip(STRIKES, _prices(model, tau), strict=True):
        k = math.log(forward / strike)
        integral = np.sum(weights * np.real(np.exp(1j * u * k) * phi) / (u * u + 0.25))
        expected = forward - math.sqrt(forward * strike) * integral / math.pi
        np.testing.assert_allclose(price, math.exp(-0.02 * tau) * expected, atol=1e-7)


@pytest.mark.slow
def test_a_call_less_a_put_is_a_forward():
    model = DoubleHeston.example()
    forward = 100.0 * math.exp(-0.01) - STRIKES * math.exp(-0.02)
    difference = _prices(model, 1.0) - _prices(model, 1.0, Put)
    np.testing.assert_allclose(difference, forward, rtol=0.0, atol=1e-10)


SHARED = dict(mean_reversion=1.5, vol_of_variance=0.5, correlation=-0.7)
COMMON = dict(spot=100.0, rate=0.02, dividend=0.01)
U = jnp.asarray(np.linspace(-9.0, 9.0, 7) + 0.5j)


def _exponent(model):
    return model.log_characteristic(U, jnp.asarray(0.7), model.start().factors)


def test_two_variances_of_one_kind_are_one_variance():
    """The sum of independent square-root processes of equal speed and noise is another."""
    both = {name: [value, value] for name, value in SHARED.items()}
    double = DoubleHeston(variance=[0.03, 0.01], long_variance=[0.02, 0.03], **both, **COMMON)
    single = Heston(variance=0.04, long_variance=0.05, **SHARED, **COMMON)
    np.testing.assert_allclose(_exponent(double), _exponent(single), rtol=1e-12)


@pytest.mark.slow
def test_a_dead_variance_leaves_heston():
    living = dict(variance=0.04, long_variance=0.05, **SHARED)
    dead = dict(
        variance=0.0,
        long_variance=1e-12,
        mean_reversion=1.0,
        vol_of_variance=1e-8,
        correlation=0.0,
    )
    for order in ((living, dead), (dead, living)):
        pairs = {name: [part[name] for part in order] for name in living}
        model, single = DoubleHeston(**pairs, **COMMON), Heston(**living, **COMMON)
        np.testing.assert_allclose(_exponent(model), _exponent(single), rtol=1e-9)
        times = jnp.asarray([0.0, 0.1, 1.0])
        normals = jax.random.normal(jax.random.key(4), (2, 3))
        column = 1 + order.index(living)
        np.testing.assert_allclose(
            model.path(times, normals).prices,
            single.path(times, normals[:, jnp.asarray([0, column])]).prices,
            rtol=1e-9,
        )


@pytest.mark.slow
@pytest.mark.parametrize(("horizon", "n_steps"), [(1.0 / 365.0, 1), (1.0, 24), (5.0, 40)])
def test_simulated_paths_have_the_stated_moments(horizon, n_steps):
    model = DoubleHeston.example()
    paths = _paths(model, horizon, n_steps)
    value = paths.discount[:, -1] * paths.prices[:, -1, 0] * paths.accrual[:, -1, 0]
    _assert_mean(value / 100.0, 1.0, 6e-3)
    names = ("variance", "mean_reversion", "long_variance", "vol_of_variance")
    for j in (0, 1):
        one = {name: float(vars(model)[name][j]) for name in names}
        mean, variance = _square_root_moments(**one, horizon=horizon)
        factor = paths.factors[:, -1, j]
        _assert_mean(factor / mean, 1.0, 0.03)
        _assert_variance(factor / np.sqrt(variance), 1.0, 0.15)
    logs = np.log(np.asarray(paths.prices[:, -1, 0]) / 100.0) - 0.01 * horizon
    mean, variance = _cumulants(model, horizon)
    _assert_mean(logs / np.sqrt(variance), mean / np.sqrt(variance), 0.006)
    _assert_variance(logs / np.sqrt(variance), 1.0, 0.03)


@pytest.mark.slow
def test_simulated_calls_cost_their_fourier_price():
    _assert_mean(_call_errors(DoubleHeston.example(), 1.0, 16), 0.0, 0.1)


def test_a_shift_of_volatility_raises_the_total():
    model = DoubleHeston.example()
    zero = jnp.zeros(())
    for factors in ([0.03, 0.01], [0.0, 0.0]):
        now = dataclasses.replace(model.start(), factors=jnp.asarray(factors))
        _, moved = model.shifted(now, vol=jnp.asarray(0.05), rate=zero)
        total = np.sqrt(np.sum(np.asarray(moved.factors)))
        np.testing.assert_allclose(total, np.sqrt(sum(factors)) + 0.05, rtol=1e-12)


@pytest.mark.slow
def test_simulated_greeks_are_those_of_the_series():
    model = DoubleHeston.example()
    claim, now = Call(strike=100.0, maturity=1.0), model.start()
    names = ("delta", "gamma", "vega", "rho")
    simulated = MonteCarlo(model, n_paths=16_384, n_steps=16, key=jax.random.key(2))
    got = jax.jit(lambda: simulated.estimate_greeks(claim, now, names))()
    expected = jax.jit(lambda: greeks(Fourier(model, n_terms=2048), claim, now, names))()
    for name in names:
        value, error = got[name]
        assert error < 0.1 * abs(expected[name]), name
        assert abs(value - expected[name]) < 4.0 * error, (name, value, expected[name], error)


@pytest.mark.slow
def test_slopes_are_finite_where_a_variance_is_zero():
    model = dataclasses.replace(DoubleHeston.example(), variance=[0.0, 0.02])

    def functional(model):
        return jnp.mean(jnp.log1p(_paths(model, 1.0, 6, n_paths=64).prices ** 2))

    for leaf in jax.tree.leaves(eqx.filter_grad(functional)(model)):
        assert np.all(np.isfinite(np.asarray(leaf)))


def test_one_value_for_two_variances_is_refused():
    with pytest.raises(ValueError, match=r"`correlation` must have one value for each"):
        dataclasses.replace(DoubleHeston.example(), correlation=-0.5)
