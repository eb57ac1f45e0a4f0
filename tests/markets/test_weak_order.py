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

from deephedge.markets import CEV, Heston, LocalVolatility

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
@pytest.mark.parametrize("model", [CEV.example(), LocalVolatility.example()], ids=["CEV", "local"])
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


def second_moment(model, horizon, n_steps):
    """E X^2 of the log-return over the forward, from its conditional moments backwards in time."""
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
    return float(CubicSpline(np.sqrt(v), square)(np.sqrt(float(model.variance))))


@pytest.mark.parametrize(
    ("name", "steps"), [("day", 1), ("month", 2), ("year", 8), ("five years", 32)]
)
def test_quadratic_exponential_steps_are_of_weak_order_two(name, steps):
    model, horizon = Heston.example(), HORIZONS[name]
    mean, variance = _cumulants(model, horizon)
    exact = mean**2 + variance
    errors = np.array([second_moment(model, horizon, steps * n) / exact - 1.0 for n in (1, 2, 4)])
    assert abs(slopes(errors)[-1] - 2.0) < 0.1, (errors, slopes(errors))
    assert np.abs(errors[-1]) < 3e-4
