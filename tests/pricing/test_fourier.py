"""Fourier prices against QuantLib, closed forms, printed values and parities."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql  # noqa: N813

from deephedge.claims import Call, DigitalCall, DigitalPut, Put
from deephedge.markets import BlackScholes, Garch, Heston, HestonEuler, Merton
from deephedge.pricing import (
    BlackScholesFormula,
    Fourier,
    black_scholes_price,
    greeks,
    pricer_for,
)

STRIKES = np.array([60.0, 80.0, 95.0, 100.0, 105.0, 130.0, 180.0])
DAYS = (1, 7, 30, 365, 1825, 3650)
TYPICAL = dict(
    variance=0.04,
    mean_reversion=1.5,
    long_variance=0.05,
    vol_of_variance=0.3,
    correlation=-0.7,
)
HESTONS = {
    "typical": TYPICAL,
    "Feller broken": TYPICAL | dict(vol_of_variance=1.0, mean_reversion=0.5),
    "Feller far broken": TYPICAL | dict(vol_of_variance=2.0),
    "correlation -0.99": TYPICAL | dict(correlation=-0.99),
    "correlation 0.9": TYPICAL | dict(correlation=0.9),
}
RATES = ((0.0, 0.0), (0.05, 0.02), (-0.01, 0.03))


def _accurate(model):
    return Fourier(model, n_terms=8192, width=24.0)


@jax.jit
def _prices(pricer, claim, strikes):
    now = pricer.model.start()
    replace = lambda k: type(claim)(strike=k, maturity=claim.maturity)  # noqa: E731
    return jax.vmap(lambda k: pricer.price(replace(k), now))(strikes)


def _calls(model, maturity, kind=Call):
    claim = kind(strike=100.0, maturity=maturity)
    return np.asarray(_prices(_accurate(model), claim, jnp.asarray(STRIKES)))


def _flat(rate):
    today = ql.Settings.instance().evaluationDate
    return ql.YieldTermStructureHandle(ql.FlatForward(today, rate, ql.Actual365Fixed()))


def _quantlib(parameters, rate, dividend, days, spot=100.0):
    """Calls by Gatheral's integral with adaptive Gauss-Lobatto quadrature."""
    today = ql.Settings.instance().evaluationDate
    process = ql.HestonProcess(
        _flat(rate),
        _flat(dividend),
        ql.QuoteHandle(ql.SimpleQuote(spot)),
        parameters["variance"],
        parameters["mean_reversion"],
        parameters["long_variance"],
        parameters["vol_of_variance"],
        parameters["correlation"],
    )
    engine = ql.AnalyticHestonEngine(ql.HestonModel(process), 1e-12, 100_000)
    values = []
    for strike in STRIKES:
        payoff = ql.PlainVanillaPayoff(ql.Option.Call, float(strike))
        option = ql.VanillaOption(payoff, ql.EuropeanExercise(today + days))
        option.setPricingEngine(engine)
        values.append(option.NPV())
    return np.array(values)


@pytest.fixture(autouse=True)
def _evaluation_date():
    before = ql.Settings.instance().evaluationDate
    ql.Settings.instance().evaluationDate = ql.Date(1, 1, 2024)
    yield
    ql.Settings.instance().evaluationDate = before


@pytest.mark.parametrize("parameters", HESTONS.values(), ids=HESTONS.keys())
def test_heston_calls_equal_those_of_quantlib(parameters):
    for days, (rate, dividend) in itertools.product(DAYS, RATES):
        model = Heston(spot=100.0, rate=rate, dividend=dividend, **parameters)
        theirs = _quantlib(parameters, rate, dividend, days)
        np.testing.assert_allclose(_calls(model, days / 365.0), theirs, rtol=0.0, atol=1e-8)


@pytest.mark.parametrize("parameters", HESTONS.values(), ids=HESTONS.keys())
def test_a_call_less_a_put_is_a_forward(parameters):
    for days in DAYS:
        tau = days / 365.0
        model = Heston(spot=100.0, rate=0.05, dividend=0.02, **parameters)
        forward = 100.0 * math.exp(-0.02 * tau) - STRIKES * math.exp(-0.05 * tau)
        difference = _calls(model, tau) - _calls(model, tau, Put)
        np.testing.assert_allclose(difference, forward, rtol=0.0, atol=1e-10)


