"""Implied volatilities against fifty-digit prices, over the range where float64 holds them.

A price that is rounded to float64 moves its volatility by the rounding over the vega: that much
error is the input's. What is left must be below 1e-12.
"""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import QuantLib as ql  # noqa: N813
from exact_normal import bachelier, black
from hypothesis import given, settings
from hypothesis import strategies as st

from deephedge import pricing

implied_vol = jax.jit(pricing.implied_vol)
implied_normal_vol = jax.jit(pricing.implied_normal_vol)
EPS = float(np.finfo(float).eps)
SMALLEST = 1e-290
"""Prices below it are kept with fewer digits, or none."""


def black_error(forward, strike, deviation, sign):
    """Relative error of the volatility less what the rounding of the price explains; or 0."""
    exact = black(forward, strike, deviation, sign)
    price = float(exact)
    d1 = math.log(forward / strike) / deviation + 0.5 * deviation
    vega = forward * math.exp(-0.5 * d1 * d1) / math.sqrt(2.0 * math.pi)
    # In the money, also the rounding of the difference from the exercise value.
    carried = price * EPS / (vega * deviation) if vega * deviation > 0 else math.inf
    if price < SMALLEST or carried > 1e-2:
        return 0.0
    given = (jnp.asarray(x) for x in (price, forward, strike, float(sign)))
    price, forward, strike, sign = given
    found = implied_vol(price, spot=forward, strike=strike, tau=jnp.asarray(1.0), sign=sign)
    return max(abs(float(found) / deviation - 1.0) - 2.0 * carried, 0.0)


def test_black_from_tiny_to_huge_deviations_and_up_to_36_of_them_out_of_the_money():
    errors = []
    for deviation, away in itertools.product(
        (1e-4, 0.01, 0.1, 0.5, 1.0, 2.0, 4.0, 8.0), (0.0, 1e-3, 0.1, 1.0, 2.0, 4.0, 8.0, 20.0, 36.0)
    ):
        forward = math.exp(-away * deviation)
        if away * deviation < 100.0:
            errors.append(black_error(forward, 1.0, deviation, 1))
            errors.append(black_error(1.0, forward, deviation, -1))
    assert len(errors) > 100
    assert max(errors) < 1e-12


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    deviation=st.floats(1e-4, 8.0),
    away=st.floats(-6.0, 36.0),
    strike=st.sampled_from([1e-6, 0.37, 1.0, 95.0, 1e8]),
    sign=st.sampled_from([1, -1]),
)
def test_black_by_any_route(deviation, away, strike, sign):
    forward = strike * math.exp(-sign * min(max(away * deviation, -100.0), 100.0))
    assert black_error(forward, strike, deviation, sign) < 1e-12


def test_black_in_the_far_wings_where_float64_holds_the_price():
    # A strike of e^20 forwards, a price of 1e-250 of the forward.
    deviations = [0.65, 0.7, 1.0, 3.0, 6.0]
    errors = [black_error(math.exp(-20.0), 1.0, s, 1) for s in deviations]
    assert max(errors) < 1e-12


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    vol=st.sampled_from([1e-6, 0.008, 1.0, 20.0, 1e5]),
    log_away=st.floats(-14.0, math.log(37.0)),
    tau=st.sampled_from([1 / 365, 1.0, 30.0]),
    sign=st.sampled_from([1, -1]),
)
def test_normal_vol_out_of_the_money(vol, log_away, tau, sign):
    # The forward is 0, so that the distance from the strike is exact.
    gap = math.exp(log_away) * vol * math.sqrt(tau)
    price = float(bachelier(gap, vol * math.sqrt(tau)))
    if price < SMALLEST:
        return
    found = implied_normal_vol(
        jnp.asarray(price),
        forward=jnp.asarray(0.0),
        strike=jnp.asarray(sign * gap),
        tau=jnp.asarray(tau),
        sign=jnp.asarray(float(sign)),
    )
    assert abs(found / vol - 1.0) < 1e-14


