"""The normal model: QuantLib, parity, negative prices, limits, Greeks."""

import dataclasses
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import QuantLib as ql  # noqa: N813
from scipy.special import ndtr

from deephedge.claims import Call, DigitalCall, Forward, Put, straddle
from deephedge.markets import BlackScholes
from deephedge.pricing import BachelierFormula, bachelier_price, greeks

NOW = BlackScholes(spot=100.0, vol=0.2).start()
price = jax.jit(lambda pricer, claim, now: pricer.price(claim, now))
undiscounted = jax.jit(bachelier_price)


def at(spot):
    return dataclasses.replace(NOW, prices=jnp.asarray([spot]))


def test_prices_equal_those_of_quantlib():
    for strike, tau, vol, rate in itertools.product(
        (40.0, 95.0, 100.0, 130.0), (0.01, 1.0, 10.0), (2.0, 20.0, 80.0), (-0.01, 0.05)
    ):
        pricer = BachelierFormula(vol=vol, rate=rate, dividend=0.02)
        forward, discount = 100.0 * math.exp((rate - 0.02) * tau), math.exp(-rate * tau)
        for kind, theirs in ((Call, ql.Option.Call), (Put, ql.Option.Put)):
            expected = ql.bachelierBlackFormula(
                theirs, strike, forward, vol * math.sqrt(tau), discount
            )
            ours = float(price(pricer, kind(strike=strike, maturity=tau), NOW))
            assert abs(ours - expected) < 1e-10 * max(1.0, expected)


def test_parity_and_the_forward_hold_also_at_negative_prices():
    pricer = BachelierFormula(vol=15.0, rate=0.03)
    for spot in (-40.0, 0.0, 3.0, 100.0):
        now = at(spot)
        call, put, forward = (
            price(pricer, kind(strike=5.0, maturity=2.0), now) for kind in (Call, Put, Forward)
        )
        np.testing.assert_allclose(call - put, forward, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(forward, spot - 5.0 * math.exp(-0.06), rtol=1e-12)
        both = price(pricer, straddle(strike=5.0, maturity=2.0), now)
        np.testing.assert_allclose(both, call + put, rtol=1e-12)


def test_digital_is_the_probability_of_the_event():
    pricer = BachelierFormula(vol=10.0)
    value = price(pricer, DigitalCall(104.0, 0.25), NOW)
    np.testing.assert_allclose(value, ndtr((100.0 - 104.0) / 5.0), rtol=1e-12)


def test_raw_formula_takes_any_sign_of_forward_and_strike():
    forward, strike = jnp.asarray([-0.01, 0.005, -0.02]), jnp.asarray([-0.005, -0.005, 0.01])
    vol, tau, sign = jnp.full(3, 0.008), jnp.full(3, 5.0), jnp.asarray([1.0, -1.0, 1.0])
    ours = undiscounted(forward=forward, strike=strike, tau=tau, vol=vol, sign=sign)
    expected = [
        ql.bachelierBlackFormula(int(s), float(k), float(f), 0.008 * math.sqrt(5.0), 1.0)
        for f, k, s in zip(forward, strike, sign, strict=True)
    ]
    np.testing.assert_allclose(ours, expected, rtol=1e-12)


def test_greeks_have_their_closed_forms():
    found = jax.jit(lambda p, c: greeks(p, c, NOW, ("delta", "gamma", "vega", "theta")))
    ours = found(BachelierFormula(vol=20.0), Call(strike=110.0, maturity=0.25))
    density = math.exp(-0.5) / math.sqrt(2.0 * math.pi)  # one deviation out of the money
    expected = dict(delta=ndtr(-1.0), gamma=density / 10.0, vega=0.5 * density)
    # The heat equation: theta + vol^2 gamma / 2 = 0 without rates.
    expected["theta"] = -0.5 * 400.0 * expected["gamma"]
    for name, value in expected.items():
        np.testing.assert_allclose(ours[name], value, rtol=1e-12)


def test_greeks_are_finite_at_the_edges():
    found = jax.jit(lambda p, c, n: (p.price(c, n), greeks(p, c, n)))
    claim = Call(strike=100.0, maturity=0.5)
    for vol, tau, spot in itertools.product((0.0, 1e-3, 300.0), (0.0, 30.0), (-50.0, 100.0, 500.0)):
        now = dataclasses.replace(at(spot), time=claim.maturity - tau)
        value, slopes = found(BachelierFormula(vol=vol, rate=0.01), claim, now)
        assert np.isfinite(value)
        assert value >= 0.0
        assert all(np.isfinite(x) for x in slopes.values()), (vol, tau, spot, slopes)
