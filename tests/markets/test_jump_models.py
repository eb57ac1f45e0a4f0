"""Models with jumps: simulated laws against their characteristic functions, prices against others.

Bates, Kou and variance gamma.
"""

import dataclasses
import math
from itertools import pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql  # noqa: N813
from scipy import integrate
from scipy.special import gammainccinv, gammaincinv, ndtr
from scipy.stats import kstwobign
from test_simulators import _assert_mean, _assert_variance, _cumulants, _paths

from deephedge.claims import Call, Put
from deephedge.markets import Bates, BlackScholes, Heston, Kou, Merton, VarianceGamma
from deephedge.numerics.gamma import erlang, log_gamma, log_quantile
from deephedge.pricing import Fourier, MonteCarlo
from deephedge.pricing.greeks import greeks

EXAMPLES = [c.example() for c in (Bates, Kou, VarianceGamma)]
every = pytest.mark.parametrize("model", EXAMPLES, ids=lambda m: type(m).__name__)
MONTH, DAY = 1.0 / 12.0, 1.0 / 365.0
STRIKES = np.array([60.0, 90.0, 100.0, 110.0, 160.0])
NORMALS = np.linspace(-6.0, 6.0, 97)


def _gamma_quantile(shape, z):
    below, above = ndtr(np.minimum(z, 0.0)), ndtr(-np.maximum(z, 0.0))
    return np.where(z < 0.0, gammaincinv(shape, below), gammainccinv(shape, above))


quantiles, variates = jax.jit(log_quantile), jax.jit(jax.vmap(log_gamma))
quantile_slopes = jax.jit(jax.vmap(jax.grad(log_quantile, (0, 1))))


@pytest.mark.parametrize(
    "shape",
    [
        60.0,
        *(pytest.param(a, marks=pytest.mark.slow) for a in (0.3, 1e-3, 0.0137, 1.0, 4.0, 1000.0)),
    ],
)
def test_gamma_variates_are_the_inverse_of_the_distribution_function(shape):
    expected = _gamma_quantile(shape, NORMALS)
    z, a = jnp.asarray(NORMALS), jnp.full(NORMALS.size, shape)
    seen = expected > 1e-290
    for function, error in ((quantiles, 1e-11), (variates, 1e-6)):
        got = np.asarray(function(a, z))[seen]
        np.testing.assert_allclose(got, np.log(expected[seen]), rtol=0.0, atol=error)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [0.0137, 3.0])
def test_slopes_of_gamma_variates_are_those_of_central_differences(shape):
    z, a = jnp.asarray(NORMALS[::4]), jnp.full(NORMALS[::4].size, shape)
    for i, h in ((0, 1e-4 * shape), (1, 1e-5)):
        up, down = ((a + s * (1 - i), z + s * i) for s in (h, -h))
        by_hand = (quantiles(*up) - quantiles(*down)) / (2.0 * h)
        np.testing.assert_allclose(quantile_slopes(a, z)[i], by_hand, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("count", [0, 1, 2, 64])
def test_sums_of_exponentials_are_gamma_variates(count):
    z = jnp.asarray(NORMALS)
    got = jax.vmap(lambda x: erlang(jnp.asarray(float(count)), x, 64))(z)
    expected = _gamma_quantile(count, NORMALS) if count else 0.0 * NORMALS
    np.testing.assert_allclose(got, expected, rtol=0.0, atol=1e-8)


def _log_returns(model, horizon, n_steps, **options):
    growth = float(model.rate - model.dividend) * horizon
    paths = _paths(model, horizon, n_steps, **options)
    return np.log(np.asarray(paths.prices[:, -1, 0]) / 100.0) - growth


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "horizon", "n_steps", "mean_error", "variance_error"),
    [
        pytest.param(Bates.example(), DAY, 1, 0.006, 0.6, marks=pytest.mark.slow),
        pytest.param(Bates.example(), 1.0, 24, 0.006, 0.06, marks=pytest.mark.slow),
        pytest.param(Kou.example(), DAY, 1, 0.006, 1.0, marks=pytest.mark.slow),
        pytest.param(Kou.example(), MONTH, 2, 0.006, 0.2, marks=pytest.mark.slow),
        pytest.param(Kou.example(), 5.0, 3, 0.006, 0.03, marks=pytest.mark.slow),
        (VarianceGamma.example(), DAY, 1, 0.006, 0.2),
        pytest.param(VarianceGamma.example(), MONTH, 2, 0.006, 0.06, marks=pytest.mark.slow),
        pytest.param(VarianceGamma.example(), 5.0, 10, 0.006, 0.03, marks=pytest.mark.slow),
    ],
    ids=lambda x: type(x).__name__ if isinstance(x, eqx.Module) else None,
)
def test_log_returns_have_the_cumulants_of_the_characteristic_function(
    model, horizon, n_steps, mean_error, variance_error
):
    logs = _log_returns(model, horizon, n_steps)
    mean, variance = _cumulants(model, horizon)
    _assert_mean(logs / np.sqrt(variance), mean / np.sqrt(variance), mean_error)
    _assert_variance(logs / np.sqrt(variance), 1.0, variance_error)