def test_normal_vol_of_quantlib_prices_of_either_sign_and_moneyness():
    for forward, strike, sign in itertools.product((-0.01, 0.02), (-0.02, 0.0, 0.03), (1, -1)):
        price = ql.bachelierBlackFormula(sign, strike, forward, 0.02 * math.sqrt(2.0), 0.9)
        given = (jnp.asarray(x) for x in (forward, strike, 2.0, 0.9, float(sign)))
        names = ("forward", "strike", "tau", "discount", "sign")
        found = implied_normal_vol(jnp.asarray(price), **dict(zip(names, given, strict=True)))
        np.testing.assert_allclose(found, 0.02, rtol=1e-12)
        theirs = ql.bachelierBlackFormulaImpliedVol(sign, strike, forward, 2.0, price, 0.9)
        np.testing.assert_allclose(found, theirs, rtol=1e-10)


def test_normal_vol_at_the_money_has_a_closed_form():
    prices = jnp.asarray([1e-300, 1e-6, 1.0, 1e9])
    found = implied_normal_vol(prices, forward=100.0, strike=100.0, tau=2.0)
    np.testing.assert_allclose(found, prices * math.sqrt(math.pi), rtol=1e-15)


def test_normal_vol_is_nan_where_there_is_none_in_its_own_lane_only():
    prices = jnp.asarray([5.0, -1.0, jnp.nan, jnp.inf, 0.0, 10.0, 20.0, 19.9])
    strikes = jnp.asarray([100.0, 100.0, 100.0, 100.0, 120.0, 120.0, 80.0, 80.0])

    def one(price, strike):
        return pricing.implied_normal_vol(price, forward=100.0, strike=strike, tau=0.5)

    values = jax.jit(jax.vmap(one))(prices, strikes)
    np.testing.assert_array_equal(
        np.isnan(values), [False, True, True, True, False, False, False, True]
    )
    np.testing.assert_array_equal(values[jnp.asarray([4, 6])], 0.0)
    for slope in jax.jit(jax.vmap(jax.grad(one, (0, 1))))(prices, strikes):
        assert np.all(np.isfinite(slope))
        np.testing.assert_array_equal(slope[jnp.asarray([1, 2, 3, 4, 6, 7])], 0.0)
    assert np.all(np.isnan(implied_normal_vol(prices, forward=100.0, strike=strikes, tau=0.0)))


def test_derivatives_of_the_normal_vol_invert_those_of_the_price():
    def value(vol, strike):
        forward, tau, sign = (jnp.asarray(x) for x in (100.0, 0.5, 1.0))
        return pricing.bachelier_price(forward=forward, strike=strike, tau=tau, vol=vol, sign=sign)

    def found(price, strike):
        return pricing.implied_normal_vol(price, forward=100.0, strike=strike, tau=0.5)

    @jax.jit
    def slopes(vol, strike):
        price, vega = jax.value_and_grad(value)(vol, strike)
        first = jax.value_and_grad(found)
        (back, by_price), (_, curvature) = jax.jvp(
            lambda p: first(p, strike), (price,), (jnp.ones_like(price),)
        )
        flat = jax.jvp(lambda k: found(value(vol, k), k), (strike,), (jnp.ones_like(strike),))[1]
        return back, vega, jax.grad(jax.grad(value))(vol, strike), by_price, curvature, flat

    for strike in (90.0, 100.0, 130.0):
        back, vega, volga, by_price, curvature, flat = slopes(
            jnp.asarray(20.0), jnp.asarray(strike)
        )
        np.testing.assert_allclose(back, 20.0, rtol=1e-13)
        np.testing.assert_allclose(by_price, 1.0 / vega, rtol=1e-11)
        np.testing.assert_allclose(curvature, -volga / vega**3, rtol=1e-9, atol=1e-15)
        # The volatility does not move when the strike and the price that goes with it do.
        np.testing.assert_allclose(flat, 0.0, atol=1e-13)


def test_float32_stays_float32():
    price, strike = jnp.asarray(5.0, jnp.float32), jnp.asarray(105.0, jnp.float32)
    found = implied_normal_vol(price, forward=100.0, strike=strike, tau=0.5)
    assert found.dtype == jnp.float32
    wide = implied_normal_vol(jnp.asarray(5.0), forward=100.0, strike=105.0, tau=0.5)
    np.testing.assert_allclose(found, wide, rtol=1e-5)
