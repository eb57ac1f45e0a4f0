"""The weak order of schemes that have steps: how fast a mean settles as the steps shrink.

One step is a map of one number and one or two normals, so that the mean is computed without noise:
backwards in time on a grid, by quadrature over the normals.
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.interpolate import CubicSpline
from test_simulators import _cumulants

from deephedge.markets import CEV, SABR, DoubleHeston, Heston, LocalVolatility

HORIZONS = {"day": 1.0 / 365.0, "month": 1.0 / 12.0, "year": 1.0, "five years": 5.0}
STEPS = np.array([2, 4, 8, 16])
horizons = pytest.mark.parametrize("name", HORIZONS)


def slopes(errors):
    """The exponent of the step between one number of steps and the next."""
    return np.log2(np.abs(errors[:-1] / errors[1:]))


@eqx.filter_jit
def _moves(model, log_prices, time, dt, normals):
    """Log-prices one step on, for each log-price and each normal."""
    now = model.start()

    def step(x, z):
        moved = dataclasses.replace(now, prices=jnp.exp(x)[None], time=time)
        path = model.at(moved).path(jnp.stack([time, time + dt]), z[None, None])
        return jnp.log(path.prices[-1, 0])

    return jax.vmap(lambda x: jax.vmap(lambda z: step(x, z))(normals))(log_prices)


def mean_on_a_grid(model, horizon, n_steps):
    """E log(1 + (S/F)^2), a smooth function of the price, of a scheme with one normal a step."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    carry = float(model.rate - model.dividend)
    reach = 9.0 * 0.25 * np.sqrt(horizon) + abs(carry) * horizon
    x = np.log(100.0) + np.linspace(-reach, reach, 401)
    values = np.log1p(np.exp(2.0 * (x - np.log(100.0) - carry * horizon)))
    dt = horizon / n_steps
    for k in reversed(range(n_steps)):
        after = _moves(
            model, jnp.asarray(x), jnp.asarray(k * dt), jnp.asarray(dt), jnp.asarray(nodes)
        )
        after = np.clip(np.asarray(after), x[0], x[-1])
        values = CubicSpline(x, values)(after) @ (weights / weights.sum())
    return values[200]


@horizons
@pytest.mark.parametrize(
    "model",
    [
        pytest.param(CEV.example(), id="CEV"),
        pytest.param(LocalVolatility.example(), id="local", marks=pytest.mark.slow),
    ],
)
def test_euler_steps_of_the_log_price_are_of_weak_order_one(model, name):
    means = np.array([mean_on_a_grid(model, HORIZONS[name], n) for n in (*STEPS, 32)])
    falls = -np.diff(means)
    assert np.all(np.abs(slopes(falls) - 1.0) < 0.05), (falls, slopes(falls))


@eqx.filter_jit
def _variance_step(model, variances, dt, normals):
    """Mean and variance of the log-return given the variance's normal, and the new variance."""

    def step(v, z):
        level, after = model.advance(v, dt, jnp.stack([0.0 * z, z]))
        moved, _ = model.advance(v, dt, jnp.stack([0.0 * z + 1.0, z]))
        return level, (moved - level) ** 2, after

    return jax.vmap(lambda v: jax.vmap(lambda z: step(v, z))(normals))(variances)


def moments(model, horizon, n_steps):
    """E X and E X^2 of the log-return over the forward, from its conditional moments backwards."""
    nodes, weights = np.polynomial.legendre.leggauss(8)
    normals = (np.linspace(-8.9, 8.9, 90)[:, None] + 0.1 * nodes).ravel()
    weights = np.tile(weights, 90) * np.exp(-0.5 * normals**2)
    weights /= weights.sum()
    v = np.concatenate([[0.0], np.geomspace(1e-6, 3.0, 400)])
    parts = _variance_step(
        model, jnp.asarray(v), jnp.asarray(horizon / n_steps), jnp.asarray(normals)
    )
    level, spread, after = (np.asarray(part) for part in parts)
    after = np.clip(after, v[0], v[-1])
    mean, square = np.zeros_like(v), np.zeros_like(v)
    for _ in range(n_steps):
        later, later_square = (CubicSpline(np.sqrt(v), y)(np.sqrt(after)) for y in (mean, square))
        square = (level**2 + spread + 2.0 * level * later + later_square) @ weights
        mean = (level + later) @ weights
    start = np.sqrt(float(model.variance))
    return np.array([float(CubicSpline(np.sqrt(v), y)(start)) for y in (mean, square)])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "steps"), [("day", 1), ("month", 2), ("year", 8), ("five years", 32)]
)
def test_quadratic_exponential_steps_are_of_weak_order_two(name, steps):
    model, horizon = Heston.example(), HORIZONS[name]
    mean, variance = _cumulants(model, horizon)
    exact = mean**2 + variance
    errors = np.array([moments(model, horizon, steps * n)[1] / exact - 1.0 for n in (1, 2, 4)])
    assert abs(slopes(errors)[-1] - 2.0) < 0.1, (errors, slopes(errors))
    assert np.abs(errors[-1]) < 3e-4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "steps"), [("day", 1), ("month", 2), ("year", 16), ("five years", 128)]
)
def test_two_quadratic_exponential_variances_are_of_weak_order_two(name, steps):
    """The log-return is the sum of those of two models of Heston that share no normal."""
    model, horizon = DoubleHeston.example(), HORIZONS[name]
    names = ("variance", "mean_reversion", "long_variance", "vol_of_variance", "correlation")
    parts = [Heston(spot=100.0, **{n: vars(model)[n][j] for n in names}) for j in (0, 1)]
    times, normals = jnp.asarray([0.0, 0.1, 0.4]), jnp.asarray([[0.0, 0.7, -1.2], [0.0, -2.0, 0.3]])
    carry = float(model.rate - model.dividend) * 0.4
    whole = np.log(float(model.path(times, normals).prices[-1, 0]) / 100.0) - carry
    apart = [
        np.log(float(part.path(times, normals[:, jnp.asarray([0, 1 + j])]).prices[-1, 0]) / 100.0)
        for j, part in enumerate(parts)
    ]
    np.testing.assert_allclose(whole, sum(apart), rtol=1e-12)

    mean, variance = _cumulants(model, horizon)
    exact = mean**2 + variance
    errors = []
    for n in (1, 2, 4):
        one, two = (moments(part, horizon, steps * n) for part in parts)
        errors.append((one[1] + two[1] + 2.0 * one[0] * two[0]) / exact - 1.0)
    assert abs(slopes(np.array(errors))[-1] - 2.0) < 0.1, (errors, slopes(np.array(errors)))
    assert np.abs(errors[-1]) < 3e-4


