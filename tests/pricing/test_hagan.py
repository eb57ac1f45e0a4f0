"""Hagan's SABR formula: reference volatilities, the law behind the smile, finite Greeks."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql  # noqa: N813

from deephedge.claims import Call, DigitalCall, DigitalPut, Forward, Put
from deephedge.markets import SABR
from deephedge.pricing import HaganFormula, greeks, hagan_vol, implied_vol

price = jax.jit(lambda model, claim, now: HaganFormula(model).price(claim, now))
NAMES = ("delta", "gamma", "vega", "vanna")
some_greeks = jax.jit(lambda model, claim, now: greeks(HaganFormula(model), claim, now, NAMES))
MODEL = SABR.example()


def _vol(forward, strike, tau, alpha, exponent, vol_of_vol, correlation):
    names = ("forward", "strike", "tau", "alpha", "exponent", "vol_of_vol", "correlation")
    values = (forward, strike, tau, alpha, exponent, vol_of_vol, correlation)
    return _jitted(**{n: jnp.asarray(v) for n, v in zip(names, values, strict=True)})


_jitted = jax.jit(hagan_vol)


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("correlation", [-0.99, -0.4, 0.0, 0.7])
def test_vols_agree_with_quantlib(exponent, correlation):
    for tau, strike, vol_of_vol in itertools.product(
        (1 / 365, 1.0, 10.0), (0.02, 0.045, 0.05, 0.0501, 0.06, 0.2), (0.01, 0.4, 1.2)
    ):
        alpha = 0.2 * 0.05 ** (1.0 - exponent)
        arguments = (strike, 0.05, tau, alpha, exponent, vol_of_vol, correlation)
        # Where the expansion turns negative, ours stops at 0.
        expected = max(ql.sabrVolatility(*arguments), 0.0)
        got = _vol(0.05, strike, tau, alpha, exponent, vol_of_vol, correlation)
        np.testing.assert_allclose(got, expected, rtol=1e-10)


def test_at_the_money_is_the_printed_formula():
    """Hagan, Kumar, Lesniewski and Woodward (2002), equation 2.18."""
    forward, tau, alpha, beta, nu, rho = 80.0, 2.0, 1.5, 0.6, 0.45, -0.3
    power = forward ** (1.0 - beta)
    bracket = (
        (1.0 - beta) ** 2 * alpha**2 / (24.0 * power**2)
        + rho * beta * nu * alpha / (4.0 * power)
        + (2.0 - 3.0 * rho**2) * nu**2 / 24.0
    )
    expected = alpha / power * (1.0 + bracket * tau)
    np.testing.assert_allclose(
        _vol(forward, forward, tau, alpha, beta, nu, rho), expected, rtol=1e-12
    )


@pytest.mark.slow
def test_slopes_are_smooth_across_the_change_of_method():
    """Up to the third derivative in the strike: at the money, and where quadrature hands over."""
    arguments = (1.0, 0.2, 0.5, 0.5, -0.4)

    def vol(strike):
        names = ("tau", "alpha", "exponent", "vol_of_vol", "correlation")
        given = {n: jnp.asarray(v) for n, v in zip(names, arguments, strict=True)}
        return hagan_vol(forward=jnp.asarray(1.0), strike=strike, **given)

    functions = [vol]
    for _ in range(3):
        functions.append(jax.grad(functions[-1]))
    edge = float(jnp.exp(-0.3 * 0.2 / 0.5))
    at = jnp.asarray([1.0 - 1e-9, 1.0, 1.0 + 1e-9, edge * (1 - 1e-3), edge, edge * (1 + 1e-3)])
    values = np.asarray([jax.jit(jax.vmap(f))(at) for f in functions])
    assert np.all(np.isfinite(values))
    np.testing.assert_allclose(values[:, :3], values[:, [1]] * np.ones(3), rtol=1e-6)
    centre = 0.5 * (values[:, 3] + values[:, 5])
    np.testing.assert_allclose(values[:, 4], centre, rtol=1e-4)


def test_price_is_blacks_at_the_vol():
    now, carry = MODEL.start(), 0.01 * 1.5
    forward = 100.0 * np.exp(carry)
    for strike in (60.0, 100.0, 150.0):
        alpha = 2.0 * np.exp(0.5 * carry)
        expected = _vol(forward, strike, 1.5, alpha, 0.5, 0.5, -0.4)
        for claim, sign in ((Call, 1.0), (Put, -1.0)):
            got = implied_vol(
                price(MODEL, claim(strike=strike, maturity=1.5), now),
                spot=100.0,
                strike=strike,
                tau=1.5,
                rate=0.02,
                dividend=0.01,
                sign=sign,
            )
            np.testing.assert_allclose(got, expected, rtol=1e-10)


def test_digitals_are_slopes_of_calls_and_parity_holds():
    now, h = MODEL.start(), 1e-3

    def value(claim, strike):
        return float(price(MODEL, claim(strike=strike, maturity=1.0), now))

    for strike in (70.0, 100.0, 130.0):
        spread = (value(Call, strike - h) - value(Call, strike + h)) / (2.0 * h)
        np.testing.assert_allclose(value(DigitalCall, strike), spread, rtol=1e-7)
        both = value(DigitalCall, strike) + value(DigitalPut, strike)
        np.testing.assert_allclose(both, np.exp(-0.02), rtol=1e-12)
        parity = value(Call, strike) - value(Put, strike)
        np.testing.assert_allclose(parity, value(Forward, strike), rtol=1e-11)
    np.testing.assert_allclose(value(Forward, 0.0), 100.0 * np.exp(-0.01), rtol=1e-12)


@pytest.mark.slow
def test_greeks_agree_with_differences():
    now, claim = MODEL.start(), Call(strike=101.0, maturity=0.5)
    got = some_greeks(MODEL, claim, now)

    def moved(name, spot=0.0, vol=0.0):
        at = dataclasses.replace(now, prices=now.prices + spot)
        raised, at = HaganFormula(MODEL).shifted(at, vol=jnp.asarray(vol), rate=jnp.asarray(0.0))
        if name == "price":
            return float(price(raised.model, claim, at))
        return float(some_greeks(raised.model, claim, at)[name])

    checks = (
        ("delta", "price", "spot", 1e-3),
        ("vega", "price", "vol", 1e-5),
        ("gamma", "delta", "spot", 1e-3),
        ("vanna", "vega", "spot", 1e-3),
    )
    for name, of, variable, h in checks:
        central = (moved(of, **{variable: h}) - moved(of, **{variable: -h})) / (2 * h)
        np.testing.assert_allclose(got[name], central, rtol=1e-6, atol=1e-9, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize(("alpha", "left"), [(2.0, 0.0), (0.0, 1.0), (30.0, 1.0), (0.1, 1 / 365)])
@pytest.mark.parametrize("vol_of_vol", [2.0, pytest.param(0.0, marks=pytest.mark.slow)])
def test_greeks_are_finite_at_the_extremes(alpha, left, vol_of_vol):
    model = dataclasses.replace(MODEL, alpha=alpha, vol_of_vol=vol_of_vol)
    now = dataclasses.replace(model.start(), time=jnp.asarray(1.0 - left))
    for strike in (1.0, 100.0, 100.0 * np.exp(0.01 * left), 1e4):
        for name, value in some_greeks(model, Call(strike=strike, maturity=1.0), now).items():
            assert np.isfinite(float(value)), (name, strike)
