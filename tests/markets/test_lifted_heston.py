"""The lifted Heston model: Heston's as one factor, the rough one as many, and its simulation."""

import dataclasses
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp

from deephedge.claims import Call
from deephedge.markets import Heston, LiftedHeston, rough_kernel, simulate
from deephedge.markets.lifted_step import LiftedStep
from deephedge.numerics.draws import antithetic
from deephedge.pricing import Fourier

EXAMPLE = LiftedHeston.example()
U = jnp.asarray(np.linspace(0.0, 60.0, 13) + 0j)


@eqx.filter_jit
def _characteristic(model, u, tau, factors):
    return jnp.exp(model.log_characteristic(u, tau, factors))


def _at(model, tau, u=U, factors=None):
    factors = model.start().factors if factors is None else jnp.asarray(factors)
    return np.asarray(_characteristic(model, u, jnp.asarray(tau), factors))


@pytest.mark.slow
def test_one_factor_of_speed_zero_is_hestons_model():
    heston = Heston(100.0, 0.04, 1.5, 0.05, 0.5, -0.7)
    errors = {}
    for n_steps in (32, 64):
        lifted = LiftedHeston(
            100.0, 0.04, 1.5, 0.05, 0.5, -0.7, weights=[1.0], speeds=[0.0], riccati_steps=n_steps
        )
        for tau in (1 / 365, 1.0, 10.0):
            exact = _at(heston, tau)
            errors[n_steps, tau] = np.max(np.abs(_at(lifted, tau) - exact))
    assert max(errors[64, tau] for tau in (1 / 365, 1.0, 10.0)) < 2e-8
    # Fourth order: each doubling of the steps divides the error by 16.
    assert errors[32, 1.0] > 12.0 * errors[64, 1.0]


def test_the_characteristic_function_solves_the_riccati_equations():
    # Other factors than at the start, and an independent solver of the stiff system.
    model, tau, u = EXAMPLE, 0.7, 5.0
    lift = np.linspace(-0.02, 0.03, 8)
    weights, speeds = np.asarray(model.weights), np.asarray(model.speeds)
    kappa, theta, nu, rho = 0.3, 0.05, 0.3, -0.7

    def slopes(_, state):
        psi = state[:8] + 1j * state[8:16]
        level = weights @ psi
        force = -0.5 * (u * u + 1j * u) + (rho * nu * 1j * u - kappa) * level
        force += 0.5 * nu**2 * level**2
        change = np.concatenate([-speeds * psi + force, [force, level]])
        return np.concatenate([change.real[:8], change.imag[:8], change.real[8:], change.imag[8:]])

    end = solve_ivp(slopes, (0.0, tau), np.zeros(20), method="Radau", rtol=1e-10, atol=1e-12).y[
        :, -1
    ]
    psi = end[:8] + 1j * end[8:16]
    integral, area = end[16:18] + 1j * end[18:20]
    variance = 0.06
    exact = (variance - weights @ lift) * integral + (weights * lift) @ psi + kappa * theta * area
    got = _at(model, tau, jnp.asarray([u + 0j]), np.append(variance, lift))
    np.testing.assert_allclose(got, np.exp(exact), rtol=1e-6)


def _adams(u, tau, n, *, hurst, kappa, theta, nu, rho, variance):
    """The fractional Riccati equation of rough Heston by the Adams scheme."""
    alpha, h = hurst + 0.5, tau / n
    force = np.zeros(n + 1, complex)

    def f(x):
        return -0.5 * (u * u + 1j * u) + (1j * u * rho * nu - kappa) * x + 0.5 * nu**2 * x * x

    force[0], x = f(0.0), np.zeros(n + 1, complex)
    for k in range(n):
        j = np.arange(1, k + 1)
        past = k - j
        inner = (past + 2.0) ** (alpha + 1) + past ** (alpha + 1) - 2 * (past + 1.0) ** (alpha + 1)
        first = k ** (alpha + 1) - (k - alpha) * (k + 1.0) ** alpha
        scale = h**alpha / math.gamma(alpha + 2)
        known = scale * (first * force[0] + inner @ force[1 : k + 1])
        back = np.arange(k + 1)
        predicted = (
            h**alpha
            / math.gamma(alpha + 1)
            * (((k + 1.0 - back) ** alpha - (k - back) ** alpha) @ force[: k + 1])
        )
        x[k + 1] = known + scale * f(predicted)
        force[k + 1] = f(x[k + 1])
    # log E = int F(s) (v + kappa theta int_0^{tau-s} K) ds
    return np.exp(variance * np.trapezoid(force, dx=h) + kappa * theta * np.trapezoid(x, dx=h))