@eqx.filter_jit
def _sabr_moves(model, log_vols, dt, normals):
    """Log-return over the forward and the new log-volatility, for each start and two normals."""
    carry = (model.rate - model.dividend) * dt
    power = model.exponent - 1.0

    def step(y, z):
        alpha = jnp.exp(y - power * jnp.log(model.spot))
        path = dataclasses.replace(model, alpha=alpha).path(jnp.stack([0.0 * dt, dt]), z[None])
        log_price = jnp.log(path.prices[-1, 0])
        after = jnp.log(path.factors[-1, 0]) + power * log_price
        return log_price - jnp.log(model.spot) - carry, after

    return jax.vmap(lambda y: jax.vmap(lambda z: step(y, z))(normals))(log_vols)


def mean_power(model, power, horizon, n_steps):
    r"""E (S/F)^power in SABR, where $\alpha S^{\beta - 1}$ alone decides the law of what follows.

    A function of that one number, backwards in time, by quadrature over the two normals.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(24)
    normals = np.stack(np.meshgrid(nodes, nodes), axis=-1).reshape(-1, 2)
    weights = np.outer(weights, weights).ravel() / weights.sum() ** 2
    reach = max(1.0, 8.0 * float(model.vol_of_vol) * np.sqrt(horizon))
    now = np.log(float(model.alpha)) + float(model.exponent - 1.0) * np.log(float(model.spot))
    # Volatility rises without bound as the price comes to 0.
    log_vols = now + np.append(np.linspace(-reach, 0.0, 150)[:-1], np.linspace(0.0, 2 * reach, 151))
    moves = _sabr_moves(
        model, jnp.asarray(log_vols), jnp.asarray(horizon / n_steps), jnp.asarray(normals)
    )
    log_return, after = (np.asarray(part) for part in moves)
    after = np.clip(np.nan_to_num(after, nan=np.inf), log_vols[0], log_vols[-1])
    kernel, values = np.exp(power * log_return) * weights, np.ones_like(log_vols)
    for _ in range(n_steps):
        values = np.sum(CubicSpline(log_vols, values)(after) * kernel, axis=1)
    return values[149]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("exponent", "name", "finest"),
    [
        (1.0, "day", 32),
        (1.0, "month", 64),
        (1.0, "year", 64),
        (1.0, "five years", 64),
        (0.5, "day", 32),
        (0.5, "month", 64),
        (0.5, "year", 128),
        (0.5, "five years", 1024),
    ],
)
def test_sabr_is_of_weak_order_one_once_steps_are_small(exponent, name, finest):
    """The mean of the root of the price; that of the price is one, which tests the quadrature."""
    alpha = 0.2 * 100.0 ** (1.0 - exponent)
    model = dataclasses.replace(SABR.example(), alpha=alpha, exponent=exponent)
    assert abs(mean_power(model, 1.0, HORIZONS[name], 4) - 1.0) < 1e-5
    means = [mean_power(model, 0.5, HORIZONS[name], n) for n in (finest // 4, finest // 2, finest)]
    falls = -np.diff(means)
    assert abs(slopes(falls)[-1] - 1.0) < 0.05, (means, slopes(falls))


@pytest.mark.slow
def test_sabr_close_to_zero_shows_its_order_late():
    """At the example, between a few steps of a year: what looks like a lower order."""
    means = [mean_power(SABR.example(), 0.5, 1.0, n) for n in (2, 4, 8, 16, 32)]
    found = slopes(-np.diff(means))
    assert np.all(np.abs(found - [0.61, 0.73, 0.84]) < 0.01), found
