"""Implied volatility: round trips, bounds, derivatives, and outside solvers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql  # noqa: N813
from hypothesis import given, settings
from hypothesis import strategies as st

from deephedge import pricing
from deephedge.pricing.implied_vol import formula

N = 20_000
implied_vol = jax.jit(pricing.implied_vol)
SPOT, RATE, DIVIDEND = 100.0, 0.03, 0.01


def _options(rng, deepest):
    tau = 10.0 ** rng.uniform(-2.5, 1.0, N)
    strike = SPOT * np.exp(rng.uniform(-deepest, deepest, N))
    vol = 10.0 ** rng.uniform(-2.0, 0.5, N)
    return tuple(map(jnp.asarray, (vol, strike, tau)))


def _market(vol, strike, tau, sign):
    constants = (jnp.full_like(tau, x) for x in (SPOT, RATE, DIVIDEND))
    spot, rate, dividend = constants
    return dict(spot=spot, strike=strike, tau=tau, rate=rate, dividend=dividend, sign=sign)


def _price_and_vega(vol, market):
    return jax.jvp(lambda v: formula(v, *market.values()), (vol,), (jnp.ones_like(vol),))


@pytest.mark.parametrize("deepest", [pytest.param(0.01, marks=pytest.mark.slow), 0.5, 5.0])
def test_out_of_the_money_prices_give_back_the_volatility(deepest):
    vol, strike, tau = _options(np.random.default_rng(1), deepest)
    forward = SPOT * jnp.exp((RATE - DIVIDEND) * tau)
    market = _market(vol, strike, tau, jnp.where(strike > forward, 1.0, -1.0))
    price, vega = _price_and_vega(vol, market)
    error = np.abs(implied_vol(price, **market) - vol)
    # Held by float64: the price is a normal number, and its rounding moves the vol by under 1e-11.
    held = (price > 1e-290) & (vega * 1e-11 > 4e-16 * jnp.minimum(price, 1e3))
    assert np.mean(held) > 0.3
    assert np.max(error[held]) < 1e-10


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_any_price_gives_back_the_volatility_it_holds(sign):
    vol, strike, tau = _options(np.random.default_rng(2), 3.0)
    market = _market(vol, strike, tau, jnp.full_like(vol, sign))
    price, vega = _price_and_vega(vol, market)
    error = np.abs(implied_vol(price, **market) - vol)
    rounding = 2e-15 * jnp.maximum(SPOT, strike)
    held = vega * 1e-10 > rounding
    assert np.mean(held) > 0.25
    assert np.max(error[held]) < 1e-10


_formula_and_vega = jax.jit(jax.value_and_grad(formula))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    vol=st.floats(0.01, 4.0),
    deviations=st.floats(-8.0, 8.0),
    tau=st.floats(1e-3, 20.0),
    rate=st.floats(-0.05, 0.2),
)
def test_round_trip(vol, deviations, tau, rate):
    strike = SPOT * np.exp(rate * tau + min(max(deviations * vol * tau**0.5, -20.0), 20.0))
    sign = 1.0 if strike > SPOT * np.exp(rate * tau) else -1.0
    market = tuple(jnp.asarray(x) for x in (SPOT, strike, tau, rate, 0.0, sign))
    price, vega = _formula_and_vega(jnp.asarray(vol), *market)
    names = ("spot", "strike", "tau", "rate", "dividend", "sign")
    found = implied_vol(price, **dict(zip(names, market, strict=True)))
    held = price > 1e-290 and vega > 1e-4 * min(price, SPOT)
    assert not held or abs(found - vol) < 1e-10


@pytest.mark.slow
def test_volatility_at_the_inflection_of_the_price():
    # Where the vol is sqrt(2 |log(F/K)| / tau) the method changes its objective.
    log_strike = jnp.linspace(0.001, 8.0, 1000)
    vol = jnp.sqrt(2.0 * log_strike)[:, None] * (1.0 + jnp.linspace(-1e-3, 1e-3, 21))[None]
    ones = jnp.ones_like(vol)
    strike = jnp.exp(log_strike)[:, None] * ones
    price = formula(vol, ones, strike, ones, 0.0 * ones, 0.0 * ones, ones)
    found = implied_vol(price, spot=ones, strike=strike, tau=ones)
    np.testing.assert_allclose(found, vol, rtol=1e-12, atol=1e-13)


@pytest.mark.slow
def test_at_the_money_has_a_closed_form():
    b = jnp.asarray([1e-12, 1e-6, 0.01, 0.3, 0.9, 1.0 - 1e-9])
    found = implied_vol(b, spot=1.0, strike=1.0, tau=1.0)
    np.testing.assert_allclose(
        found, 2.0 * jax.scipy.special.ndtri(0.5 * (1.0 + b)), rtol=1e-8, atol=1e-14
    )
    np.testing.assert_allclose(jax.lax.erf(found / 8.0**0.5), b, rtol=1e-12, atol=1e-15)


def test_quantlib_finds_the_same():
    for strike, tau, vol in [(100.0, 1.0, 0.2), (150.0, 0.5, 0.3), (60.0, 2.0, 0.15)]:
        sign = 1.0 if strike >= SPOT else -1.0
        market = _market(None, jnp.asarray(strike), jnp.asarray(tau), jnp.asarray(sign))
        price = formula(jnp.asarray(vol), *market.values())
        kind = ql.Option.Call if sign > 0 else ql.Option.Put
        forward, discount = SPOT * np.exp((RATE - DIVIDEND) * tau), np.exp(-RATE * tau)
        deviation = ql.blackFormulaImpliedStdDevLiRS(
            kind, strike, forward, float(price), discount, 0.0, vol * tau**0.5, 1.0, 1e-14, 1000
        )
        np.testing.assert_allclose(implied_vol(price, **market), deviation / tau**0.5, atol=1e-10)


@pytest.mark.slow
def test_prices_without_a_volatility_are_nan_in_their_own_lane_only():
    prices = jnp.asarray([5.0, -1.0, 100.0, 200.0, jnp.nan, jnp.inf, 0.0, 10.0])
    strikes = jnp.asarray([100.0, 100.0, 100.0, 100.0, 100.0, 100.0, 120.0, 80.0])

    def one(price, spot, strike):
        return implied_vol(price, spot=spot, strike=strike, tau=0.5)

    spots = jnp.full(8, 100.0)
    values = jax.vmap(one)(prices, spots, strikes)
    np.testing.assert_array_equal(
        np.isnan(values), [False, True, True, True, True, True, False, True]
    )
    assert values[6] == 0.0
    slopes = jax.jit(jax.vmap(jax.grad(one, (0, 1, 2))))(prices, spots, strikes)
    total = jax.jit(jax.grad(lambda p: jnp.nansum(jax.vmap(one)(p, spots, strikes))))(prices)
    for slope in (*slopes, total):
        assert np.all(np.isfinite(slope))
        np.testing.assert_array_equal(slope[1:], 0.0)
    assert np.all(np.isnan(implied_vol(prices, spot=100.0, strike=strikes, tau=0.0)))


@pytest.mark.slow
def test_first_and_second_derivatives_invert_those_of_the_price():
    vol, market = jnp.asarray(0.3), _market(None, *map(jnp.asarray, (120.0, 0.5, 1.0)))
    price = formula(vol, *market.values())

    def found(p, strike):
        return implied_vol(p, **{**market, "strike": strike})

    vega, volga = (
        d(lambda v: formula(v, *market.values()))(vol)
        for d in (jax.grad, lambda f: jax.grad(jax.grad(f)))
    )
    by_price = jax.grad(found)(price, market["strike"])
    np.testing.assert_allclose(by_price, 1.0 / vega, rtol=1e-10)
    curvature = jax.grad(jax.grad(found))(price, market["strike"])
    np.testing.assert_allclose(curvature, -volga / vega**3, rtol=1e-9)
    # The volatility does not move when the strike and the price that goes with it do.
    flat = jax.grad(lambda k: found(formula(vol, **_named(market, k)), k))(market["strike"])
    np.testing.assert_allclose(flat, 0.0, atol=1e-14)


def _named(market, strike):
    return {**market, "strike": strike}


@pytest.mark.slow
def test_float32_stays_float32():
    found = implied_vol(jnp.asarray(5.0, jnp.float32), spot=100.0, strike=100.0, tau=0.5)
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(
        found, implied_vol(jnp.asarray(5.0), spot=100.0, strike=100.0, tau=0.5), rtol=1e-5
    )
