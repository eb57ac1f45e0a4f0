"""Finite differences against closed forms, independent American prices, and their own order."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import (
    AmericanCall,
    AmericanPut,
    AsianCall,
    BermudanPut,
    Call,
    DigitalCall,
    Forward,
    Put,
    call_spread,
)
from deephedge.markets import BlackScholes
from deephedge.pricing import BlackScholesFormula, FiniteDifference, greeks, sensitivity
from deephedge.pricing.obstacle import TOO_HIGH

MODEL = {"vol": 0.2, "rate": 0.05, "dividend": 0.02}


def at(spot, time=0.0):
    now = BlackScholes(spot=spot, vol=0.2).start()
    return dataclasses.replace(now, time=jnp.asarray(time))


EUROPEAN = [
    pytest.param(Put(93.0, 1.0), marks=pytest.mark.slow),
    pytest.param(Call(100.0, 1.0), marks=pytest.mark.slow),
    pytest.param(DigitalCall(97.0, 1.0), marks=pytest.mark.slow),
    pytest.param(call_spread(lower=95.0, upper=107.0, maturity=1.0), marks=pytest.mark.slow),
]
names = pytest.mark.parametrize("claim", EUROPEAN, ids=lambda c: type(c).__name__)


@names
def test_european_prices_and_greeks_are_those_of_the_closed_form(claim):
    wanted = ("delta", "gamma", "vega", "theta", "rho")
    grid, formula = FiniteDifference(**MODEL), BlackScholesFormula(**MODEL)

    def both(pricer):
        return pricer.price(claim, at(100.0)), greeks(pricer, claim, at(100.0), wanted)

    (price, ours), (exact, theirs) = jax.jit(lambda: both(grid))(), both(formula)
    assert abs(float(price - exact)) < 1e-4
    scale = {"delta": 1e-5, "gamma": 1e-6, "vega": 2e-3, "theta": 1e-3, "rho": 1e-3}
    for name in wanted:
        assert abs(float(ours[name] - theirs[name])) < scale[name], name


@pytest.mark.slow
def test_european_error_is_of_second_order():
    exact = BlackScholesFormula(**MODEL).price(Put(93.0, 1.0), at(100.0))
    errors = [
        abs(
            float(
                FiniteDifference(**MODEL, n_steps=n, n_prices=4 * n + 1, extrapolated=False).price(
                    Put(93.0, 1.0), at(100.0)
                )
                - exact
            )
        )
        for n in (25, 50, 100)
    ]
    orders = np.log2(np.asarray(errors[:-1]) / np.asarray(errors[1:]))
    assert np.all(np.abs(orders - 2.0) < 0.25), orders


@pytest.mark.parametrize(
    "spot", [pytest.param(x, marks=pytest.mark.slow) for x in (1.0, 60.0, 100.0, 400.0)]
)
def test_a_forward_is_exact_and_calls_less_puts_are_one(spot):
    pricer, formula = FiniteDifference(**MODEL, n_prices=201), BlackScholesFormula(**MODEL)
    now, forward = at(spot), Forward(98.0, 1.0)
    exact = float(formula.price(forward, now))
    assert float(pricer.price(forward, now)) == pytest.approx(exact, abs=1e-7 * spot)
    parity = pricer.price(Call(98.0, 1.0), now) - pricer.price(Put(98.0, 1.0), now)
    assert float(parity) == pytest.approx(exact, abs=1e-6 * spot)


AMERICAN = [
    # claim, spot, vol, rate, dividend
    (AmericanPut(40.0, 1.0), 36.0, 0.2, 0.06, 0.0),
    (AmericanPut(40.0, 2.0), 44.0, 0.4, 0.06, 0.0),
    (AmericanPut(100.0, 1.0), 100.0, 0.2, 0.05, 0.02),
    (AmericanPut(100.0, 0.08), 95.0, 0.3, 0.03, 0.01),
    (AmericanCall(100.0, 2.0), 100.0, 0.3, 0.05, 0.08),
    (AmericanCall(90.0, 0.5), 120.0, 0.25, 0.02, 0.06),
]


@pytest.mark.parametrize(
    ("claim", "spot", "vol", "rate", "dividend"),
    [
        *AMERICAN[2:5:2],
        *(pytest.param(*x, marks=pytest.mark.slow) for x in (*AMERICAN[:2], *AMERICAN[3::2])),
    ],
)
def test_american_prices_are_those_of_quantlib(claim, spot, vol, rate, dividend):
    days = round(float(claim.maturity) * 365)
    claim = dataclasses.replace(claim, maturity=days / 365)
    pricer = FiniteDifference(vol=vol, rate=rate, dividend=dividend)
    ours = float(pricer.price(claim, at(spot)))
    theirs = quantlib_american(claim, days, spot, vol, rate, dividend)
    assert ours == pytest.approx(theirs, abs=1e-4)


def quantlib_american(claim, days, spot, vol, rate, dividend):
    """Andersen, Lake and Offengenden's (2016) integral equation, to about 1e-10."""
    ql = pytest.importorskip("QuantLib")
    today = ql.Date(2, 1, 2025)
    ql.Settings.instance().evaluationDate = today
    count = ql.Actual365Fixed()

    def curve(level):
        return ql.YieldTermStructureHandle(ql.FlatForward(today, level, count))

    process = ql.BlackScholesMertonProcess(
        ql.QuoteHandle(ql.SimpleQuote(spot)),
        curve(dividend),
        curve(rate),
        ql.BlackVolTermStructureHandle(ql.BlackConstantVol(today, ql.NullCalendar(), vol, count)),
    )
    kind = ql.Option.Put if isinstance(claim, AmericanPut) else ql.Option.Call
    option = ql.VanillaOption(
        ql.PlainVanillaPayoff(kind, float(claim.strike)),
        ql.AmericanExercise(today, today + days),
    )
    scheme = ql.QdFpAmericanEngine.highPrecisionScheme()
    option.setPricingEngine(ql.QdFpAmericanEngine(process, scheme))
    return option.NPV()


