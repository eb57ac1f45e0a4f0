"""Simulated paths have the law that their model states, at every horizon and step count."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm, poisson

from deephedge.claims import Call
from deephedge.markets import BlackScholes, Heston, HestonEuler, Kou, Merton, simulate
from deephedge.pricing import Fourier

EXAMPLES = [c.example() for c in (BlackScholes, Heston, HestonEuler, Merton)]
every = pytest.mark.parametrize("model", EXAMPLES, ids=lambda m: type(m).__name__)
N_PATHS = 32_768
FELLER_KEPT = dict(variance=0.04, mean_reversion=2.0, long_variance=0.06, vol_of_variance=0.3)
FELLER_BROKEN = dict(variance=0.04, mean_reversion=0.5, long_variance=0.04, vol_of_variance=1.0)
MONTH, DAY = 1.0 / 12.0, 1.0 / 365.0


def _paths(model, horizon, n_steps, n_paths=N_PATHS, seed=7):
    times = jnp.asarray(np.linspace(0.0, horizon, n_steps + 1))
    return simulate(model, times, n_paths, key=jax.random.key(seed))


def _assert_mean(values, expected, largest_error):
    """The sample mean is within 4 standard errors, which are themselves small enough."""
    values = np.asarray(values)
    error = values.std(ddof=1) / np.sqrt(values.size)
    assert error < largest_error, error
    assert abs(values.mean() - expected) < 4.0 * error + 1e-12, (values.mean(), expected, error)


def _assert_variance(values, expected, largest_error):
    values = np.asarray(values)
    _assert_mean((values - values.mean()) ** 2, expected, largest_error)


@pytest.mark.slow
@every
@pytest.mark.parametrize(("horizon", "n_steps"), [(DAY, 1), (1.0, 4), (5.0, 10)])
def test_discounted_accrued_prices_are_martingales(model, horizon, n_steps):
    paths = _paths(model, horizon, n_steps)
    value = paths.discount[:, -1] * paths.prices[:, -1, 0] * paths.accrual[:, -1, 0]
    _assert_mean(value / 100.0, 1.0, 6e-3)


@every
@pytest.mark.parametrize("drift", [None, 0.1])
def test_prices_grow_at_the_drift_that_is_stated(model, drift):
    model = dataclasses.replace(model, drift=drift)
    growth = 0.02 - 0.01 if drift is None else drift
    paths = _paths(model, 2.0, 5)
    for step in (1, 3, 5):
        expected = np.exp(growth * float(paths.time[0, step]))
        _assert_mean(paths.prices[:, step, 0] / 100.0, expected, 4e-3)


def _square_root_moments(variance, mean_reversion, long_variance, vol_of_variance, horizon):
    """Cox, Ingersoll and Ross (1985), equation 19."""
    decay = np.exp(-mean_reversion * horizon)
    mean = long_variance + (variance - long_variance) * decay
    start, limit = variance * decay * (1.0 - decay), long_variance * (1.0 - decay) ** 2 / 2.0
    return mean, vol_of_variance**2 / mean_reversion * (start + limit)


@pytest.mark.parametrize("parameters", [FELLER_KEPT, FELLER_BROKEN], ids=["kept", "broken"])
@pytest.mark.parametrize("n_steps", [1, 3, 12])
@pytest.mark.parametrize("horizon", [DAY, MONTH, 1.0, 5.0])
def test_heston_variance_has_its_exact_mean_and_variance(parameters, horizon, n_steps):
    mean, variance = _square_root_moments(**parameters, horizon=horizon)
    model = Heston(spot=100.0, correlation=-0.7, **parameters)
    values = _paths(model, horizon, n_steps).factors[:, -1, 0]
    _assert_mean(values / mean, 1.0, 0.03)
    _assert_variance(values / np.sqrt(variance), 1.0, 0.15)


def _cumulants(model, horizon):
    """Mean and variance of log(S_T / F), from the characteristic function."""
    factors = model.start().factors

    def generator(s):
        u = jax.lax.complex(0.0 * s, -s)
        return jnp.real(model.log_characteristic(u, jnp.asarray(horizon), factors))

    first = jax.jacfwd(generator)
    return float(first(jnp.asarray(0.0))), float(jax.jacfwd(first)(jnp.asarray(0.0)))


@pytest.mark.parametrize(
    ("model", "horizon", "n_steps"),
    [
        (BlackScholes.example(), 2.0, 3),
        (Merton.example(), MONTH, 1),
        (Merton.example(), 2.0, 3),
        (Heston.example(), MONTH, 2),
        (Heston.example(), 1.0, 24),
        (Heston(spot=100.0, correlation=0.9, **FELLER_KEPT), 1.0, 24),
        (HestonEuler.example(), MONTH, 16),
    ],
    ids=lambda x: type(x).__name__ if isinstance(x, eqx.Module) else None,
)
def test_log_prices_have_the_cumulants_of_the_characteristic_function(model, horizon, n_steps):
    growth = float(model.rate - model.dividend) * horizon
    logs = np.log(np.asarray(_paths(model, horizon, n_steps).prices[:, -1, 0]) / 100.0) - growth
    mean, variance = _cumulants(model, horizon)
    _assert_mean(logs / np.sqrt(variance), mean / np.sqrt(variance), 0.006)
    _assert_variance(logs / np.sqrt(variance), 1.0, 0.03)


_price = jax.jit(lambda pricer, claim: pricer.price(claim, pricer.model.start()))


def _call_errors(model, horizon, n_steps, n_paths=N_PATHS):
    """Discounted payoffs of the call at the money, less the Fourier price."""
    claim = Call(strike=100.0, maturity=horizon)
    pricer = Fourier(model, n_terms=2048, width=24.0)
    exact = float(_price(pricer, claim))
    paths = _paths(model, horizon, n_steps, n_paths)
    payoff = np.maximum(np.asarray(paths.prices[:, -1, 0]) - 100.0, 0.0)
    return np.asarray(paths.discount[:, -1]) * payoff - exact


@pytest.mark.parametrize(
    ("model", "n_steps"),
    [
        (Merton.example(), 1),
        pytest.param(Heston.example(), 16, marks=pytest.mark.slow),
        pytest.param(
            Heston(spot=100.0, correlation=-0.7, rate=0.03, **FELLER_BROKEN),
            32,
            marks=pytest.mark.slow,
        ),
        pytest.param(
            Heston(spot=100.0, correlation=-0.99, **FELLER_KEPT), 32, marks=pytest.mark.slow
        ),
    ],
)
def test_simulated_calls_cost_their_fourier_price(model, n_steps):
    _assert_mean(_call_errors(model, 1.0, n_steps), 0.0, 0.1)


@pytest.mark.slow
def test_the_bias_of_euler_falls_with_the_step_and_exceeds_that_of_quadratic_exponential():
    parameters = dict(spot=100.0, correlation=-0.7, **FELLER_BROKEN)
    mean, _ = _square_root_moments(**FELLER_BROKEN, horizon=1.0)
    euler = HestonEuler(**parameters)
    coarse, fine = (
        float(jnp.mean(_paths(euler, 1.0, n).factors[:, -1, 0])) / mean - 1.0 for n in (4, 64)
    )
    assert coarse > 0.1 and abs(fine) < 0.4 * coarse
    dear, less, exact = (
        abs(_call_errors(model, 1.0, n).mean())
        for model, n in ((euler, 4), (euler, 64), (Heston(**parameters), 4))
    )
    assert less < 0.5 * dear and exact < 0.5 * dear


@pytest.mark.slow
@pytest.mark.parametrize("expected", [0.01, 0.8, 5.0, 30.0])
def test_merton_counts_jumps_by_the_poisson_law(expected):
    # With neither diffusion nor spread of sizes, the log-return counts the jumps.
    model = Merton(spot=1.0, vol=0.0, intensity=expected, jump_mean=-0.1, jump_vol=0.0)
    trend = -expected * np.expm1(-0.1)
    logs = np.log(np.asarray(_paths(model, 1.0, 1).prices[:, -1, 0]))
    counts = (trend - logs) / 0.1
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-9)
    _assert_mean(counts / expected, 1.0, 0.06)
    _assert_variance(counts / np.sqrt(expected), 1.0, 0.06)

    z = np.linspace(-3.0, 3.0, 61)[:, None, None] * np.array([0.0, 1.0, 0.0])
    path = jax.vmap(lambda n: model.path(jnp.asarray([0.0, 1.0]), n))(jnp.asarray(z))
    counts = (trend - np.log(np.asarray(path.prices[:, -1, 0]))) / 0.1
    np.testing.assert_allclose(counts, poisson.ppf(norm.cdf(z[:, 0, 1]), expected), atol=1e-9)


@pytest.mark.parametrize("kind", [Merton, Kou])
def test_more_jumps_than_a_step_can_hold_are_not_priced(kind):
    many = dataclasses.replace(kind.example(), intensity=jnp.asarray(300.0))
    z = jnp.full((1, many.normals_per_step), 0.3)
    assert np.all(np.isnan(many.path(jnp.asarray([0.0, 1.0]), z).prices[1:]))
    assert np.all(np.isfinite(many.path(jnp.asarray([0.0, 0.1]), z).prices))


@eqx.filter_jit
def _functional(model):
    """A smooth functional of prices and factors along a few fixed paths."""
    paths = _paths(model, 1.0, 6, n_paths=64)
    return jnp.mean(jnp.log1p(paths.prices**2)) + jnp.mean(paths.prices) / 50.0


@pytest.mark.slow
@every
def test_slopes_in_every_parameter_are_finite(model):
    slope = jax.tree.leaves(
        eqx.filter_jit(eqx.filter_grad(_functional))(dataclasses.replace(model, drift=0.05))
    )
    assert len(slope) >= 5
    for leaf in slope:
        assert np.all(np.isfinite(np.asarray(leaf)))


@pytest.mark.slow
@pytest.mark.parametrize("parameters", [FELLER_KEPT, FELLER_BROKEN], ids=["kept", "broken"])
def test_slopes_of_heston_are_those_of_central_differences(parameters):
    model = Heston(spot=100.0, correlation=-0.7, rate=0.02, dividend=0.01, **parameters)
    slope = eqx.filter_jit(eqx.filter_grad(_functional))(model)
    for name in (*parameters, "spot", "correlation", "rate", "dividend"):
        value = float(getattr(model, name))
        step = 1e-6 * max(abs(value), 0.1)
        up, down = (
            float(_functional(dataclasses.replace(model, **{name: value + s})))
            for s in (step, -step)
        )
        np.testing.assert_allclose(getattr(slope, name), (up - down) / (2.0 * step), rtol=1e-5)


@every
def test_long_paths_in_float32_are_finite(model):
    model = jax.tree.map(lambda x: x.astype(jnp.float32), model)
    times = jnp.linspace(0.0, 5.0, 41, dtype=jnp.float32)
    paths = simulate(model, times, 2_048, key=jax.random.key(3))
    for leaf in jax.tree.leaves(paths):
        assert leaf.dtype == jnp.float32 and np.all(np.isfinite(np.asarray(leaf)))


@pytest.mark.slow
def test_rough_heston_parameters_in_float32_are_finite_and_variance_is_not_negative():
    for scheme in (Heston, HestonEuler):
        model = scheme(
            spot=100.0,
            variance=0.0,
            mean_reversion=0.1,
            long_variance=0.01,
            vol_of_variance=3.0,
            correlation=-0.99,
        )
        model = jax.tree.map(lambda x: x.astype(jnp.float32), model)
        times = jnp.linspace(0.0, 1.0, 253, dtype=jnp.float32)
        paths = simulate(model, times, 512, key=jax.random.key(3))
        assert np.all(np.isfinite(np.asarray(paths.prices)))
        assert np.all(np.asarray(paths.factors) >= 0.0)
