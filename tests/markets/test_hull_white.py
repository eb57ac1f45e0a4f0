"""The short rate of Hull and White: the curve is met exactly, bonds and options on them."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import Call
from deephedge.markets import HullWhite, simulate
from deephedge.pricing.black_scholes import black_scholes_price

MODEL = HullWhite.example()
DATES = np.array([0.0, 1 / 365, 0.3, 0.5, 0.8, 3.0, 10.0, 17.0])


@eqx.filter_jit
def _law(model, times):
    """Mean and covariance of log-discount and log-price at all dates: linear in the normals."""

    def state(normals):
        path = model.path(times, normals)
        return jnp.stack([jnp.log(path.discount), jnp.log(path.prices[:, 0] / model.spot)])

    zero = jnp.zeros((times.shape[0] - 1, 3))
    slope = jax.jacfwd(state)(zero).reshape(2, times.shape[0], -1)
    return state(zero), jnp.einsum("itk,jtk->ijt", slope, slope)


@pytest.mark.slow
@pytest.mark.parametrize("rate_vol", [0.0, 0.01, 0.05])
@pytest.mark.parametrize("mean_reversion", [1e-3, 0.1, 3.0])
def test_the_expected_discount_is_the_curve_at_every_date(mean_reversion, rate_vol):
    model = dataclasses.replace(MODEL, mean_reversion=mean_reversion, rate_vol=rate_vol)
    mean, covariance = _law(model, jnp.asarray(DATES))
    expected = np.exp(mean[0] + 0.5 * covariance[0, 0])
    curve = np.asarray(model.curve(jnp.asarray(DATES)))
    np.testing.assert_allclose(expected, curve, rtol=1e-12)
    np.testing.assert_allclose(curve[[3, 6]], [0.995, 0.74], rtol=1e-12)
    # Discounted prices with dividends are martingales, and the forward has its variance.
    both = covariance[0, 0] + covariance[1, 1] + 2.0 * covariance[0, 1]
    growth = np.exp(mean[0] + mean[1] + 0.5 * both) * np.exp(0.01 * DATES)
    np.testing.assert_allclose(growth, 1.0, rtol=1e-12)
    variance = jax.vmap(model.forward_variance)(jnp.asarray(DATES))
    np.testing.assert_allclose(covariance[1, 1], variance, rtol=1e-11)


def test_a_rate_without_volatility_is_the_forward_rate():
    model = dataclasses.replace(MODEL, rate_vol=0.0)
    paths = simulate(model, jnp.asarray(DATES), 2, key=jax.random.key(0))
    logs = np.log([1.0, 0.995, 0.987, 0.965, 0.88, 0.74])
    forwards = -np.diff(logs) / np.diff([0.0, 0.5, 1.0, 2.0, 5.0, 10.0])
    rates = np.asarray(paths.factors[0, :, 0])
    np.testing.assert_allclose(rates, forwards[[0, 0, 0, 1, 1, 3, 4, 4]], rtol=1e-12)


def test_a_shift_of_the_rate_shifts_the_whole_curve():
    moved, now = MODEL.shifted(MODEL.start(), vol=jnp.asarray(0.0), rate=jnp.asarray(0.01))
    times = jnp.asarray(DATES)
    np.testing.assert_allclose(moved.curve(times), MODEL.curve(times) * np.exp(-0.01 * DATES))
    np.testing.assert_allclose(now.factors, MODEL.start().factors + 0.01, rtol=1e-12)
    np.testing.assert_allclose(moved.start().factors, now.factors, rtol=1e-12)


@pytest.mark.parametrize("mean_reversion", [0.02, 0.5])
def test_bonds_and_options_on_them_are_those_of_quantlib(mean_reversion):
    ql = pytest.importorskip("QuantLib")
    today, day_count = ql.Date(1, 1, 2020), ql.Actual365Fixed()
    ql.Settings.instance().evaluationDate = today
    knots = np.array([180, 365, 730, 1825, 3650])
    values = [0.995, 0.987, 0.965, 0.88, 0.74]
    dates = [today] + [today + int(k) for k in knots]
    curve = ql.DiscountCurve(dates, [1.0, *values], day_count)
    curve.enableExtrapolation()
    reference = ql.HullWhite(ql.YieldTermStructureHandle(curve), mean_reversion, 0.015)
    model = dataclasses.replace(
        MODEL, curve_times=knots / 365, discounts=values, mean_reversion=mean_reversion,
        rate_vol=0.015,
    )  # fmt: skip
    for time, tau, rate in ((0.2, 0.6, 0.01), (1.5, 4.0, 0.05), (4.0, 10.0, -0.02)):
        price = model.bond(*(jnp.asarray(x) for x in (time, tau, rate)))
        # QuantLib differences its curve over 1e-4 years for the forward rate.
        exact = reference.discountBond(time, time + tau, rate)
        np.testing.assert_allclose(price, exact, rtol=1e-8)
    for expiry, tau, strike in ((0.4, 1.0, 0.98), (2.0, 3.0, 0.91), (5.0, 8.0, 0.7)):
        exact = reference.discountBondOption(ql.Option.Call, strike, expiry, expiry + tau)
        np.testing.assert_allclose(_bond_call(model, expiry, tau, strike), exact, rtol=1e-10)


def _bond_call(model, expiry, tau, strike):
    """Black (1976) on the forward price of the bond."""
    expiry, tau = jnp.asarray(expiry), jnp.asarray(tau)
    return black_scholes_price(
        Call(strike=strike, maturity=expiry),
        spot=model.curve(expiry + tau) / model.curve(expiry),
        tau=expiry,
        vol=jnp.sqrt(model.bond_variance(expiry, tau) / expiry),
        rate=-jnp.log(model.curve(expiry)) / expiry,
        dividend=-jnp.log(model.curve(expiry)) / expiry,
    )


def _within(values, truth, largest_error):
    values = np.asarray(values)
    error = values.std(ddof=1) / np.sqrt(values.size)
    assert error < largest_error, error
    assert abs(values.mean() - truth) < 4.0 * error + 1e-12, (values.mean(), truth, error)


@pytest.mark.slow
def test_simulated_bonds_are_martingales_and_options_on_them_cost_jamshidians_formula():
    times = jnp.asarray([0.0, 0.7, 2.0])
    paths = simulate(MODEL, times, 16_384, key=jax.random.key(0))
    bonds = jax.vmap(lambda r: MODEL.bond(jnp.asarray(2.0), jnp.asarray(3.0), r))(
        paths.factors[:, 2, 0]
    )
    values = np.asarray(paths.discount[:, 2] * bonds)
    _within(values, 0.88, 1e-3)
    strike = 0.91
    gains = np.maximum(np.asarray(bonds) - strike, 0.0) * np.asarray(paths.discount[:, 2])
    _within(gains, float(_bond_call(MODEL, 2.0, 3.0, strike)), 3e-4)


@pytest.mark.slow
def test_a_restarted_model_expects_the_bond_price():
    path = jax.tree.map(
        lambda x: x[0], simulate(MODEL, jnp.asarray([0.0, 0.7]), 1, key=jax.random.key(1))
    )
    later = path.at(1)
    mean, covariance = _law(MODEL.at(later), jnp.asarray([0.7, 1.1, 6.0]))
    for date, tau in ((1, 0.4), (2, 5.3)):
        price = MODEL.bond(later.time, jnp.asarray(tau), later.factors[0])
        expected = np.exp(mean[0, date] + 0.5 * covariance[0, 0, date])
        np.testing.assert_allclose(expected, price, rtol=1e-12)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"discounts": [0.9]}, "`discounts` must have one value per curve date, 5, got 1"),
        ({"curve_times": [1.0, 0.5, 2.0, 3.0, 4.0]}, "`curve_times` must increase"),
        ({"discounts": [1.0, 0.9, 0.8, -0.7, 0.6]}, "`discounts` must be positive"),
        ({"mean_reversion": 0.0}, "`mean_reversion` must be positive"),
    ],
)
def test_bad_curves_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(MODEL, **changes)