def _merton_series(model, strike, tau):
    """Merton (1976), equation 19: Black-Scholes prices weighted by the Poisson law."""
    mean, deviation = float(model.jump_mean), float(model.jump_vol)
    growth = mean + 0.5 * deviation**2
    expected = float(model.intensity) * tau
    total = 0.0
    for n in range(80):
        weight = math.exp(-expected + n * math.log(expected) - math.lgamma(n + 1))
        rate = float(model.rate) - float(model.intensity) * math.expm1(growth) + n * growth / tau
        vol = math.sqrt(float(model.vol) ** 2 + n * deviation**2 / tau)
        call = black_scholes_price(
            Call(strike=strike, maturity=tau),
            spot=jnp.asarray(100.0),
            tau=jnp.asarray(tau),
            vol=jnp.asarray(vol),
            rate=jnp.asarray(rate),
            dividend=model.dividend,
        )
        total += weight * float(call) * math.exp((rate - float(model.rate)) * tau)
    return total


@pytest.mark.parametrize("tau", [pytest.param(1.0 / 365.0, marks=pytest.mark.slow), 0.25, 2.0])
def test_merton_calls_equal_the_series_of_black_scholes_prices(tau):
    model = Merton.example()
    expected = [_merton_series(model, float(k), tau) for k in STRIKES[1:6:2]]
    np.testing.assert_allclose(_calls(model, tau)[1:6:2], expected, rtol=0.0, atol=1e-8)


LATER = [pytest.param(kind, marks=pytest.mark.slow) for kind in (Call, DigitalCall, DigitalPut)]


@pytest.mark.parametrize("kind", [Put, *LATER])
def test_black_scholes_by_fourier_is_the_closed_form_with_its_greeks(kind):
    model = BlackScholes(spot=100.0, vol=0.25, rate=0.04, dividend=0.01)
    closed = BlackScholesFormula(vol=0.25, rate=0.04, dividend=0.01)
    now, names = model.start(), ("delta", "gamma", "vega")
    by_fourier = jax.jit(lambda claim: _values(Fourier(model, 512), claim, now, names))
    by_formula = jax.jit(lambda claim: _values(closed, claim, now, names))
    for tau, strike in itertools.product((0.02, 1.0, 5.0), (80.0, 100.0, 125.0)):
        claim = kind(strike=strike, maturity=tau)
        ours, exact = by_fourier(claim), by_formula(claim)
        for name, value in exact.items():
            np.testing.assert_allclose(ours[name], value, rtol=0.0, atol=1e-10, err_msg=name)


def _values(pricer, claim, now, names):
    return greeks(pricer, claim, now, ("price", *names))


@pytest.mark.slow
@pytest.mark.parametrize("model", [Heston.example(), Merton.example()])
def test_digitals_are_the_slope_of_calls_and_sum_to_a_bond(model):
    pricer, now, tau = _accurate(model), model.start(), 0.5
    call = jax.jit(lambda k: pricer.price(Call(strike=k, maturity=tau), now))
    digital = jax.jit(lambda k: pricer.price(DigitalCall(strike=k, maturity=tau), now))
    put = jax.jit(lambda k: pricer.price(DigitalPut(strike=k, maturity=tau), now))
    for strike in (80.0, 100.0, 120.0):
        spread = (float(call(strike - 1e-3)) - float(call(strike + 1e-3))) / 2e-3
        np.testing.assert_allclose(digital(strike), spread, rtol=0.0, atol=1e-8)
        bond = math.exp(-float(model.rate) * tau)
        np.testing.assert_allclose(digital(strike) + put(strike), bond, rtol=1e-12)


