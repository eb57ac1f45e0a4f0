"""The closed form against QuantLib, and the parities it must keep."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql  # noqa: N813
from scipy.special import log_ndtr

from deephedge.claims import Call, Forward, Put
from deephedge.markets import BlackScholes
from deephedge.pricing import BlackScholesFormula, greeks

SPOT = 100.0
STRIKES = (20.0, 60.0, 90.0, 100.0, 110.0, 150.0, 300.0)
TABLE = list(
    itertools.product(STRIKES, (0.01, 0.1, 1.0, 5.0), (0.05, 0.2, 0.6), (0.0, 0.03), (0.0, 0.02))
)
NOW = BlackScholes(spot=SPOT, vol=0.2).start()
FIVE = ("delta", "gamma", "vega", "theta", "rho")


@jax.jit
def _values(pricer, claim):
    return dict(greeks(pricer, claim, NOW, FIVE), price=pricer.price(claim, NOW))


_price = jax.jit(lambda pricer, claim: pricer.price(claim, NOW))


def _quantlib(kind, strike, tau, vol, rate, dividend):
    option = ql.PlainVanillaPayoff(ql.Option.Call if kind is Call else ql.Option.Put, strike)
    forward = SPOT * math.exp((rate - dividend) * tau)
    formula = ql.BlackCalculator(option, forward, vol * math.sqrt(tau), math.exp(-rate * tau))
    return {
        "price": formula.value(),
        "delta": formula.delta(SPOT),
        "gamma": formula.gamma(SPOT),
        "vega": formula.vega(tau),
        "theta": formula.theta(SPOT, tau),
        "rho": formula.rho(tau),
    }


@pytest.mark.parametrize("kind", [Call, Put])
def test_price_and_greeks_equal_those_of_quantlib(kind):
    # QuantLib forms 1 - Phi where Phi is near 1, so its tiny values carry rounding of about
    # 1e-15 times spot or strike: values are compared relative to a floor of 1 % of the spot.
    floor = {"price": 1.0, "delta": 0.01, "gamma": 1e-4, "vega": 1.0, "theta": 3.0, "rho": 30.0}
    for strike, tau, vol, rate, dividend in TABLE:
        pricer = BlackScholesFormula(vol=vol, rate=rate, dividend=dividend)
        ours = _values(pricer, kind(strike=strike, maturity=tau))
        for name, theirs in _quantlib(kind, strike, tau, vol, rate, dividend).items():
            error = abs(float(ours[name]) - theirs)
            assert error <= 1e-12 * max(abs(theirs), floor[name]), (name, strike, tau, vol)


def test_a_call_less_a_put_is_a_forward():
    for strike, tau, vol, rate, dividend in TABLE:
        pricer = BlackScholesFormula(vol=vol, rate=rate, dividend=dividend)
        call, put, forward = (
            _price(pricer, kind(strike=strike, maturity=tau)) for kind in (Call, Put, Forward)
        )
        np.testing.assert_allclose(call - put, forward, rtol=1e-12, atol=1e-12 * SPOT)
        spot, cash = SPOT * math.exp(-dividend * tau), strike * math.exp(-rate * tau)
        np.testing.assert_allclose(forward, spot - cash, rtol=1e-12, atol=1e-12 * SPOT)


def test_prices_keep_their_digits_in_the_far_tail():
    strikes = np.array([200.0, 400.0, 800.0, 1200.0])
    pricer = BlackScholesFormula(vol=0.2)
    prices = [float(pricer.price(Call(strike=k, maturity=0.25), NOW)) for k in strikes]
    d1 = np.log(SPOT / strikes) / 0.1 + 0.05
    shares = math.log(SPOT) + log_ndtr(d1)
    cash = np.log(strikes) + log_ndtr(d1 - 0.1)
    expected = np.exp(shares) * -np.expm1(cash - shares)
    # Rounding of the logarithms, up to 300, and the cancellation of shares against cash.
    np.testing.assert_allclose(prices, expected, rtol=1e-10)


def test_a_price_keeps_the_dtype_of_the_market():
    now = jax.tree.map(lambda x: x.astype(jnp.float32), NOW)
    pricer = jax.tree.map(lambda x: x.astype(jnp.float32), BlackScholesFormula.example())
    claim = jax.tree.map(lambda x: x.astype(jnp.float32), Call.example())
    assert pricer.price(claim, now).dtype == jnp.float32
    found = jax.jit(greeks)(pricer, claim, now)
    assert all(g.dtype == jnp.float32 for g in found.values())
