"""Simulated log-returns have the law of the characteristic function, from a day to five years.

The distance of Kolmogorov and Smirnov between the simulated law and the stated one, which is the
integral of Gil-Pelaez; a day of variance gamma, whose characteristic function hardly decays, is
the normal law averaged over the gamma clock.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import gammainccinv, gammaincinv, ndtr
from scipy.stats import kstwobign
from test_simulators import _assert_mean, _assert_variance, _cumulants

import deephedge.markets as markets
from deephedge.claims import DigitalCall
from deephedge.markets import AbstractAffineModel, VarianceGamma, simulate
from deephedge.pricing import CEVFormula

HORIZONS = {"day": 1.0 / 365.0, "month": 1.0 / 12.0, "year": 1.0, "five years": 5.0}
N_PATHS = 16_384
LEVEL = 1e-5
"""The chance that a right law is taken for a wrong one, in each of some forty tests."""

QUICK = ("BlackScholes", "Merton", "Kou")
"""Met by default, in one step; all others under slow."""
EXACT = (*QUICK, "VarianceGamma")
STEPPED = {"day": 4, "month": 16, "year": 64, "five years": 160}
MODELS = [
    c.example()
    for c in vars(markets).values()
    if isinstance(c, type)
    and issubclass(c, AbstractAffineModel)
    and c.__name__ not in ("AbstractAffineModel", "AbstractHeston", "HestonEuler")
]


def log_returns(model, name):
    """Of the price over its forward; an absorbed price is that of the smallest number."""
    horizon = HORIZONS[name]
    n_steps = 1 if type(model).__name__ in EXACT else STEPPED[name]
    times = jnp.asarray(np.linspace(0.0, horizon, n_steps + 1))
    prices = simulate(model, times, N_PATHS, key=jax.random.key(17)).prices[:, -1, 0]
    forward = float(model.spot.reshape(-1)[0] * jnp.exp((model.rate - model.dividend) * horizon))
    least = np.finfo(prices.dtype).tiny
    return np.sort(np.log(np.maximum(np.asarray(prices), least) / forward))


def distribution(model, horizon, points):
    """Gil-Pelaez (1951), by the midpoint rule: periods of 80 deviations, up to no amplitude."""
    _, variance = _cumulants(model, horizon)
    span = 80.0 * np.sqrt(variance) + 8.0 * min(horizon, 1.0) ** 0.25
    step, n = 2.0 * np.pi / span, 1 << 16
    u = (np.arange(n) + 0.5) * step
    exponent = model.log_characteristic(
        jnp.asarray(u + 0j), jnp.asarray(horizon), model.start().factors
    )
    phi = np.exp(np.asarray(exponent))
    assert np.abs(phi[-1]) < 1e-4
    live = np.abs(phi) > 1e-12
    u, phi = u[live], phi[live]
    waves = np.exp(-1j * np.outer(points, u))
    return 0.5 - np.imag(waves @ (phi / u)) * step / np.pi


def distribution_over_the_clock(model, horizon, points):
    """The normal law given the clock, averaged over the clock's quantiles."""
    nu, theta, vol = (float(x) for x in (model.clock_variance, model.asymmetry, model.vol))
    omega = np.log(1.0 - theta * nu - 0.5 * vol**2 * nu) / nu
    z = np.linspace(-8.0, 8.0, 8001)
    weight = np.exp(-0.5 * z * z)
    low, high = ndtr(np.minimum(z, 0.0)), ndtr(-np.maximum(z, 0.0))
    shape = horizon / nu
    clock = nu * np.where(z < 0, gammaincinv(shape, low), gammainccinv(shape, high))
    clock = np.maximum(clock, 1e-280)
    distance = (points[:, None] - omega * horizon - theta * clock) / (vol * np.sqrt(clock))
    return ndtr(distance) @ (weight / weight.sum())


def check_distance(sample, stated, points):
    distance = np.max(np.abs(np.searchsorted(sample, points) / sample.size - stated))
    assert distance * np.sqrt(sample.size) < kstwobign.isf(LEVEL), distance


def between(sample):
    """Some 256 points just above values of the sample, of which many may be one to rounding."""
    return np.unique(sample[:: N_PATHS // 256]) + 1e-9


def _cases():
    for model in MODELS:
        for name in HORIZONS:
            cheap = type(model).__name__ in QUICK and name == "five years"
            marks = () if cheap else pytest.mark.slow
            yield pytest.param(model, name, marks=marks, id=f"{type(model).__name__}-{name}")


@pytest.mark.parametrize(("model", "name"), [*_cases()])
def test_log_returns_have_the_stated_law_and_moments(model, name):
    horizon, sample = HORIZONS[name], log_returns(model, name)
    points = between(sample)
    is_gamma = isinstance(model, VarianceGamma)
    law = distribution_over_the_clock if is_gamma else distribution
    check_distance(sample, law(model, horizon, points), points)
    mean, variance = _cumulants(model, horizon)
    _assert_mean(sample / np.sqrt(variance), mean / np.sqrt(variance), 0.01)
    _assert_variance(sample / np.sqrt(variance), 1.0, 1.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", HORIZONS)
@pytest.mark.parametrize("exponent", [0.2, 0.5, 0.9])
def test_constant_elasticity_has_the_noncentral_chi_square_law(name, exponent):
    scale = 0.2 * 100.0 ** (1.0 - exponent)
    model = dataclasses.replace(markets.CEV.example(), exponent=exponent, scale=scale)
    sample = log_returns(model, name)
    points = between(sample)
    horizon = HORIZONS[name]
    strikes = 100.0 * np.exp(points + float(model.rate - model.dividend) * horizon)
    above = jax.jit(
        jax.vmap(lambda k: CEVFormula(model).price(DigitalCall(k, horizon), model.start()))
    )(jnp.asarray(np.maximum(strikes, 1e-12)))
    check_distance(sample, 1.0 - np.exp(float(model.rate) * horizon) * np.asarray(above), points)


@pytest.mark.slow
@pytest.mark.parametrize("level", [1e-8, 1e-20, 1e-36])
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_a_variance_that_hardly_exists_is_simulated_and_has_slopes(level, dtype):
    times, normals = jnp.asarray([0.0, 0.1, 0.2], dtype), jnp.asarray([[0.3, -1.0], [1.0, 2.0]])

    example = jax.tree.map(lambda x: x.astype(dtype), markets.Heston.example())

    @jax.jit
    @jax.grad
    def slope(level):
        model = dataclasses.replace(example, variance=0.0 * level, long_variance=level)
        path = model.path(times, normals.astype(dtype))
        return path.prices[-1, 0] + path.factors[-1, 0]

    assert np.isfinite(slope(jnp.asarray(level, dtype)))