@pytest.mark.slow
def test_many_factors_are_the_rough_heston_model():
    parameters = dict(hurst=0.1, kappa=0.3, theta=0.02, nu=0.3, rho=-0.7, variance=0.02)
    points = [2.0, 10.0, 25.0]
    coarse, fine = (np.array([_adams(u, 0.5, n, **parameters) for u in points]) for n in (200, 400))
    rough = fine + (fine - coarse)  # the scheme is of first order or better here
    errors = []
    for n, ratio in ((20, 2.5), (60, 1.6)):
        weights, speeds = rough_kernel(n, hurst=0.1, ratio=ratio)
        model = LiftedHeston(
            100.0, 0.02, 0.3, 0.02, 0.3, -0.7, weights=weights, speeds=speeds, riccati_steps=32
        )
        found = _at(model, 0.5, jnp.asarray(np.array(points) + 0j))
        errors.append(np.max(np.abs(found - rough)))

    assert errors[0] < 0.02
    assert errors[1] < 0.25 * errors[0]


@pytest.mark.slow
def test_one_factor_of_speed_zero_steps_as_hestons_scheme_does():
    heston = Heston(100.0, 0.04, 1e-6, 0.05, 0.1, -0.7, 0.03, 0.01)
    lifted = LiftedHeston(
        100.0, 0.04, 1e-6, 0.05, 0.1, -0.7, weights=[1.0], speeds=[0.0], rate=0.03, dividend=0.01
    )
    times = jnp.asarray([0.0, 0.1, 0.3, 1.0])
    normals = jax.random.normal(jax.random.key(4), (64, 3, 3))
    theirs = jax.jit(jax.vmap(lambda z: heston.path(times, z[:, :2])))(normals)
    ours = jax.jit(jax.vmap(lambda z: lifted.path(times, z)))(normals)
    np.testing.assert_allclose(ours.prices, theirs.prices, rtol=1e-6)
    np.testing.assert_allclose(ours.factors[..., :1], theirs.factors, rtol=1e-6, atol=1e-10)


@pytest.mark.slow
def test_the_noise_of_a_step_has_its_exact_covariances():
    # With chi and with v, for a variance that goes in a line from 0.03 to 0.05, by quadrature.
    dt, ends = 0.05, np.array([0.03, 0.05])
    model = dataclasses.replace(EXAMPLE, mean_reversion=0.0)
    step = LiftedStep.of(jnp.asarray(dt), model)
    slope, variances, on_lift, on_integral = step._noise(
        model, jnp.asarray(0.5 * dt * ends.sum()), jnp.asarray(ends)
    )
    weights, speeds, nu = np.asarray(model.weights), np.asarray(model.speeds), 0.3

    def kernel(tau):
        return weights @ np.exp(-speeds * tau)

    def primitive(tau):
        return weights @ (-np.expm1(-speeds * tau) / speeds)

    def covariance(f, g):
        def integrand(tau):
            return f(tau) * g(tau) * (ends[0] * tau + ends[1] * (dt - tau)) / dt

        return quad(integrand, 0.0, dt, epsabs=0.0, epsrel=1e-11, limit=200)[0]

    def one(_):
        return 1.0

    chi = covariance(one, one)
    np.testing.assert_allclose(slope, nu * covariance(one, kernel) / chi, rtol=1e-9)
    np.testing.assert_allclose(variances.sum(), nu**2 * covariance(kernel, kernel), rtol=1e-9)
    # What hangs on chi and on the rest, times their variances, is the covariance with v.
    scale = np.array([float(slope) * chi, float(variances[1])])
    for i in (0, 3, 7):
        own = covariance(lambda tau, i=i: np.exp(-speeds[i] * tau), kernel)
        np.testing.assert_allclose(on_lift[i] @ scale, nu**2 * own, rtol=1e-9)
    np.testing.assert_allclose(
        on_integral @ scale, nu**2 * covariance(primitive, kernel), rtol=1e-9
    )
    np.testing.assert_allclose(on_integral[0] * chi, nu * covariance(one, primitive), rtol=1e-9)


