"""The CEV closed form: reference values, parities, limits, finite Greeks."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import gamma, ncx2

from deephedge.claims import Call, Forward, Put
from deephedge.markets import CEV
from deephedge.numerics.noncentral_chi_square import noncentral_chi_square
from deephedge.pricing import BlackScholesFormula, CEVFormula, greeks

SPOT = 100.0
NAMES = ("delta", "gamma", "vega", "theta", "charm", "speed")
price = jax.jit(lambda model, claim, now: CEVFormula(model).price(claim, now))
some_greeks = jax.jit(lambda model, claim, now: greeks(CEVFormula(model), claim, now, NAMES))


def _model(vol, exponent, rate=0.02, dividend=0.01):
    scale = vol * SPOT ** (1.0 - exponent)
    return CEV(spot=SPOT, scale=scale, exponent=exponent, rate=rate, dividend=dividend)


def _value(model, claim):
    return float(price(model, claim, model.start()))


@pytest.mark.slow
def test_law_agrees_with_scipy_in_both_tails():
    generator, n = np.random.default_rng(0), 4000
    noncentrality = 10.0 ** generator.uniform(-3, 6, n)
    degrees = 10.0 ** generator.uniform(0, 2, n)
    mean, deviation = noncentrality + degrees, np.sqrt(2.0 * degrees + 4.0 * noncentrality)
    x = np.maximum(mean + 3.0 * deviation * generator.normal(size=n), 1e-2 * mean)
    below, above = jax.jit(jax.vmap(noncentral_chi_square))(
        x - noncentrality, degrees, noncentrality
    )
    np.testing.assert_allclose(below, ncx2.cdf(x, degrees, noncentrality), rtol=0, atol=2e-11)
    np.testing.assert_allclose(above, ncx2.sf(x, degrees, noncentrality), rtol=0, atol=2e-11)
    central = noncentral_chi_square(jnp.asarray(30.0 - 1e-12), jnp.asarray(4.0), jnp.asarray(1e-12))
    np.testing.assert_allclose(central[1], gamma.sf(15.0, 2.0), rtol=1e-10)


@pytest.mark.parametrize("exponent", [0.0, 0.25, 0.5, 0.8, 0.95])
def test_prices_agree_with_quantlib(exponent):
    """Forwards and discounting are QuantLib's too: no rates, as its engine takes a forward."""
    ql = pytest.importorskip("QuantLib")
    today = ql.Date(2, 1, 2026)
    ql.Settings.instance().evaluationDate = today
    curve = ql.YieldTermStructureHandle(ql.FlatForward(today, 0.0, ql.Actual365Fixed()))
    for vol, days, strike in itertools.product((0.1, 0.4), (30, 730), (70.0, 100.0, 140.0)):
        model = _model(vol, exponent, rate=0.0, dividend=0.0)
        engine = ql.AnalyticCEVEngine(SPOT, float(model.scale), exponent, curve)
        exercise = ql.EuropeanExercise(today + days)
        for kind, claim in ((ql.Option.Call, Call), (ql.Option.Put, Put)):
            option = ql.VanillaOption(ql.PlainVanillaPayoff(kind, strike), exercise)
            option.setPricingEngine(engine)
            got = _value(model, claim(strike=strike, maturity=days / 365.0))
            np.testing.assert_allclose(got, option.NPV(), rtol=0, atol=1e-10)