def _distribution(model, horizon, points):
    """P(X < x) of the log-return by Gil-Pelaez, an integral over a fine midpoint grid."""
    step, n = 0.02, 200_000
    u = (np.arange(n) + 0.5) * step
    phi = np.exp(
        np.asarray(
            model.log_characteristic(
                jnp.asarray(u + 0j), jnp.asarray(horizon), model.start().factors
            )
        )
    )
    return np.array(
        [0.5 - np.sum(np.imag(phi * np.exp(-1j * u * x)) / u) * step / math.pi for x in points]
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "horizon", "n_steps"),
    [
        (Bates.example(), 1.0, 24),
        (Kou.example(), MONTH, 1),
        (Kou.example(), 5.0, 1),
        (VarianceGamma.example(), MONTH, 1),
        (VarianceGamma.example(), 1.0, 12),
    ],
    ids=lambda x: type(x).__name__ if isinstance(x, eqx.Module) else None,
)
def test_log_returns_have_the_law_of_the_characteristic_function(model, horizon, n_steps):
    logs = np.sort(_log_returns(model, horizon, n_steps, seed=11))
    points = np.quantile(logs, np.linspace(0.01, 0.99, 50))
    empirical = np.searchsorted(logs, points) / logs.size
    distance = np.max(np.abs(empirical - _distribution(model, horizon, points)))
    # The distance at 50 points is at most that of Kolmogorov and Smirnov at all.
    assert distance * math.sqrt(logs.size) < kstwobign.ppf(0.999)


def _prices(model, tau, kind: type[Call] | type[Put] = Call, strikes=STRIKES, n_terms=8192):
    pricer, now = Fourier(model, n_terms=n_terms, width=24.0), model.start()
    price = jax.jit(jax.vmap(lambda k: pricer.price(kind(strike=k, maturity=tau), now)))
    return np.asarray(price(jnp.asarray(strikes)))


@pytest.mark.slow
@every
def test_a_call_less_a_put_is_a_forward(model):
    forward = 100.0 * math.exp(-0.01) - STRIKES * math.exp(-0.02)
    difference = _prices(model, 1.0) - _prices(model, 1.0, Put)
    np.testing.assert_allclose(difference, forward, rtol=0.0, atol=1e-10)


def _flat(rate):
    today = ql.Settings.instance().evaluationDate
    return ql.YieldTermStructureHandle(ql.FlatForward(today, rate, ql.Actual365Fixed()))


@pytest.fixture
def today():
    before = ql.Settings.instance().evaluationDate
    ql.Settings.instance().evaluationDate = ql.Date(1, 1, 2024)
    yield ql.Settings.instance().evaluationDate
    ql.Settings.instance().evaluationDate = before


def _quantlib(engine, today, days):
    values = []
    for strike in STRIKES:
        payoff = ql.PlainVanillaPayoff(ql.Option.Call, float(strike))
        option = ql.VanillaOption(payoff, ql.EuropeanExercise(today + days))
        option.setPricingEngine(engine)
        values.append(option.NPV())
    return np.array(values)


@pytest.mark.parametrize("days", [30, 365, 1825])
def test_calls_in_bates_equal_those_of_quantlib(days, today):
    m = Bates.example()
    process = ql.BatesProcess(
        _flat(float(m.rate)),
        _flat(float(m.dividend)),
        ql.QuoteHandle(ql.SimpleQuote(100.0)),
        *(float(x) for x in (m.variance, m.mean_reversion, m.long_variance, m.vol_of_variance)),
        *(float(x) for x in (m.correlation, m.intensity, m.jump_mean, m.jump_vol)),
    )
    engine = ql.BatesEngine(ql.BatesModel(process), 1e-11, 100_000)
    theirs = _quantlib(engine, today, days)
    np.testing.assert_allclose(_prices(m, days / 365.0), theirs, rtol=0.0, atol=1e-8)