@pytest.mark.slow
def test_heston_greeks_equal_central_differences_of_quantlib():
    maturity, rate, dividend, step = 1.0, 0.03, 0.01, 0.02
    model = Heston(spot=100.0, rate=rate, dividend=dividend, **TYPICAL)
    pricer, now = Fourier(model, n_terms=1024, width=24.0), model.start()
    names = ("delta", "gamma", "vega", "rho", "vanna", "theta")
    of = jax.vmap(lambda k: greeks(pricer, Call(strike=k, maturity=maturity), now, names))
    ours = jax.jit(of)(jnp.asarray(STRIKES))

    def price(spot=100.0, vol=0.2, rate=rate, days=365):
        return _quantlib(TYPICAL | dict(variance=vol**2), rate, dividend, days, spot)

    middle, up, down = price(), price(spot=100.0 + step), price(spot=100.0 - step)
    expected = {
        "delta": (up - down) / (2.0 * step),
        "gamma": (up - 2.0 * middle + down) / step**2,
        "vega": (price(vol=0.2 + 1e-4) - price(vol=0.2 - 1e-4)) / 2e-4,
        "rho": (price(rate=rate + 1e-5) - price(rate=rate - 1e-5)) / 2e-5,
        "vanna": (
            price(spot=100.0 + step, vol=0.201)
            - price(spot=100.0 - step, vol=0.201)
            - price(spot=100.0 + step, vol=0.199)
            + price(spot=100.0 - step, vol=0.199)
        )
        / (4.0 * step * 1e-3),
        "theta": (price(days=364) - price(days=366)) * 365.0 / 2.0,
    }
    tolerance = dict(delta=1e-7, gamma=1e-7, vega=1e-5, rho=1e-5, vanna=1e-4, theta=1e-4)
    for name, value in expected.items():
        np.testing.assert_allclose(ours[name], value, rtol=0.0, atol=tolerance[name], err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("model", [Heston.example(), Merton.example(), BlackScholes.example()])
def test_at_expiry_a_claim_is_worth_its_payoff_and_greeks_are_finite(model):
    now = jax.tree.map(lambda x: x, model.start())
    late = type(now)(
        time=jnp.asarray(1.0),
        prices=now.prices,
        factors=now.factors,
        discount=now.discount,
        accrual=now.accrual,
        progress=now.progress,
    )
    value = jax.jit(lambda c: _values(Fourier(model), c, late, ("delta", "gamma", "vega")))
    for strike in (80.0, 100.0, 120.0):
        for kind, sign in ((Call, 1.0), (Put, -1.0)):
            values = value(kind(strike=strike, maturity=1.0))
            intrinsic = max(sign * (100.0 - strike), 0.0)
            np.testing.assert_allclose(values["price"], intrinsic, rtol=1e-12, atol=1e-12)
            assert all(np.isfinite(float(g)) for g in values.values())


def test_printed_heston_prices():
    broadie_kaya = Heston(
        spot=100.0,
        variance=0.010201,
        mean_reversion=6.21,
        long_variance=0.019,
        vol_of_variance=0.61,
        correlation=-0.70,
        rate=0.0319,
    )
    assert abs(_calls(broadie_kaya, 1.0)[3] - 6.8061) < 0.5e-4
    fang_oosterlee = Heston(
        spot=100.0,
        variance=0.0175,
        mean_reversion=1.5768,
        long_variance=0.0398,
        vol_of_variance=0.5751,
        correlation=-0.5711,
    )
    assert abs(_calls(fang_oosterlee, 10.0)[3] - 22.318945791) < 0.5e-8


def test_prices_mapped_over_strikes_are_those_of_a_loop():
    model = Heston.example()
    one = jax.jit(lambda k: _accurate(model).price(Call(strike=k, maturity=0.5), model.start()))
    loop = [float(one(k)) for k in STRIKES]
    np.testing.assert_allclose(_calls(model, 0.5), loop, rtol=0.0, atol=1e-11)


@pytest.mark.slow
def test_the_default_number_of_terms_suits_a_delta():
    model, claim = Heston.example(), Call(strike=100.0, maturity=0.25)
    delta = jax.jit(lambda pricer: greeks(pricer, claim, model.start(), ("delta",))["delta"])
    usual, accurate = (delta(pricer) for pricer in (Fourier(model), _accurate(model)))
    assert abs(float(usual) - float(accurate)) < 1e-5


def test_each_model_gets_its_most_accurate_pricer():
    assert isinstance(pricer_for(BlackScholes.example()), BlackScholesFormula)
    for model in (Heston.example(), HestonEuler.example(), Merton.example()):
        pricer = pricer_for(model)
        assert isinstance(pricer, Fourier) and pricer.model is model
    two = BlackScholes(spot=[100.0, 90.0], vol=[0.2, 0.3])
    assert float(pricer_for(two, Call(strike=90.0, maturity=1.0, asset=1)).vol) == 0.3
    with pytest.raises(ValueError, match=r"known prices of Call, got Garch; use `MonteCarlo"):
        pricer_for(Garch.example())
