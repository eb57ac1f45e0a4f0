"""Short rates: bonds, the joint law of rate, discount and price, and options on the stock."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp

from deephedge.claims import Call
from deephedge.markets import CIRRates, VasicekRates, simulate
from deephedge.pricing import MonteCarlo
from deephedge.pricing.black_scholes import black_scholes_price

VASICEK, CIR = VasicekRates.example(), CIRRates.example()
DAY = 1.0 / 365.0


def _vasicek(mean_reversion, correlation=-0.3, **changes):
    return dataclasses.replace(
        VASICEK, mean_reversion=mean_reversion, correlation=correlation, **changes
    )


def _within(values, truth, largest_error):
    """Within four standard errors of the truth, and the standard error small."""
    values = np.asarray(values)
    error = values.std(ddof=1) / np.sqrt(values.size)
    assert error < largest_error, error
    assert abs(values.mean() - truth) < 4.0 * error + 1e-12, (values.mean(), truth, error)


@eqx.filter_jit
def _law(model, times):
    def state(normals):
        path = model.path(times, normals)
        rate, discount, price = path.factors[-1, 0], path.discount[-1], path.prices[-1, 0]
        return jnp.stack([rate, -jnp.log(discount), jnp.log(price / 100.0)])

    zero = jnp.zeros((times.shape[0] - 1, 3))
    slope = jax.jacfwd(state)(zero).reshape(3, -1)
    return state(zero), slope @ slope.T


def _state(model, horizon, n_steps):
    """Mean and covariance of (rate, integral of the rate, log-price): linear in the normals."""
    mean, covariance = _law(model, jnp.linspace(0.0, horizon, n_steps + 1))
    return np.asarray(mean), np.asarray(covariance)


@eqx.filter_jit
def _bond(model, tau, rate):
    """Bond prices at dates and rates of any shape."""
    return jnp.vectorize(model.bond)(tau, rate)


def _integral(f, horizon):
    return quad(f, 0.0, horizon, epsabs=0.0, epsrel=1e-12)[0]


@pytest.mark.parametrize("n_steps", [1, 3])
@pytest.mark.parametrize("horizon", [DAY, 1.0, 5.0, 30.0])
@pytest.mark.parametrize("mean_reversion", [0.01, 1.3])
def test_rate_integral_and_price_have_their_exact_joint_law(mean_reversion, horizon, n_steps):
    model = _vasicek(mean_reversion, correlation=0.8, rate_vol=0.02)
    mean, covariance = _state(model, horizon, n_steps)
    loads = (
        lambda s: 0.02 * np.exp(-mean_reversion * s),
        lambda s: 0.02 * -np.expm1(-mean_reversion * s) / mean_reversion,
    )
    truth = np.zeros((3, 3))
    for i, f in enumerate(loads):
        truth[i, 2] = truth[2, i] = _integral(lambda s, f=f: 0.8 * 0.2 * f(s), horizon)
        for j, g in enumerate(loads):
            truth[i, j] = _integral(lambda s, f=f, g=g: f(s) * g(s), horizon)
    # log S = integral + sigma W + a constant.
    both = truth[:2, 2] + truth[:2, 1]
    truth[2, 2] = 0.04 * horizon + 2.0 * truth[1, 2] + truth[1, 1]
    truth[:2, 2] = truth[2, :2] = both
    np.testing.assert_allclose(covariance, truth, rtol=1e-11)
    rate = lambda s: 0.03 - 0.01 * np.exp(-mean_reversion * s)  # noqa: E731
    grown = _integral(rate, horizon)
    expected = [rate(horizon), grown, grown - (0.01 + 0.5 * 0.04) * horizon]
    np.testing.assert_allclose(mean, expected, rtol=1e-11)


@pytest.mark.parametrize("mean_reversion", [0.01, 0.5, 3.0])
def test_bonds_cost_the_expected_discount(mean_reversion):
    model = _vasicek(mean_reversion, rate_vol=0.03)
    for horizon in (DAY, 1.0, 10.0):
        mean, covariance = _state(model, horizon, 2)
        price = _bond(model, jnp.asarray(horizon), model.rate)
        np.testing.assert_allclose(price, np.exp(-mean[1] + 0.5 * covariance[1, 1]), rtol=1e-12)
    assert float(_bond(model, jnp.asarray(0.0), model.rate)) == 1.0


def test_discounted_bonds_are_martingales():
    paths = simulate(VASICEK, jnp.asarray([0.0, 0.7, 2.0]), 16_384, key=jax.random.key(0))
    left = 5.0 - paths.time[0]
    bonds = _bond(VASICEK, left[None, :], paths.factors[:, :, 0])
    values = paths.discount * bonds / bonds[:, :1]
    for date in (1, 2):
        _within(values[:, date], 1.0, 1e-3)


@pytest.mark.parametrize("tau", [DAY, 0.5, 5.0, 30.0])
@pytest.mark.parametrize("mean_reversion", [0.02, 0.5, 4.0])
def test_bonds_are_those_of_quantlib(mean_reversion, tau):
    ql = pytest.importorskip("QuantLib")
    for rate, rate_vol in ((0.02, 0.01), (-0.01, 0.03)):
        reference = ql.Vasicek(rate, mean_reversion, 0.03, rate_vol, 0.0).discountBond(0, tau, rate)
        model = _vasicek(mean_reversion, rate=rate, rate_vol=rate_vol)
        price = _bond(model, jnp.asarray(tau), model.rate)
        np.testing.assert_allclose(price, reference, rtol=1e-9)


@eqx.filter_jit
def _call(model, strike, tau):
    """Black (1976) on the forward price."""
    return black_scholes_price(
        Call(strike=strike, maturity=tau),
        spot=model.spot,
        tau=tau,
        vol=jnp.sqrt(model.forward_variance(tau) / tau),
        rate=-jnp.log(model.bond(tau, model.rate)) / tau,
        dividend=model.dividend,
    )


@pytest.mark.parametrize("correlation", [-0.9, 0.0, 0.6])
@pytest.mark.parametrize(("tau", "strike"), [(1.0, 100.0), (5.0, 80.0), (10.0, 160.0)])
def test_calls_are_those_of_quantlib_on_the_same_discount_curve(correlation, tau, strike):
    ql = pytest.importorskip("QuantLib")
    model = _vasicek(0.3, correlation, rate_vol=0.02)
    today = ql.Date(1, 1, 2020)
    ql.Settings.instance().evaluationDate = today
    days = ql.Actual365Fixed()
    tau = round(365 * tau) / 365
    flat = -np.log(float(_bond(model, jnp.asarray(tau), model.rate))) / tau

    def curve(rate):
        return ql.YieldTermStructureHandle(ql.FlatForward(today, rate, days))

    vol = ql.BlackVolTermStructureHandle(ql.BlackConstantVol(today, ql.NullCalendar(), 0.2, days))
    spot = ql.QuoteHandle(ql.SimpleQuote(100.0))
    process = ql.BlackScholesMertonProcess(spot, curve(0.01), curve(flat), vol)
    rates = ql.HullWhite(curve(flat), 0.3, 0.02)
    payoff = ql.PlainVanillaPayoff(ql.Option.Call, strike)
    option = ql.VanillaOption(payoff, ql.EuropeanExercise(today + round(365 * tau)))
    option.setPricingEngine(ql.AnalyticBSMHullWhiteEngine(correlation, process, rates))
    np.testing.assert_allclose(
        _call(model, jnp.asarray(strike), jnp.asarray(tau)), option.NPV(), rtol=1e-9
    )


def test_calls_without_rate_volatility_at_the_long_rate_are_those_of_black_and_scholes():
    model = _vasicek(0.3, rate_vol=0.0, rate=0.03)
    plain = black_scholes_price(
        Call(strike=90.0, maturity=2.0),
        spot=model.spot,
        tau=jnp.asarray(2.0),
        vol=model.vol,
        rate=model.rate,
        dividend=model.dividend,
    )
    np.testing.assert_allclose(_call(model, jnp.asarray(90.0), jnp.asarray(2.0)), plain, rtol=1e-12)


@pytest.mark.slow
def test_simulated_calls_and_their_greeks_are_those_of_the_closed_form():
    model = _vasicek(0.3, correlation=0.5, rate_vol=0.03)
    claim = Call(strike=100.0, maturity=2.0)
    pricer = MonteCarlo(model, n_paths=32_768, n_steps=1, key=jax.random.key(1))
    names = ("delta", "gamma", "vega", "rho")
    found = eqx.filter_jit(lambda p: p.estimate_greeks(claim, model.start(), names))(pricer)
    price, error = eqx.filter_jit(lambda p: p.estimate(claim, model.start()))(pricer)

    def value(spot, vol, rate):
        moved = dataclasses.replace(
            model, spot=spot, vol=model.vol + vol, rate=model.rate + rate,
            long_rate=model.long_rate + rate,
        )  # fmt: skip
        return _call(moved, jnp.asarray(100.0), jnp.asarray(2.0))

    zero = jnp.asarray(0.0)
    slope = jax.grad(value, (0, 1, 2))(model.spot, zero, zero)
    gamma = jax.grad(jax.grad(value))(model.spot, zero, zero)
    truth = dict(delta=slope[0], vega=slope[1], rho=slope[2], gamma=gamma)
    assert float(error) < 0.15
    assert abs(float(price - value(model.spot, zero, zero))) < 4.0 * float(error)
    for name, exact in truth.items():
        estimate, error = (float(x) for x in found[name])
        assert abs(estimate - float(exact)) < 4.0 * error < 0.1 * abs(float(exact)), name


def test_simulated_calls_cost_the_closed_form():
    model = _vasicek(0.3, correlation=0.5, rate_vol=0.03)
    paths = simulate(model, jnp.asarray([0.0, 0.1, 2.0]), 16_384, key=jax.random.key(1))
    payoff = np.maximum(np.asarray(paths.prices[:, -1, 0]) - 100.0, 0.0)
    exact = float(_call(model, jnp.asarray(100.0), jnp.asarray(2.0)))
    _within(np.asarray(paths.discount[:, -1]) * payoff, exact, 0.2)


def test_a_drift_is_the_growth_of_the_prices_and_leaves_the_rates_alone():
    times = jnp.asarray([0.0, 1.0, 3.0])
    paths, neutral = (
        simulate(dataclasses.replace(VASICEK, drift=d), times, 16_384, key=jax.random.key(2))
        for d in (0.08, None)
    )
    _within(paths.prices[:, -1, 0] / 100.0, np.exp(0.24), 0.01)
    np.testing.assert_array_equal(paths.factors, neutral.factors)
    np.testing.assert_array_equal(paths.discount, neutral.discount)


FELLER_BROKEN = dataclasses.replace(CIR, rate=0.01, long_rate=0.02, rate_vol=0.2)


@pytest.mark.parametrize("tau", [DAY, 0.5, 5.0, 30.0])
@pytest.mark.parametrize("rate_vol", [0.01, 0.08, 0.17])
def test_square_root_bonds_are_those_of_quantlib(rate_vol, tau):
    ql = pytest.importorskip("QuantLib")
    reference = ql.CoxIngersollRoss(0.02, 0.03, 0.5, rate_vol).discountBond(0, tau, 0.02)
    price = _bond(dataclasses.replace(CIR, rate_vol=rate_vol), jnp.asarray(tau), CIR.rate)
    np.testing.assert_allclose(price, reference, rtol=1e-9)


def test_square_root_bonds_solve_the_riccati_equation_also_where_feller_is_broken():
    slopes = lambda _, y: [1.0 - 0.5 * y[0] - 0.5 * 0.4**2 * y[0] ** 2, -0.5 * 0.03 * y[0]]  # noqa: E731
    for tau in (0.5, 30.0):
        found = solve_ivp(slopes, (0.0, tau), [0.0, 0.0], rtol=1e-12, atol=1e-14).y[:, -1]
        price = _bond(dataclasses.replace(CIR, rate_vol=0.4), jnp.asarray(tau), CIR.rate)
        np.testing.assert_allclose(price, np.exp(found[1] - 0.02 * found[0]), rtol=1e-9)


@pytest.mark.parametrize("model", [CIR, FELLER_BROKEN], ids=["kept", "broken"])
@pytest.mark.parametrize(("horizon", "n_steps"), [(DAY, 1), (1.0, 1), (1.0, 12), (10.0, 12)])
def test_square_root_rates_have_their_exact_moments_and_the_discount_its_mean(
    model, horizon, n_steps
):
    times = jnp.linspace(0.0, horizon, n_steps + 1)
    paths = simulate(model, times, 16_384, key=jax.random.key(3))
    rate, long_rate, eta = (float(x) for x in (model.rate, model.long_rate, model.rate_vol))
    decay = np.exp(-0.5 * horizon)
    mean = long_rate + (rate - long_rate) * decay
    start, limit = rate * decay * (1.0 - decay), long_rate * (1.0 - decay) ** 2 / 2.0
    variance = eta**2 / 0.5 * (start + limit)
    rates = np.asarray(paths.factors[:, -1, 0])
    assert rates.min() >= 0.0
    _within(rates / mean, 1.0, 0.02)
    _within((rates - mean) ** 2 / variance, 1.0, 0.1)
    bond = float(_bond(model, jnp.asarray(horizon), model.rate))
    _within(paths.discount[:, -1] / bond, 1.0, 2e-3)


@eqx.filter_jit
def _bond_after_a_step(model, dt):
    """Expected discount times the price of a bond over five more years, by quadrature."""
    z = jnp.linspace(-9.0, 9.0, 8001)
    normals = jnp.stack([jnp.zeros_like(z), z], axis=1)[:, None, :]
    paths = jax.vmap(lambda n: model.path(dt * jnp.arange(2.0), n))(normals)
    values = paths.discount[:, -1] * _bond(model, jnp.asarray(5.0), paths.factors[:, -1, 0])
    density = jnp.exp(-0.5 * z**2)
    density = density / jnp.sum(density)
    return jnp.sum(density * values), jnp.sum(density * paths.discount[:, -1])


def test_the_error_of_a_step_is_of_third_order_and_the_expected_discount_exact():
    errors = []
    for dt in (0.5, 0.25, 0.125):
        rolled, discount = _bond_after_a_step(CIR, jnp.asarray(dt))
        exact = _bond(CIR, jnp.asarray(dt + 5.0), CIR.rate)
        errors.append(abs(float(rolled / exact) - 1.0))
        np.testing.assert_allclose(discount, _bond(CIR, jnp.asarray(dt), CIR.rate), rtol=1e-12)
    orders = np.log2(np.asarray(errors[:-1]) / np.asarray(errors[1:]))
    assert np.all(orders > 2.5), orders
    assert errors[0] < 1e-4


def test_price_and_rate_move_together_as_stated():
    dt = 1.0 / 252
    paths = simulate(CIR, jnp.asarray([0.0, dt]), 16_384, key=jax.random.key(4))
    returns = np.log(np.asarray(paths.prices[:, 1, 0]) / 100.0)
    moves = np.diff(np.asarray(paths.factors[:, :, 0]), axis=1)[:, 0]
    found = np.corrcoef(returns, moves)[0, 1]
    assert abs(found + 0.3) < 4.0 * (1.0 - 0.09) / np.sqrt(16_384)


def test_calls_under_steady_square_root_rates_are_those_of_black_and_scholes():
    model = dataclasses.replace(CIR, rate=0.03, rate_vol=1e-4)
    paths = simulate(model, jnp.asarray([0.0, 2.0]), 16_384, key=jax.random.key(5))
    payoff = np.maximum(np.asarray(paths.prices[:, -1, 0]) - 90.0, 0.0)
    exact = black_scholes_price(
        Call(strike=90.0, maturity=2.0),
        spot=model.spot,
        tau=jnp.asarray(2.0),
        vol=model.vol,
        rate=model.rate,
        dividend=model.dividend,
    )
    _within(np.asarray(paths.discount[:, -1]) * payoff, float(exact), 0.25)
