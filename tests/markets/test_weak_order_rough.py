"""The weak order of the hybrid scheme of rough Bergomi.

The root of the variance is an exponential of normals, so that the moments of the scheme, and those
of the model, are sums and integrals of closed forms: no noise.
"""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import hyp2f1
from test_simulators import _assert_mean

from deephedge.markets import RoughBergomi, simulate
from deephedge.markets.rough_bergomi import volterra_process

MODEL = RoughBergomi.example()
HURST, ETA, RHO, XI = (
    float(np.ravel(x)[0])
    for x in (MODEL.hurst, MODEL.vol_of_vol, MODEL.correlation, MODEL.forward_variance)
)
HORIZONS = {"day": 1.0 / 365.0, "month": 1.0 / 12.0, "year": 1.0, "five years": 5.0}


def second_moment(square, cross, horizon):
    """E X^2 of X = M - V/2, the log-return over the forward, as E M^2 = E V = xi T."""
    return XI * horizon + 0.25 * square - cross


@eqx.filter_jit
def _loadings(times):
    """What each normal, of the driver and of the rest, adds to the Volterra process."""
    n = times.shape[0] - 1
    none = jnp.zeros((n, 2))

    def column(j):
        alone = jax.vmap(lambda z: volterra_process(times, MODEL.hurst, none.at[:, j].set(z)))
        return alone(jnp.eye(n)).T

    return column(0), column(1)


def moments_of_the_scheme(horizon, n_steps):
    r"""E V^2 and E M V, with $V = \sum v_k dt$ and $M = \sum\sqrt{v_k}\,dW_k$."""
    dt, times = horizon / n_steps, np.linspace(0.0, horizon, n_steps + 1)
    on_driver, rest = (np.asarray(x) for x in _loadings(jnp.asarray(times)))
    # Dates 0 to n - 1: a step sees the variance at its start.
    both, driver = np.zeros((n_steps, n_steps)), np.zeros((n_steps, n_steps))
    both[1:, 1:] = (on_driver @ on_driver.T + rest @ rest.T)[:-1, :-1]
    driver[1:] = on_driver[:-1] * np.sqrt(dt)
    square = XI**2 * np.sum(np.exp(ETA**2 * both)) * dt**2
    # E root(v_k) v_j, and by Stein's lemma E root(v_k) v_j dZ_k.
    joint = XI**1.5 * np.exp(ETA**2 * (0.5 * both - 0.125 * np.diag(both)[None, :]))
    return square, RHO * ETA * np.sum(driver * joint) * dt


def moments_of_the_model(horizon):
    """The same for steps of no length: integrals over two dates, with their poles taken out."""
    nodes, weights = np.polynomial.legendre.leggauss(100)
    nodes, weights = 0.5 * (nodes + 1.0), 0.5 * weights
    power = 0.5 / HURST
    late, late_weights = horizon * nodes**power, horizon * weights * power * nodes ** (power - 1.0)
    half, half_weights = 0.5 * nodes**power, 0.5 * weights * power * nodes ** (power - 1.0)
    early, gap = np.append(half, 1.0 - half), np.append(1.0 - half, half)
    early_weights = np.append(half_weights, half_weights)
    series = hyp2f1(0.5 - HURST, 1.0, HURST + 1.5, early)
    covariance = 2.0 * HURST / (HURST + 0.5) * early ** (HURST + 0.5) * series
    scale = ETA**2 * late[:, None] ** (2.0 * HURST)
    square = np.exp(scale * covariance) @ early_weights
    kernel = math.sqrt(2.0 * HURST) * gap ** (HURST - 0.5) * early_weights
    cross = np.exp(scale * (0.5 * covariance - 0.125 * early ** (2.0 * HURST))) @ kernel
    return (
        2.0 * XI**2 * np.sum(late_weights * late * square),
        RHO * ETA * XI**1.5 * np.sum(late_weights * late ** (HURST + 0.5) * cross),
    )


def orders(found, exact):
    errors = np.abs(np.array(found) / exact - 1.0)
    return np.log2(errors[:-1] / errors[1:]), errors[-1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "order", "error"),
    [
        ("day", 0.74, 7e-5),
        ("month", 0.68, 7e-4),
        ("year", 0.64, 3.2e-3),
        ("five years", 0.61, 3.2e-3),
    ],
)
def test_rough_steps_are_of_a_weak_order_below_one(name, order, error):
    """That of the mean of price times variance; it bounds that of smooth functions of the price.

    Gassiat (2023), Weak error rates of numerical schemes for rough volatility: in the limit
    min(1, 3H + 1/2), which is 0.71.
    """
    horizon = HORIZONS[name]
    square, cross = moments_of_the_model(horizon)
    squares, crosses = zip(
        *(moments_of_the_scheme(horizon, n) for n in (64, 128, 256)), strict=True
    )
    found, _ = orders(crosses, cross)
    assert abs(found[-1] - order) < 0.02, found
    found, _ = orders(squares, square)
    assert np.all(np.abs(found - 1.1) < 0.1), found
    _, relative = orders(
        [second_moment(s, c, horizon) for s, c in zip(squares, crosses, strict=True)],
        second_moment(square, cross, horizon),
    )
    assert relative < error


@pytest.mark.slow
@pytest.mark.parametrize(("name", "order"), [("day", 0.74), ("month", 0.67)])
def test_the_second_moment_of_the_log_return_settles_likewise(name, order):
    horizon = HORIZONS[name]
    found, _ = orders(
        [second_moment(*moments_of_the_scheme(horizon, n), horizon) for n in (64, 128, 256)],
        second_moment(*moments_of_the_model(horizon), horizon),
    )
    assert abs(found[-1] - order) < 0.02, found


@pytest.mark.slow
def test_simulated_log_returns_have_the_second_moment_of_the_scheme():
    horizon = HORIZONS["month"]
    times = jnp.asarray(np.linspace(0.0, horizon, 5))
    paths = simulate(MODEL, times, 65_536, key=jax.random.key(5))
    logs = np.log(np.asarray(paths.prices[:, -1, 0]) / 100.0) - 0.01 * horizon
    expected = second_moment(*moments_of_the_scheme(horizon, 4), horizon)
    _assert_mean(logs**2 / expected, 1.0, 0.02)