@pytest.mark.parametrize("exponent", [-0.5, 0.0, 0.5, 0.95])
@pytest.mark.parametrize("rate", [-0.02, 0.05])
def test_prices_agree_with_the_series_of_the_law(exponent, rate):
    dividend, power = 0.03, 2.0 * (1.0 - exponent)
    drift = rate - dividend
    for vol, tau, strike in itertools.product((0.05, 0.6), (1 / 365, 1.0, 20.0), (60, 100, 180)):
        model = _model(vol, exponent, rate, dividend)
        clock = float(model.scale) ** 2 * np.expm1(power * drift * tau) / (power * drift)
        forward, order = SPOT * np.exp(drift * tau), 2.0 / power
        a, c = (order**2 * level**power / clock for level in (strike, forward))
        shares, cash = ncx2.sf(a, order + 2.0, c), ncx2.cdf(c, order, a)
        expected = np.exp(-rate * tau) * (forward * shares - strike * cash)
        got = _value(model, Call(strike=strike, maturity=tau))
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("exponent", [-0.5, 0.0, 0.5, 0.9])
def test_parity_holds_also_where_absorption_is_likely(exponent):
    model = _model(1.5, exponent)
    for strike in (1e-3, 20.0, 100.0, 500.0):
        call, put, forward = (
            _value(model, c(strike=strike, maturity=3.0)) for c in (Call, Put, Forward)
        )
        np.testing.assert_allclose(call - put, forward, rtol=1e-10, atol=1e-10)
    expected = SPOT * np.exp(-0.03) - 98.0 * np.exp(-0.06)
    np.testing.assert_allclose(
        _value(model, Forward(strike=98.0, maturity=3.0)), expected, rtol=1e-12
    )


def test_exponent_close_to_one_is_black_scholes():
    model, claim = _model(0.3, 1.0 - 1e-6), Call(strike=120.0, maturity=2.0)
    expected = BlackScholesFormula(vol=0.3, rate=0.02, dividend=0.01).price(claim, model.start())
    np.testing.assert_allclose(_value(model, claim), expected, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("exponent", [0.0, 0.5, 0.9])
def test_greeks_agree_with_differences(exponent):
    model, claim = _model(0.25, exponent), Call(strike=110.0, maturity=0.5)
    now = model.start()
    got = some_greeks(model, claim, now)

    def moved(name, spot=0.0, vol=0.0, time=0.0):
        at = dataclasses.replace(now, prices=now.prices + spot, time=now.time + time)
        raised, at = CEVFormula(model).shifted(at, vol=jnp.asarray(vol), rate=jnp.asarray(0.0))
        if name == "price":
            return float(price(raised.model, claim, at))
        return float(some_greeks(raised.model, claim, at)[name])

    checks = (
        ("delta", "price", "spot", 1e-3),
        ("vega", "price", "vol", 1e-5),
        ("theta", "price", "time", 1e-5),
        ("gamma", "delta", "spot", 1e-3),
        ("charm", "delta", "time", 1e-5),
        ("speed", "gamma", "spot", 1e-3),
    )
    for name, of, variable, h in checks:
        central = (moved(of, **{variable: h}) - moved(of, **{variable: -h})) / (2 * h)
        np.testing.assert_allclose(got[name], central, rtol=1e-6, atol=1e-8, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("exponent", [0.0, 0.5, 0.95])
@pytest.mark.parametrize(
    ("vol", "left"), [(0.2, 0.0), (0.0, 1.0), (3.0, 1.0), (0.01, 1 / 365), (3.0, 30.0)]
)
def test_greeks_are_finite_at_the_extremes(exponent, vol, left):
    model = _model(vol, exponent)
    for strike in (1.0, 100.0, 1e4):
        claim = Call(strike=strike, maturity=30.0)
        now = dataclasses.replace(model.start(), time=jnp.asarray(30.0 - left))
        for name, value in some_greeks(model, claim, now).items():
            assert np.isfinite(float(value)), name


def test_single_precision_keeps_its_digits():
    for exponent, tau in itertools.product((0.0, 0.5, 0.95), (1 / 365, 0.25, 10.0)):
        model, claim = _model(0.2, exponent), Call(strike=100.0, maturity=tau)
        small = jax.tree.map(lambda x: x.astype(jnp.float32), (model, claim, model.start()))
        assert price(*small).dtype == jnp.float32
        np.testing.assert_allclose(price(*small), _value(model, claim), rtol=0, atol=2e-4)
