"""Rough Bergomi: the Volterra process, the forward variance, the smile."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import hyp2f1
from scipy.stats import norm

from deephedge.markets import RoughBergomi, simulate
from deephedge.markets.rough_bergomi import volterra_process
from deephedge.numerics.draws import antithetic

EVEN = np.linspace(0.0, 2.0, 25)
UNEVEN = np.array([0.0, 0.001, 0.01, 0.012, 0.1, 0.5, 0.6, 1.5, 2.0])
DAYS = np.linspace(0.0, 10 / 252, 11)
grids = pytest.mark.parametrize("times", [EVEN, UNEVEN, DAYS], ids=["even", "uneven", "days"])


def _loadings(times, hurst):
    """The exact linear map from the normals to the Volterra process, per column of normals."""
    normals = jnp.zeros((len(times) - 1, 2))
    slope = jax.jacobian(lambda z: volterra_process(jnp.asarray(times), jnp.asarray(hurst), z))
    return np.moveaxis(np.asarray(slope(normals)), 2, 0)


@grids
@pytest.mark.parametrize("hurst", [0.01, 0.07, 0.3, 0.5, 0.8])
def test_volterra_process_has_its_variance_at_every_date(times, hurst):
    on_z, rest = _loadings(times, hurst)
    np.testing.assert_allclose(
        (on_z**2 + rest**2).sum(axis=1), times[1:] ** (2.0 * hurst), rtol=1e-12
    )


@grids
@pytest.mark.parametrize("hurst", [0.07, 0.3, 0.8])
def test_volterra_process_has_its_covariance_with_the_driver(times, hurst):
    on_z, rest = _loadings(times, hurst)
    covariance = on_z * np.sqrt(np.diff(times))[None, :]
    expected = np.zeros_like(covariance)
    for i, t in enumerate(times[1:]):
        for j in range(i + 1):
            # Integral of the kernel over a step, with the pole at its end as quad's weight.
            pole = dict(weight="alg", wvar=(0.0, hurst - 0.5)) if j == i else {}
            kernel = (lambda s: 1.0) if j == i else (lambda s, t=t: (t - s) ** (hurst - 0.5))
            expected[i, j] = np.sqrt(2 * hurst) * quad(kernel, times[j], times[j + 1], **pole)[0]
    np.testing.assert_allclose(covariance, expected, rtol=1e-7, atol=1e-12)
    assert np.all(rest == np.diag(np.diag(rest)))


def test_volterra_process_remembers_as_it_should():
    """The covariance of two dates, integrated exactly, to the scheme's own error."""
    hurst, times = 0.07, np.linspace(0.0, 1.0, 65)
    on_z, rest = _loadings(times, hurst)
    covariance = on_z @ on_z.T + rest @ rest.T
    for early, late in ((16, 32), (16, 64), (48, 64)):
        s, t = times[early], times[late]
        exact = (
            2
            * hurst
            * quad(
                lambda u, t=t: (t - u) ** (hurst - 0.5),
                0.0,
                s,
                weight="alg",
                wvar=(0.0, hurst - 0.5),
            )[0]
        )
        np.testing.assert_allclose(covariance[early - 1, late - 1], exact, rtol=4e-3)


def test_at_half_the_process_is_the_brownian_motion():
    on_z, rest = _loadings(UNEVEN, 0.5)
    steps = np.sqrt(np.diff(UNEVEN))
    np.testing.assert_allclose(on_z, np.tril(np.ones((8, 8))) * steps[None, :], rtol=1e-12)
    assert np.max(np.abs(rest)) < 1e-7


@pytest.mark.parametrize("times", [UNEVEN, DAYS], ids=["uneven", "days"])
def test_prices_are_martingales_and_variance_is_its_forward_at_every_date(times):
    model = dataclasses.replace(
        RoughBergomi.example(),
        vol_of_vol=jnp.asarray(0.8),
        forward_variance=jnp.asarray([0.04, 0.09]),
        curve_times=jnp.asarray([0.0, 1.0]),
    )
    key = jax.random.key(0)
    paths = simulate(model, jnp.asarray(times), 16_384, key=key, draws=antithetic)
    forward = np.interp(times, [0.0, 1.0], [0.04, 0.09])
    value = np.asarray(paths.discount[:, :, None] * paths.prices * paths.accrual)[:, :, 0]
    for got, largest in (
        (value / 100.0, 5e-3),
        (np.asarray(paths.factors)[:, :, 0] / forward, 2e-2),
    ):
        pairs = got.reshape(-1, 2, len(times)).mean(axis=1)
        error = pairs.std(axis=0, ddof=1) / np.sqrt(len(pairs))
        assert np.all(error < largest)
        assert np.all(np.abs(pairs.mean(axis=0) - 1.0) < 4.0 * error + 1e-12)