def _within(values, truth, largest_error):
    error = values.std(ddof=1) / math.sqrt(values.size)
    assert error < largest_error, error
    assert abs(values.mean() - truth) < 4.0 * error, (values.mean(), truth, error)


@eqx.filter_jit
def _price(model, strike, maturity):
    return Fourier(model).price(Call(strike=strike, maturity=maturity), model.start())


@pytest.mark.slow
def test_simulated_calls_cost_what_the_characteristic_function_says():
    paths = simulate(
        EXAMPLE, jnp.linspace(0.0, 0.5, 129), 32_768, key=jax.random.key(0), draws=antithetic
    )
    final, discount = np.asarray(paths.prices[:, -1, 0]), np.exp(-0.01)
    for strike in (85.0, 100.0, 115.0):
        gains = discount * np.maximum(final - strike, 0.0)
        exact = float(_price(EXAMPLE, jnp.asarray(strike), jnp.asarray(0.5)))
        _within(gains.reshape(-1, 2).mean(axis=1), exact, 0.05)


@pytest.mark.slow
def test_the_characteristic_function_at_a_later_date_continues_the_path():
    # E exp(iuX_T) = E exp(iuX_t) phi(u, T - t, factors at t).
    times = jnp.linspace(0.0, 0.25, 65)
    paths = simulate(EXAMPLE, times, 16_384, key=jax.random.key(1), draws=antithetic)
    u = jnp.asarray([3.0 + 0j])
    later = eqx.filter_jit(
        jax.vmap(lambda f: EXAMPLE.log_characteristic(u, jnp.asarray(0.5), f)[0])
    )(paths.factors[:, -1])
    moved = np.log(np.asarray(paths.prices[:, -1, 0]) / 100.0) - 0.01 * 0.25
    values = np.exp(3j * moved + np.asarray(later)).reshape(-1, 2).mean(axis=1)
    exact = _at(EXAMPLE, 0.75, u)[0]
    _within(values.real, exact.real, 3e-3)
    _within(values.imag, exact.imag, 3e-3)


@pytest.mark.slow
def test_a_later_date_may_start_a_path():
    paths = simulate(EXAMPLE, jnp.asarray([0.0, 0.1, 0.3]), 3, key=jax.random.key(2))
    now = jax.tree.map(lambda x: x[0], paths).at(2)
    again = EXAMPLE.at(now)
    np.testing.assert_allclose(again.start().factors, now.factors, rtol=1e-12)
    moved, state = again.shifted(now, vol=jnp.asarray(0.01), rate=jnp.asarray(0.02))
    root = np.sqrt(float(now.factors[0]))
    np.testing.assert_allclose(state.factors[0], (root + 0.01) ** 2, rtol=1e-12)
    np.testing.assert_allclose(moved.rate, 0.04, rtol=1e-12)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"speeds": [1.0]}, "`speeds` must have one value per weight, 8, got 1"),
        ({"weights": np.full(8, -1.0)}, "`weights` must be positive"),
        ({"vol_of_variance": 0.0}, "`vol_of_variance` must be positive"),
    ],
)
def test_bad_kernels_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(EXAMPLE, **changes)
