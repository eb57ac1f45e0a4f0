"""Fourier prices from one day to thirty years, strikes from a fifth to five times the spot."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql  # noqa: N813

import deephedge.markets as markets
from deephedge.claims import Call, DigitalCall, DigitalPut, Put
from deephedge.markets import AbstractAffineModel, BlackScholes, Heston
from deephedge.pricing import GREEKS, BlackScholesFormula, Fourier, Lewis, greeks

SPOT = 100.0
STRIKES = np.array([20.0, 50.0, 90.0, 100.0, 110.0, 200.0, 500.0])
# Days, interest rate, dividend yield.
DATES = (
    (1, 0.03, 0.01),
    (7, -0.02, 0.0),
    (90, 0.0, 0.0),
    (365, 0.03, 0.01),
    (3650, 0.01, 0.03),
    (10950, 0.03, 0.01),
)
BASE = dict(
    variance=0.04, mean_reversion=1.5, long_variance=0.05, vol_of_variance=0.5, correlation=-0.7
)
HESTONS = {
    "usual": BASE,
    "correlation -0.99": BASE | dict(correlation=-0.99),
    "correlation 0.99": BASE | dict(correlation=0.99),
    "vol of variance near 0": BASE | dict(vol_of_variance=1e-3),
    "vol of variance 2": BASE | dict(vol_of_variance=2.0),
    "vol of variance 2, correlation -0.99": BASE | dict(vol_of_variance=2.0, correlation=-0.99),
    "vol of variance 2, correlation 0.99": BASE | dict(vol_of_variance=2.0, correlation=0.99),
    "slow reversion": BASE | dict(vol_of_variance=1.0, mean_reversion=0.2),
    "quiet today": BASE | dict(variance=1e-4, long_variance=1e-2),
    "vol 300 %": BASE | dict(variance=9.0, long_variance=9.0),
}


@jax.jit
def _chain(parameters, rate, dividend, tau):
    model = Heston(spot=SPOT, rate=rate, dividend=dividend, **parameters)

    def one(strike):
        call, now = Call(strike=strike, maturity=tau), model.start()
        series, contour = Fourier(model, n_terms=32768, width=32.0), Lewis(model, n_panels=512)
        inside = jnp.abs(jnp.log(strike / SPOT)) < contour.reach(tau, now.factors)
        return series.price(call, now), contour.price(call, now), inside

    return jax.vmap(one)(jnp.asarray(STRIKES))


def _quantlib(parameters, rate, dividend, days):
    """Calls on two contours, by exponential-sinh and by adaptive quadrature; NaN where it fails."""
    today = ql.Settings.instance().evaluationDate
    curves = [
        ql.YieldTermStructureHandle(ql.FlatForward(today, x, ql.Actual365Fixed()))
        for x in (rate, dividend)
    ]
    order = ("variance", "mean_reversion", "long_variance", "vol_of_variance", "correlation")
    spot = ql.QuoteHandle(ql.SimpleQuote(SPOT))
    model = ql.HestonModel(ql.HestonProcess(*curves, spot, *(parameters[k] for k in order)))
    engine, rule = ql.AnalyticHestonEngine, ql.FourierIntegration
    methods = (
        (engine.AngledContour, rule.expSinh(1e-14)),
        (engine.Gatheral, rule.gaussLobatto(1e-13, 1e-15, 200_000)),
    )
    return [
        [_npv(engine(model, formula, how, 1e-14), strike, today + days) for strike in STRIKES]
        for formula, how in methods
    ]


def _npv(engine, strike, date):
    payoff = ql.PlainVanillaPayoff(ql.Option.Call, float(strike))
    option = ql.VanillaOption(payoff, ql.EuropeanExercise(date))
    option.setPricingEngine(engine)
    try:
        return option.NPV()
    except RuntimeError:
        return math.nan


@pytest.fixture(autouse=True)
def _evaluation_date():
    before = ql.Settings.instance().evaluationDate
    ql.Settings.instance().evaluationDate = ql.Date(1, 1, 2024)
    yield
    ql.Settings.instance().evaluationDate = before


@pytest.mark.slow
def test_four_hundred_heston_calls_equal_those_of_quantlib_and_of_the_other_contour():
    compared = checked = 0
    for name, parameters in HESTONS.items():
        for days, rate, dividend in DATES:
            numbers = {k: jnp.asarray(v) for k, v in parameters.items()}
            rest = (jnp.asarray(x) for x in (rate, dividend, days / 365.0))
            series, contour, inside = (np.asarray(x) for x in _chain(numbers, *rest))
            first, second = np.array(_quantlib(parameters, rate, dividend, days))
            theirs = np.where(np.isnan(first), second, first)
            known = ~np.isnan(theirs)
            compared += int(known.sum())
            where = f"{name}, {days} days"
            error = np.abs(series - theirs)[known]
            assert np.all(error < 1e-8 * SPOT), f"{where}: {error}"
            apart = np.abs(series - contour)[inside]
            assert np.all(apart < 1e-10 * SPOT), f"{where}: {apart}"
            checked += int((known | inside).sum())
    assert compared > 380 and checked == 420


QUICK = ("BlackScholes", "Heston", "Kou", "VarianceGamma")
AFFINE = [
    pytest.param(kind, marks=() if kind.__name__ in QUICK else pytest.mark.slow, id=kind.__name__)
    for kind in vars(markets).values()
    if isinstance(kind, type)
    and issubclass(kind, AbstractAffineModel)
    and not kind.__name__.startswith("Abstract")
]
# |phi| of variance gamma falls like u^(-2 tau / clock variance): no transform is exact at a day.
SHORTEST = {"VarianceGamma": 1.0}


@pytest.mark.parametrize("kind", AFFINE)
def test_the_cosine_series_and_lewis_integral_agree_in_every_model(kind):
    model = BlackScholes(spot=SPOT, vol=0.2) if kind is BlackScholes else kind.example()
    now = model.start()
    log_strike = jnp.log(jnp.asarray(STRIKES / SPOT))
    series, contour = Fourier(model, n_terms=32768, width=32.0), Lewis(model, n_panels=64)

    @jax.jit
    def halves(tau):
        both = (method.halves(log_strike, tau, now.factors) for method in (series, contour))
        return jnp.asarray(list(both))

    for tau in (1.0 / 365.0, 0.25, 1.0, 10.0, 30.0):
        if tau < SHORTEST.get(kind.__name__, 0.0):
            continue
        ours, theirs = np.asarray(halves(jnp.asarray(tau)))
        # The cash-or-nothing and the share-or-nothing digital, of which every claim is made.
        np.testing.assert_allclose(ours, theirs, rtol=0.0, atol=1e-10)
        assert np.all((ours > -1e-10) & (ours < 1.0 + 1e-10))


@pytest.mark.slow
@pytest.mark.parametrize("kind", [Call, Put, DigitalCall, DigitalPut])
def test_lewis_in_the_black_scholes_model_is_the_closed_form_with_its_greeks(kind):
    model = BlackScholes(spot=SPOT, vol=0.25, rate=0.04, dividend=0.01)
    closed = BlackScholesFormula(vol=0.25, rate=0.04, dividend=0.01)
    names = ("delta", "gamma", "vega", "theta")

    @jax.jit
    def both(claim):
        pairs = [
            dict(greeks(p, claim, model.start(), names), price=p.price(claim, model.start()))
            for p in (Lewis(model), closed)
        ]
        return pairs

    for strike, tau in ((80.0, 0.02), (100.0, 1.0), (125.0, 30.0)):
        ours, exact = both(kind(strike=strike, maturity=tau))
        for name, value in exact.items():
            np.testing.assert_allclose(ours[name], value, rtol=0.0, atol=1e-10, err_msg=name)


# Years to maturity, variance today, strike: expiry, no variance, a day, decades, 10 sigma.
EXTREMES = np.array(
    [
        (tau, variance, strike)
        for tau in (0.0, 1e-6, 1.0 / 365.0, 1.0, 30.0)
        for variance in (0.0, 1e-8, 0.04, 9.0)
        for strike in (1e-3, 20.0, 90.0, 100.0, 110.0, 500.0, 1e6)
    ]
)


def _all_greeks(pricer_of, dtype):
    numbers = jnp.asarray(EXTREMES, dtype)
    model = jax.tree.map(lambda x: jnp.asarray(x, dtype), Heston.example())
    pricer = pricer_of(model)

    @jax.jit
    @jax.vmap
    def run(tau, variance, strike):
        start = model.start()
        now = dataclasses.replace(start, factors=variance[None], time=30.0 - tau)
        claim = Call(strike=strike, maturity=jnp.asarray(30.0, dtype))
        return {"price": pricer.price(claim, now), **greeks(pricer, claim, now, list(GREEKS))}

    return run(*numbers.T)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
@pytest.mark.parametrize("method", [Fourier, lambda model: Lewis(model, n_panels=8)])
def test_all_greeks_are_finite_at_expiry_without_variance_and_in_the_wings(method, dtype):
    values = _all_greeks(method, dtype)
    assert set(values) == {"price", *GREEKS}
    for name, value in values.items():
        bad = EXTREMES[~np.isfinite(np.asarray(value))]
        assert bad.size == 0, f"{name} at (tau, variance, strike) {bad[:5]}"


def test_far_strikes_are_worth_the_forward_or_nothing():
    model = Heston.example()
    price = jax.jit(lambda method, k: method.price(Call(strike=k, maturity=1.0), model.start()))
    forward = SPOT * math.exp(-0.01)
    for method in (Fourier(model), Lewis(model)):
        np.testing.assert_allclose(price(method, 1e-9), forward, rtol=1e-8)
        assert abs(float(price(method, 1e20))) < 1e-8