@pytest.mark.parametrize("days", [180, 365, 1825])
def test_calls_in_variance_gamma_equal_those_of_quantlib(days, today):
    m = VarianceGamma.example()
    process = ql.VarianceGammaProcess(
        ql.QuoteHandle(ql.SimpleQuote(100.0)),
        _flat(float(m.dividend)),
        _flat(float(m.rate)),
        *(float(x) for x in (m.vol, m.clock_variance, m.asymmetry)),
    )
    theirs = _quantlib(ql.VarianceGammaEngine(process), today, days)
    # Their quadrature stops at an error of 1e-5; the next test is to 1e-8.
    np.testing.assert_allclose(_prices(m, days / 365.0), theirs, rtol=0.0, atol=1e-5)


def _conditional_variance_gamma(m, strike, tau):
    """The call given the clock is Black and Scholes's; integrated over the clock's quantiles."""
    vol, nu, theta, r, q = (
        float(x) for x in (m.vol, m.clock_variance, m.asymmetry, m.rate, m.dividend)
    )
    omega = math.log(1.0 - theta * nu - 0.5 * vol**2 * nu) / nu

    def call(z):
        shape = tau / nu
        clock = nu * (gammaincinv(shape, ndtr(z)) if z < 0 else gammainccinv(shape, ndtr(-z)))
        forward = 100.0 * math.exp((r - q + omega) * tau + (theta + 0.5 * vol**2) * clock)
        deviation = max(vol * math.sqrt(clock), 1e-150)
        d = math.log(forward / strike) / deviation + 0.5 * deviation
        value = forward * ndtr(d) - strike * ndtr(d - deviation)
        return math.exp(-r * tau - 0.5 * z * z) / math.sqrt(2.0 * math.pi) * value

    edges = np.linspace(-9.0, 9.0, 73)
    parts = (integrate.quad(call, a, b, epsabs=1e-11)[0] for a, b in pairwise(edges))
    return math.fsum(parts)


@pytest.mark.parametrize(("tau", "error"), [(MONTH, 2e-3), (0.5, 1e-6), (2.0, 1e-8)])
def test_calls_in_variance_gamma_equal_the_mean_over_the_clock(tau, error):
    # The series converges as slowly as the density is rough: see the class.
    m = VarianceGamma.example()
    theirs = [_conditional_variance_gamma(m, k, tau) for k in STRIKES]
    np.testing.assert_allclose(_prices(m, tau), theirs, rtol=0.0, atol=error)


KOU_2002 = dict(vol=0.16, intensity=1.0, up_probability=0.4, up_size=0.1, down_size=0.2)


def test_a_call_in_kou_has_its_printed_price():
    """Kou (2002), section 5.2: 9.14732."""
    model = Kou(spot=100.0, rate=0.05, **KOU_2002)
    price = _prices(model, 0.5, strikes=np.array([98.0]))
    np.testing.assert_allclose(price, 9.14732, rtol=0.0, atol=5e-6)


def test_small_jumps_in_kou_vanish():
    small = dict(KOU_2002, up_size=1e-9, down_size=1e-9)
    plain = _prices(BlackScholes(spot=100.0, vol=0.16, rate=0.05), 0.5)
    np.testing.assert_allclose(
        _prices(Kou(spot=100.0, rate=0.05, **small), 0.5), plain, rtol=0.0, atol=1e-9
    )


def _same_law_and_paths(model, plain, n_columns):
    u, tau = jnp.asarray(np.linspace(-9.0, 9.0, 7) + 0.5j), jnp.asarray(0.7)
    got, expected = (m.log_characteristic(u, tau, m.start().factors) for m in (model, plain))
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-14)
    times = jnp.asarray([0.0, 0.1, 1.0])
    normals = jax.random.normal(jax.random.key(4), (2, model.normals_per_step))
    np.testing.assert_allclose(
        model.path(times, normals).prices,
        plain.path(times, normals[:, :n_columns]).prices,
        rtol=1e-12,
    )


@pytest.mark.slow
def test_bates_without_jumps_is_heston():
    model = dataclasses.replace(Bates.example(), intensity=0.0)
    names = [f.name for f in dataclasses.fields(Heston)]
    _same_law_and_paths(model, Heston(**{name: vars(model)[name] for name in names}), 2)