def test_no_vol_of_vol_is_black_scholes():
    model = dataclasses.replace(RoughBergomi.example(), vol_of_vol=jnp.asarray(0.0))
    paths = simulate(model, jnp.asarray(UNEVEN), 16_384, key=jax.random.key(1))
    np.testing.assert_allclose(paths.factors, 0.235**2, rtol=1e-12)
    log_price = np.log(np.asarray(paths.prices)[:, -1, 0] / 100.0)
    expected = 0.235**2 * 2.0
    assert abs(log_price.var() / expected - 1.0) < 4.0 * np.sqrt(2.0 / 16_384)


def test_wrong_curve_is_refused():
    with pytest.raises(ValueError, match="`curve_times` must have one date for each"):
        RoughBergomi(
            spot=100.0,
            forward_variance=[0.04, 0.05],
            vol_of_vol=1.0,
            hurst=0.1,
            correlation=0.0,
        )


def _exact_calls(model, n_steps, strikes, n_paths):
    """Calls of one year, given the path of Z, with (Z, Y) drawn from its exact Gaussian law."""
    hurst, eta, rho = float(model.hurst), float(model.vol_of_vol), float(model.correlation)
    xi, dt = float(model.forward_variance[0]), 1.0 / n_steps
    t = np.arange(1, n_steps + 1) * dt
    early, late = np.minimum.outer(t, t), np.maximum.outer(t, t)
    series = hyp2f1(0.5 - hurst, 1.0, hurst + 1.5, early / late)
    y_y = 2 * hurst * early ** (hurst + 0.5) * late ** (hurst - 0.5) / (hurst + 0.5) * series
    lag = np.maximum(np.subtract.outer(t, t), 0.0)
    y_z = np.tril((lag + dt) ** (hurst + 0.5) - lag ** (hurst + 0.5))
    y_z *= np.sqrt(2 * hurst) / (hurst + 0.5)
    joint = np.block([[dt * np.eye(n_steps), y_z.T], [y_z, y_y]])
    normals = np.random.default_rng(0).standard_normal((2 * n_steps, n_paths))
    dz, y = np.split(np.linalg.cholesky(joint) @ normals, 2)
    v = xi * np.exp(eta * y - 0.5 * eta**2 * t[:, None] ** (2 * hurst))
    v = np.vstack([np.full((1, n_paths), xi), v[:-1]])
    forward = 100.0 * np.exp(np.sum(rho * np.sqrt(v) * dz - 0.5 * rho**2 * v * dt, axis=0))
    deviation = np.sqrt((1.0 - rho**2) * np.sum(v * dt, axis=0))[:, None]
    d = np.log(forward[:, None] / strikes) / deviation + 0.5 * deviation
    return forward[:, None] * norm.cdf(d) - strikes * norm.cdf(d - deviation)


@pytest.mark.slow
def test_calls_cost_what_the_exact_gaussian_law_says():
    """Bayer, Friz and Gatheral's parameters; the same Euler steps of the price, the law exact."""
    model = dataclasses.replace(
        RoughBergomi.example(), rate=jnp.asarray(0.0), dividend=jnp.asarray(0.0)
    )
    strikes, n_steps = np.array([80.0, 100.0, 110.0, 120.0]), 64
    times = jnp.asarray(np.linspace(0.0, 1.0, n_steps + 1))
    paths = simulate(model, times, 65_536, key=jax.random.key(0), draws=antithetic)
    payoff = np.maximum(np.asarray(paths.prices)[:, -1] - strikes, 0.0)
    ours, exact = (
        payoff.reshape(-1, 2, 4).mean(axis=1),
        _exact_calls(model, n_steps, strikes, 40_000),
    )
    error = np.sqrt(sum(x.var(axis=0, ddof=1) / len(x) for x in (ours, exact)))
    assert np.all(error < 0.1)
    assert np.all(np.abs(ours.mean(axis=0) - exact.mean(axis=0)) < 4.0 * error)