@pytest.mark.slow
def test_american_error_is_of_second_order():
    claim, now = AmericanPut(100.0, 1.0), at(100.0)
    prices = [
        float(
            FiniteDifference(**MODEL, n_steps=n, n_prices=4 * n + 1, extrapolated=False).price(
                claim, now
            )
        )
        for n in (25, 50, 100)
    ]
    first, second = np.diff(prices)
    assert abs(np.log2(first / second) - 2.0) < 0.3


def test_a_call_without_dividends_is_worth_no_more_for_its_early_exercise():
    pricer = FiniteDifference(vol=0.2, rate=0.05)
    american = float(pricer.price(AmericanCall(100.0, 1.0), at(103.0)))
    assert american == pytest.approx(float(pricer.price(Call(100.0, 1.0), at(103.0))), abs=1e-9)


@pytest.mark.slow
def test_bermudan_prices_rise_from_european_to_american_with_the_dates():
    pricer, now = FiniteDifference(vol=0.2, rate=0.06, n_prices=401), at(36.0)

    def bermudan(n):
        dates = np.arange(1, n + 1) / n
        return float(pricer.price(BermudanPut(strike=40.0, exercise_dates=dates), now))

    prices = [bermudan(n) for n in (1, 2, 10, 50)]
    european = float(pricer.price(Put(40.0, 1.0), now))
    american = float(pricer.price(AmericanPut(40.0, 1.0), now))
    assert prices[0] == pytest.approx(european, abs=1e-4)
    assert prices[0] < prices[1] < prices[2] < prices[3] < american
    # Dates that are past are of no use.
    late = BermudanPut(strike=40.0, exercise_dates=[0.2, 0.4, 1.0])
    rest = BermudanPut(strike=40.0, exercise_dates=[0.4 - 0.3, 1.0 - 0.3])
    later = float(pricer.price(late, at(36.0, time=0.3)))
    assert later == pytest.approx(float(pricer.price(rest, now)), abs=2e-4)


@pytest.mark.slow
def test_american_greeks_are_smooth_and_right():
    pricer, claim = FiniteDifference(vol=0.2, rate=0.06), AmericanPut(40.0, 1.0)
    slope = jax.jit(lambda s: sensitivity(pricer, claim, at(s), "spot"))
    price = jax.jit(lambda s: pricer.price(claim, at(s)))
    gamma = jax.jit(lambda s: sensitivity(pricer, claim, at(s), "spot", "spot"))
    for spot in (36.0, 40.0, 44.0):
        h = 0.2
        low, middle, high = (float(price(jnp.asarray(spot + x))) for x in (-h, 0.0, h))
        delta = float(slope(jnp.asarray(spot)))
        assert delta == pytest.approx((high - low) / (2 * h), abs=1e-3)
        second = (high - 2 * middle + low) / h**2
        assert float(gamma(jnp.asarray(spot))) == pytest.approx(second, abs=1e-3)
    # Exercised at once: a short share and cash.
    assert float(price(jnp.asarray(30.0))) == pytest.approx(10.0, abs=1e-8)
    assert float(slope(jnp.asarray(30.0))) == pytest.approx(-1.0, abs=1e-8)
    assert float(gamma(jnp.asarray(30.0))) == pytest.approx(0.0, abs=1e-7)


