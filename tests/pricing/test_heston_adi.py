"""Alternating directions in Heston's model against Fourier, printed American prices, and parity."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import (
    AmericanPut,
    AsianCall,
    BarrierOption,
    BermudanPut,
    Call,
    DigitalCall,
    Forward,
    Put,
    UpAndOutCall,
)
from deephedge.markets import Heston
from deephedge.pricing import BarrierFormula, Fourier, HestonADI, greeks

SMALL = {"n_steps": 20, "n_prices": 81, "n_variances": 33}
# In 't Hout and Foulon (2010), table 1: their four cases.
CASES = [
    (Heston(100.0, 0.04, 1.5, 0.04, 0.3, -0.9, rate=0.025), 1.0),
    (Heston(100.0, 0.12, 3.0, 0.12, 0.04, 0.6, rate=0.01, dividend=0.04), 1.0),
    (Heston(100.0, 0.0707, 0.6067, 0.0707, 0.2928, -0.7571, rate=0.03), 3.0),
    (Heston(100.0, 0.06, 2.5, 0.06, 0.5, -0.1, rate=0.0507, dividend=0.0469), 0.25),
]
# Ikonen and Toivanen (2008), section 7.
AMERICAN = Heston(10.0, 0.0625, 5.0, 0.16, 0.9, 0.1, rate=0.1)
STRIKES = jnp.asarray([80.0, 100.0, 120.0])


def reference(model):
    return Fourier(model, n_terms=8192, width=24.0)


def at(model, spot, time=0.0):
    start = model.start()
    return dataclasses.replace(start, prices=jnp.asarray([spot]), time=jnp.asarray(time))


def across_strikes(pricer, maturity, now):
    return jax.jit(jax.vmap(lambda k: pricer.price(Call(k, maturity), now)))(STRIKES)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "maturity"),
    [CASES[0], *(pytest.param(*case, marks=pytest.mark.slow) for case in CASES[1:])],
)
def test_calls_are_those_of_fourier(model, maturity):
    # Feller's condition fails in the first, third and fourth.
    ours = across_strikes(HestonADI(model), maturity, model.start())
    theirs = across_strikes(reference(model), maturity, model.start())
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


@pytest.mark.slow
def test_ten_years_of_a_variance_that_lives_at_zero():
    # Andersen's (2008) first case: 2 kappa theta / vol^2 = 0.04.
    model = Heston(100.0, 0.04, 0.5, 0.04, 1.0, -0.9)
    ours = across_strikes(HestonADI(model, n_steps=200), 10.0, model.start())
    theirs = across_strikes(reference(model), 10.0, model.start())
    np.testing.assert_allclose(ours, theirs, atol=2e-4)


@pytest.mark.slow
def test_the_error_of_one_grid_is_of_second_order():
    model, maturity = CASES[3]
    claim, now = Call(100.0, maturity), model.start()
    exact = float(reference(model).price(claim, now))

    def error(n):
        pricer = HestonADI(
            model, n_steps=2 * n, n_prices=10 * n + 1, n_variances=4 * n + 1, extrapolated=False
        )
        return float(jax.jit(lambda: pricer.price(claim, now))()) - exact

    errors = np.abs([error(n) for n in (8, 16, 32)])
    orders = np.log2(errors[:-1] / errors[1:])
    assert np.all(np.abs(orders - 2.0) < 0.2), orders


def american_puts(pricer):
    """At the prices 8 ... 12."""
    put = AmericanPut(10.0, 0.25)
    return jax.jit(jax.vmap(lambda s: pricer.price(put, at(AMERICAN, s))))(jnp.arange(8.0, 13.0))


@pytest.mark.slow
def test_american_puts_are_worth_exercise_at_least_and_more_than_european_ones():
    prices = american_puts(HestonADI(AMERICAN, **SMALL))
    assert float(prices[0]) == pytest.approx(2.0, abs=2e-4)
    assert float(prices[0]) >= 2.0
    european = float(reference(AMERICAN).price(Put(10.0, 0.25), at(AMERICAN, 9.0)))
    assert float(prices[1]) > european + 0.02


@pytest.mark.slow
def test_american_puts_are_those_of_quantlib():
    # Whose exercise is imposed after each step: an error of first order in time, extrapolated.
    ql = pytest.importorskip("QuantLib")
    today = ql.Date(2, 1, 2025)
    ql.Settings.instance().evaluationDate = today
    count = ql.Actual360()

    def curve(level):
        return ql.YieldTermStructureHandle(ql.FlatForward(today, level, count))

    def put(spot):
        quote = ql.QuoteHandle(ql.SimpleQuote(spot))
        process = ql.HestonProcess(curve(0.1), curve(0.0), quote, 0.0625, 5.0, 0.16, 0.9, 0.1)
        option = ql.VanillaOption(
            ql.PlainVanillaPayoff(ql.Option.Put, 10.0), ql.AmericanExercise(today, today + 90)
        )
        values = []
        for n in (1, 2):
            heston = ql.HestonModel(process)
            option.setPricingEngine(ql.FdHestonVanillaEngine(heston, 200 * n, 200 * n, 50 * n))
            values.append(option.NPV())
        return 2.0 * values[1] - values[0]

    ours = american_puts(HestonADI(AMERICAN, n_steps=120, n_prices=401))
    np.testing.assert_allclose(ours, [put(s) for s in (8.0, 9.0, 10.0, 11.0, 12.0)], atol=1e-4)


@pytest.mark.slow
def test_bermudan_prices_rise_from_european_to_american_with_the_dates():
    pricer, now = HestonADI(AMERICAN, **SMALL), at(AMERICAN, 9.0)

    def bermudan(n):
        dates = 0.25 * np.arange(1, n + 1) / n
        return float(pricer.price(BermudanPut(strike=10.0, exercise_dates=dates), now))

    prices = [bermudan(n) for n in (1, 2, 8)]
    european = float(reference(AMERICAN).price(Put(10.0, 0.25), now))
    american = float(pricer.price(AmericanPut(10.0, 0.25), now))
    assert prices[0] == pytest.approx(european, abs=2e-4)
    assert prices[0] < prices[1] < prices[2] < american


@pytest.mark.slow
def test_a_forward_is_exact():
    model = CASES[0][0]
    pricer = HestonADI(model, **SMALL)
    value = jax.jit(lambda: pricer.price(Forward(98.0, 1.0), model.start()))()
    assert float(value) == pytest.approx(100.0 - 98.0 * np.exp(-0.025), abs=1e-7)


ORDERS = ("delta", "gamma", "vega", "theta", "rho", "vanna", "volga", "charm")


@pytest.mark.slow
def test_greeks_to_the_third_order_are_those_of_fourier():
    model, maturity = CASES[3]
    claim, now = Put(97.0, maturity), at(model, 101.3)
    names = (*ORDERS, "speed", "zomma", "color", "ultima")
    pricer = HestonADI(model, n_steps=60, n_prices=201, n_variances=61)
    ours = jax.jit(lambda: greeks(pricer, claim, now, names))()
    theirs = jax.jit(lambda: greeks(reference(model), claim, now, names))()
    for name in names:
        expected = float(theirs[name])
        assert float(ours[name]) == pytest.approx(expected, rel=2e-3, abs=1e-5), name


@pytest.mark.slow
def test_american_greeks_to_third_order_are_derivatives_of_those_below_them():
    # While exercise was a switch at each node, volga was off by a tenth of itself on this grid,
    # and ultima by a half.
    model = Heston(100.0, 0.04, 2.0, 0.04, 0.3, -0.6, rate=0.05)
    pricer, put, h = HestonADI(model, 40, 101, 41), AmericanPut(100.0, 0.5), 0.006
    names = ("price", "vega", "volga", "ultima", "gamma", "zomma")

    def by_vol(spot, shift):
        now = eqx.tree_at(lambda n: n.prices, model.start(), spot[None])
        moved, now = pricer.shifted(now, vol=shift, rate=jnp.zeros(()))
        return greeks(moved, put, now, names)

    spots, shifts = jnp.asarray([95.0, 100.0, 110.0]), h * jnp.arange(-3.0, 4.0)
    every = jax.vmap(jax.vmap(by_vol, in_axes=(None, 0)), in_axes=(0, None))
    got = {k: np.asarray(v) for k, v in jax.jit(every)(spots, shifts).items()}
    slope = np.array([-1, 9, -45, 0, 45, -9, 1]) / (60.0 * h)
    for above, below in (("vega", "price"), ("volga", "vega"), ("ultima", "volga")):
        np.testing.assert_allclose(got[above][:, 3], got[below] @ slope, rtol=1e-2)
    np.testing.assert_allclose(got["zomma"][:2, 3], (got["gamma"] @ slope)[:2], rtol=1e-2)


@pytest.mark.slow
def test_backward_differentiation_is_forward_differentiation():
    sizes = {"n_steps": 20, "n_prices": 61, "n_variances": 17, "extrapolated": False}
    pricer, claim = HestonADI(AMERICAN, **sizes), AmericanPut(10.0, 0.25)

    def value(spot, variance, kappa):
        model = dataclasses.replace(pricer.model, mean_reversion=kappa)
        now = dataclasses.replace(model.start(), prices=spot[None], factors=variance[None])
        return dataclasses.replace(pricer, model=model).price(claim, now)

    point = [jnp.asarray(x) for x in (9.3, 0.0625, 5.0)]
    backward = jax.jit(jax.grad(value, argnums=(0, 1, 2)))(*point)
    forward = jax.jit(jax.jacfwd(value, argnums=(0, 1, 2)))(*point)
    np.testing.assert_allclose(backward, forward, rtol=1e-9)
    step, priced = 1e-3, jax.jit(value)
    for i in (0, 2):
        up, down = list(point), list(point)
        up[i], down[i] = up[i] + step, down[i] - step
        central = float(priced(*up) - priced(*down)) / (2 * step)
        assert float(forward[i]) == pytest.approx(central, abs=2e-3), i


@pytest.mark.slow
def test_barriers_in_a_steady_variance_are_those_of_the_formula():
    # With little vol of variance, from its mean: Black and Scholes' model.
    model = Heston(100.0, 0.04, 2.0, 0.04, 0.01, 0.0, rate=0.05, dividend=0.02)
    formula = BarrierFormula(vol=0.2, rate=0.05, dividend=0.02)
    out = {"call": False, "up": False, "knock_in": False}
    claims = [
        BarrierOption(100.0, 85.0, 0.5, rebate=2.0, **out),
        BarrierOption(95.0, 120.0, 0.5, call=True, up=True, knock_in=True),
        UpAndOutCall(100.0, 125.0, 0.5),
    ]
    for claim in claims:
        pricer = HestonADI(model, n_steps=60, n_prices=201, n_variances=61)
        ours = eqx.filter_jit(pricer.price)(claim, model.start())
        theirs = formula.price(claim, model.start())
        assert float(ours) == pytest.approx(float(theirs), abs=1e-3)


@pytest.mark.slow
def test_a_barrier_is_that_of_quantlib():
    ql = pytest.importorskip("QuantLib")
    model = CASES[3][0]
    today = ql.Date(2, 1, 2025)
    ql.Settings.instance().evaluationDate = today
    count = ql.Actual365Fixed()

    def curve(level):
        return ql.YieldTermStructureHandle(ql.FlatForward(today, float(level), count))

    spot = ql.QuoteHandle(ql.SimpleQuote(100.0))
    process = ql.HestonProcess(
        curve(model.rate), curve(model.dividend), spot, 0.06, 2.5, 0.06, 0.5, -0.1
    )
    option = ql.BarrierOption(
        ql.Barrier.DownOut,
        90.0,
        0.0,
        ql.PlainVanillaPayoff(ql.Option.Call, 100.0),
        ql.EuropeanExercise(today + 91),
    )
    option.setPricingEngine(ql.FdHestonBarrierEngine(ql.HestonModel(process), 200, 400, 100))
    claim = BarrierOption(100.0, 90.0, 91 / 365, call=True, up=False, knock_in=False)
    ours = eqx.filter_jit(HestonADI(model).price)(claim, model.start())
    assert float(ours) == pytest.approx(option.NPV(), abs=1e-3)


@pytest.mark.slow
def test_expiry_and_extremes_are_finite():
    def value(spot, variance, time):
        pricer = HestonADI(AMERICAN, n_steps=8, n_prices=33, n_variances=17)
        now = dataclasses.replace(
            at(AMERICAN, 10.0), prices=spot[None], factors=variance[None], time=time
        )
        return pricer.price(AmericanPut(10.0, 0.25), now)

    every = jax.jit(jax.value_and_grad(value, argnums=(0, 1)))
    for spot in (1.0, 10.0, 80.0):
        for variance, time in ((0.0, 0.0), (1.0, 0.0), (0.04, 0.25), (0.04, 0.2499999)):
            price, slopes = every(*(jnp.asarray(x) for x in (spot, variance, time)))
            assert np.all(np.isfinite([price, *slopes]))
            if time == 0.25:
                assert float(price) == pytest.approx(max(10.0 - spot, 0.0), abs=1e-12)


def test_other_claims_and_sizes_are_refused():
    with pytest.raises(TypeError, match=r"AsianCall; use `"):
        HestonADI.example().price(AsianCall(100.0, 1.0), HestonADI.example().model.start())
    with pytest.raises(
        ValueError, match=r"`n_prices` must be a multiple of 4 plus 1 .* got 100; .*=101"
    ):
        HestonADI(AMERICAN, n_prices=100)


@pytest.mark.slow
def test_a_digital_is_that_of_fourier():
    model, maturity = CASES[3]
    claim = DigitalCall(103.0, maturity)
    ours = eqx.filter_jit(HestonADI(model).price)(claim, model.start())
    assert float(ours) == pytest.approx(
        float(reference(model).price(claim, model.start())), abs=1e-4
    )