@pytest.mark.slow
def test_kou_without_jumps_is_black_and_scholes():
    model = dataclasses.replace(Kou.example(), intensity=0.0)
    plain = BlackScholes(spot=100.0, vol=model.vol, rate=model.rate, dividend=model.dividend)
    _same_law_and_paths(model, plain, 1)


@pytest.mark.slow
def test_bates_with_a_variance_at_rest_is_merton():
    calm = dict(variance=0.0225, long_variance=0.0225, vol_of_variance=1e-5, correlation=0.0)
    jumps = Merton.example()
    model = dataclasses.replace(
        Bates.example(),
        **calm,
        **{name: vars(jumps)[name] for name in ("intensity", "jump_mean", "jump_vol")},
    )
    np.testing.assert_allclose(_prices(model, 1.0), _prices(jumps, 1.0), rtol=0.0, atol=1e-7)


def test_variance_gamma_on_an_even_clock_is_black_and_scholes():
    model = VarianceGamma(spot=100.0, vol=0.2, clock_variance=1e-9, asymmetry=0.0)
    plain = BlackScholes(spot=100.0, vol=0.2)
    np.testing.assert_allclose(_prices(model, 1.0), _prices(plain, 1.0), rtol=0.0, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "n_steps"),
    [(Kou.example(), 4), (Bates.example(), 16), (VarianceGamma.example(), 1)],
    ids=["Kou", "Bates", "VarianceGamma"],
)
def test_simulated_greeks_are_those_of_the_series(model, n_steps):
    claim, now = Call(strike=100.0, maturity=1.0), model.start()
    names = ("delta", "gamma", "vega", "rho")
    simulated = MonteCarlo(model, n_paths=16_384, n_steps=n_steps, key=jax.random.key(2))
    got = jax.jit(lambda: simulated.estimate_greeks(claim, now, names))()
    expected = jax.jit(
        lambda: greeks(Fourier(model, n_terms=2048, width=24.0), claim, now, names)
    )()
    for name in names:
        value, error = got[name]
        assert error < (0.05 if isinstance(model, Kou) else 0.1) * abs(expected[name]), name
        assert abs(value - expected[name]) < 4.0 * error, (name, value, expected[name], error)


@pytest.mark.slow
@pytest.mark.parametrize("model", EXAMPLES[:2], ids=lambda m: type(m).__name__)
def test_slopes_of_long_and_short_paths_are_finite(model):
    for horizon in (DAY, 10.0):

        def functional(model, horizon=horizon):
            paths = _paths(model, horizon, 3, n_paths=64)
            return jnp.mean(jnp.log1p(paths.prices**2))

        for leaf in jax.tree.leaves(eqx.filter_grad(functional)(model)):
            assert np.all(np.isfinite(np.asarray(leaf)))


@pytest.mark.slow
@pytest.mark.parametrize("days", [1, 30])
def test_daily_variance_gamma_paths_in_float32_are_finite(days):
    model = jax.tree.map(lambda x: x.astype(jnp.float32), VarianceGamma.example())
    times = jnp.arange(days + 1, dtype=jnp.float32) / 365.0
    prices = np.asarray(_float32_prices(model, times))
    assert prices.dtype == np.float32 and np.all(np.isfinite(prices))
    moves = np.log(prices[:, -1] / prices[:, 0]).astype(float) - 0.01 * days / 365.0
    mean, variance = _cumulants(VarianceGamma.example(), days / 365.0)
    _assert_mean(moves / np.sqrt(variance), mean / np.sqrt(variance), 0.02)
    _assert_variance(moves / np.sqrt(variance), 1.0, 0.2)


@eqx.filter_jit
def _float32_prices(model, times):
    shape = (16_384, times.shape[0] - 1, 2)
    normals = jax.random.normal(jax.random.key(3), shape, jnp.float32)
    return jax.vmap(lambda z: model.path(times, z).prices[:, 0])(normals)


def test_bad_parameters_are_refused():
    with pytest.raises(ValueError, match=r"`up_size` must be between 0 and 1, got 1\.5"):
        dataclasses.replace(Kou.example(), up_size=1.5)
    with pytest.raises(ValueError, match=r"mean price must exist.*got -1\.04"):
        VarianceGamma(spot=100.0, vol=0.4, clock_variance=2.0, asymmetry=0.94)
    with pytest.raises(ValueError, match=r"`intensity` must be zero or positive, got -1\.0"):
        dataclasses.replace(Bates.example(), intensity=-1.0)