# On seven points about the middle: first, second and third derivative, of order 6, 6 and 4.
SLOPES = {
    1: (np.array([-1, 9, -45, 0, 45, -9, 1]) / 60.0),
    2: (np.array([2, -27, 270, -490, 270, -27, 2]) / 180.0),
    3: (np.array([1, -8, 13, 0, -13, 8, -1]) / 8.0),
}


@pytest.mark.slow
@pytest.mark.parametrize("spot", [88.0, 95.0, 100.0, 110.0])
def test_american_greeks_to_third_order_are_those_of_the_integral_equation(spot):
    # While exercise was a switch at each node, ultima had the wrong sign on every grid.
    put, vol, rate, days = AmericanPut(100.0, 182 / 365), 0.2, 0.05, 182
    names = ("delta", "gamma", "vega", "volga", "ultima", "rho", "vanna", "speed", "zomma", "theta")
    pricer = FiniteDifference(vol, rate)
    got = jax.jit(lambda: greeks(pricer, put, at(spot), names))()

    def exact(by_spot, by_vol, by_rate):
        moved = spot + by_spot, vol + by_vol, rate + by_rate
        return quantlib_american(put, days, *moved, 0.0)

    steps = {"spot": 0.015 * spot, "vol": 0.03 * vol, "rate": 0.002}

    def along(variable, order, at_shift=None):
        shifts = np.arange(-3, 4) * steps[variable]
        moves = [{**(at_shift or {}), variable: x} for x in shifts]
        table = [exact(m.get("spot", 0.0), m.get("vol", 0.0), m.get("rate", 0.0)) for m in moves]
        return SLOPES[order] @ np.array(table) / steps[variable] ** order

    def mixed(order):
        shifts = np.arange(-3, 4) * steps["vol"]
        table = [along("spot", order, {"vol": x}) for x in shifts]
        return SLOPES[1] @ np.array(table) / steps["vol"]

    by_day = [quantlib_american(put, days + k, spot, vol, rate, 0.0) for k in range(-3, 4)]
    truth = {
        "theta": -365.0 * (SLOPES[1] @ np.array(by_day)),
        "delta": along("spot", 1), "gamma": along("spot", 2), "speed": along("spot", 3),
        "vega": along("vol", 1), "volga": along("vol", 2), "ultima": along("vol", 3),
        "rho": along("rate", 1), "vanna": mixed(1), "zomma": mixed(2),
    }  # fmt: skip
    first = ("delta", "vega", "rho", "theta")
    for name, value in truth.items():
        share = 2e-4 if name in first else 2e-2
        size = max(abs(value), abs(truth["vega"]) / vol if name == "volga" else 0.0)
        assert abs(float(got[name]) - value) < share * size, (name, float(got[name]), value)


def test_the_bound_is_moved_by_what_the_layer_puts_on_top():
    scipy_special = pytest.importorskip("scipy.special")
    e = np.exp(-2.0)
    # Scipy's spence(z) is Li2(1 - z).
    exact = -0.5 * np.log1p(-e) + 0.25 * scipy_special.spence(e)
    assert pytest.approx(exact, abs=1e-8) == TOO_HIGH


@jax.jit
@functools.partial(jax.value_and_grad, argnums=(0, 1))
def value_and_slopes(spot, vol, time, claim):
    pricer = FiniteDifference(vol=vol, rate=0.05, n_steps=30, n_prices=101)
    now = dataclasses.replace(at(100.0), prices=spot[None], time=time)
    return pricer.price(claim, now)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("vol", "time"), [(0.0, 0.0), (0.2, 1.0), (0.2, 0.999999), (3.0, 0.0), (0.01, 0.0)]
)
@pytest.mark.parametrize("claim", [AmericanPut(100.0, 1.0), DigitalCall(100.0, 1.0)])
def test_extremes_are_finite(claim, vol, time):
    for spot in (100.0, 20.0, 500.0):
        price, slopes = value_and_slopes(*map(jnp.asarray, (spot, vol, time)), claim)
        for x in (price, *slopes):
            assert np.isfinite(float(x))
        if time == 1.0:
            expected = max(100.0 - spot, 0.0) if isinstance(claim, AmericanPut) else spot > 100.0
            assert float(price) == pytest.approx(float(expected), abs=1e-12)


def test_a_claim_that_depends_on_the_path_is_refused_by_name():
    with pytest.raises(TypeError, match=r"AsianCall; use `"):
        FiniteDifference(**MODEL).price(AsianCall(100.0, 1.0), at(100.0))
