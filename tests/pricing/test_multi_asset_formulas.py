"""Closed forms for several lognormal assets against quadrature, QuantLib, parities and limits."""

import dataclasses
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql  # noqa: N813
from scipy.special import ndtr

from deephedge.claims import (
    BasketCall,
    BasketPut,
    BestOfCall,
    Call,
    ExchangeOption,
    Put,
    QuantoCall,
    SpreadOption,
    WorstOfCall,
)
from deephedge.markets import BlackScholes
from deephedge.numerics.draws import sobol
from deephedge.pricing import (
    BasketFormula,
    Black76,
    BlackScholesFormula,
    KirkFormula,
    MargrabeFormula,
    MonteCarlo,
    QuantoFormula,
    StulzFormula,
    greeks,
)

NODES, WEIGHTS = np.polynomial.legendre.leggauss(400)
price = jax.jit(lambda pricer, claim, now: pricer.price(claim, now))


def state(first=100.0, second=100.0):
    return BlackScholes(spot=[first, second], vol=[0.2, 0.2]).start()


def matrix(correlation):
    return [[1.0, correlation], [correlation, 1.0]]


def call_value(forward, strike, deviation):
    """Undiscounted call of a lognormal price; the whole forward at a strike of 0 or less."""
    strike, forward = np.broadcast_arrays(strike, forward)
    above = np.maximum(strike, 1e-300)
    d1 = np.log(forward / above) / deviation + 0.5 * deviation
    value = forward * ndtr(d1) - above * ndtr(d1 - deviation)
    return np.where(strike > 0, value, forward - strike)


def spread_integral(forwards, vols, correlation, tau, strike):
    """E (S1 - S2 - K)^+: Black's formula in asset 1 given asset 2, integrated over asset 2."""
    bound = 10.0
    edges = [-bound, bound]
    if strike < 0:  # the price of asset 2 at which the strike of the inner call is 0
        edges.insert(
            1, (math.log(-strike / forwards[1]) / vols[1] / tau**0.5) + 0.5 * vols[1] * tau**0.5
        )
    total = 0.0
    for low, high in itertools.pairwise(np.clip(edges, -bound, bound)):
        z = 0.5 * (high - low) * NODES + 0.5 * (high + low)
        weight = 0.5 * (high - low) * WEIGHTS * np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
        deviations = np.asarray(vols) * tau**0.5
        second = forwards[1] * np.exp(deviations[1] * z - 0.5 * deviations[1] ** 2)
        shift = correlation * deviations[0]
        first = forwards[0] * np.exp(shift * z - 0.5 * shift**2)
        rest = deviations[0] * math.sqrt(1.0 - correlation**2)
        total += np.sum(weight * call_value(first, second + strike, rest))
    return total


MARGRABE = list(
    itertools.product((60.0, 95.0, 100.0, 180.0), (0.02, 1.0, 10.0), (-0.99, -0.5, 0.0, 0.6, 0.99))
)


def test_margrabe_equals_quadrature_and_quantlib():
    today = ql.Date(15, 1, 2026)
    ql.Settings.instance().evaluationDate = today
    calendar, days = ql.NullCalendar(), ql.Actual365Fixed()

    def curve(rate):
        return ql.YieldTermStructureHandle(ql.FlatForward(today, rate, days))

    def process(spot, dividend, vol):
        black = ql.BlackVolTermStructureHandle(ql.BlackConstantVol(today, calendar, vol, days))
        return ql.BlackScholesMertonProcess(
            ql.QuoteHandle(ql.SimpleQuote(spot)), curve(dividend), curve(0.04), black
        )

    for second, tau, correlation in MARGRABE:
        n_days = round(365 * tau)
        tau = n_days / 365
        pricer = MargrabeFormula(
            vol=[0.35, 0.2], rate=0.04, dividend=[0.01, 0.03], correlation=matrix(correlation)
        )
        claim = ExchangeOption(maturity=tau, ratio=1.5)
        ours = float(price(pricer, claim, state(150.0, second)))
        option = ql.MargrabeOption(1, 1, ql.EuropeanExercise(today + n_days))
        first, other = process(150.0, 0.01, 0.35), process(1.5 * second, 0.03, 0.2)
        option.setPricingEngine(ql.AnalyticEuropeanMargrabeEngine(first, other, correlation))
        assert abs(ours - option.NPV()) < 1e-10 * max(1.0, ours)
        forwards = (150.0 * math.exp(0.03 * tau), 1.5 * second * math.exp(0.01 * tau))
        integral = spread_integral(forwards, (0.35, 0.2), correlation, tau, 0.0)
        expected = math.exp(-0.04 * tau) * integral
        assert abs(ours - expected) < 1e-10 * max(1.0, ours), (second, tau, correlation)


def test_exchanging_for_a_riskless_asset_is_a_call():
    pricer = MargrabeFormula(vol=[0.3, 0.0], rate=0.05, dividend=[0.02, 0.0])
    exchange = price(pricer, ExchangeOption(maturity=2.0), state(100.0, 110.0 * math.exp(-0.1)))
    call = BlackScholesFormula(vol=0.3, rate=0.05, dividend=0.02)
    expected = price(call, Call(strike=110.0, maturity=2.0), state())
    np.testing.assert_allclose(exchange, expected, rtol=1e-12)


def test_the_two_rights_to_exchange_differ_by_the_assets():
    pricer = MargrabeFormula(vol=[0.3, 0.2], rate=0.05, correlation=matrix(0.3))
    forth = price(pricer, ExchangeOption(maturity=1.0), state(100.0, 90.0))
    back = price(pricer, ExchangeOption(maturity=1.0, receive=1, give=0), state(100.0, 90.0))
    np.testing.assert_allclose(forth - back, 10.0, rtol=1e-12)
    # Homogeneous of degree one, and no function of the rate.
    twice = price(pricer, ExchangeOption(maturity=1.0), state(200.0, 180.0))
    np.testing.assert_allclose(twice, 2.0 * forth, rtol=1e-12)
    free = dataclasses.replace(pricer, rate=jnp.asarray(0.0))
    np.testing.assert_allclose(
        price(free, ExchangeOption(maturity=1.0), state(100.0, 90.0)), forth, rtol=1e-12
    )


KIRK = KirkFormula(vol=[0.3, 0.2], rate=0.02, dividend=[0.01, 0.0], correlation=matrix(0.5))


def test_kirk_at_strike_zero_is_margrabe():
    margrabe = MargrabeFormula(
        vol=KIRK.vol, rate=KIRK.rate, dividend=KIRK.dividend, correlation=KIRK.correlation
    )
    for second in (50.0, 100.0, 160.0):
        np.testing.assert_allclose(
            price(KIRK, SpreadOption(strike=0.0, maturity=1.0), state(100.0, second)),
            price(margrabe, ExchangeOption(maturity=1.0), state(100.0, second)),
            rtol=1e-12,
        )


def kirk_error(correlation, vols, tau, second, strike):
    """Kirk's value over that of quadrature, less 1."""
    pricer = KirkFormula(vol=vols, correlation=matrix(correlation))
    ours = price(pricer, SpreadOption(strike=strike, maturity=tau), state(100.0, second))
    return float(ours) / spread_integral((100.0, second), vols, correlation, tau, strike) - 1.0


def test_kirk_is_within_its_stated_error_of_quadrature():
    errors = [
        kirk_error(correlation, vols, tau, 100.0 - strike, strike)
        for correlation in (-0.5, 0.0, 0.5, 0.8)
        for vols in ([0.3, 0.2], [0.2, 0.3], [0.2, 0.2])
        for tau in (0.1, 1.0)
        for strike in (-20.0, -5.0, 5.0, 20.0)
    ]
    assert 1e-3 < max(map(abs, errors)) < 0.002


def test_kirk_obeys_parity_and_turns_into_black_scholes():
    claim = SpreadOption(strike=-7.0, maturity=1.0)
    opposite = SpreadOption(strike=7.0, maturity=1.0, long=1, short=0)
    now = state(100.0, 104.0)
    forward = 100.0 * math.exp(-0.01) - 104.0 + 7.0 * math.exp(-0.02)
    np.testing.assert_allclose(
        price(KIRK, claim, now) - price(KIRK, opposite, now), forward, rtol=1e-12
    )
    small = price(KIRK, SpreadOption(strike=90.0, maturity=1.0), state(100.0, 1e-9))
    call = BlackScholesFormula(vol=0.3, rate=0.02, dividend=0.01)
    np.testing.assert_allclose(small, price(call, Call(strike=90.0, maturity=1.0), now), rtol=1e-8)


def cheaper_integral(forwards, vols, correlation, tau, strike):
    """E (min(S1, S2) - K)^+: a call spread on asset 1 given asset 2, integrated over asset 2."""
    s1, s2 = np.asarray(vols) * tau**0.5
    start = math.log(strike / forwards[1]) / s2 + 0.5 * s2 if strike > 0 else -12.0
    start, total = max(start, -12.0), 0.0
    rest = s1 * math.sqrt(1.0 - correlation**2)
    # Where the two prices cross, the inner call bends over a width of `rest`.
    slope = s2 - correlation * s1
    cross = math.log(forwards[0] / forwards[1]) + 0.5 * (s2**2 - (correlation * s1) ** 2)
    cross, width = cross / slope, 8.0 * rest / abs(slope)
    cuts = [start, *(min(max(cross + s * width, start), 12.0) for s in (-1, 0, 1)), 12.0]
    for low, high in itertools.pairwise(cuts):
        z = 0.5 * (high - low) * NODES + 0.5 * (high + low)
        weight = 0.5 * (high - low) * WEIGHTS * np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
        second = forwards[1] * np.exp(s2 * z - 0.5 * s2**2)
        first = forwards[0] * np.exp(correlation * s1 * z - 0.5 * (correlation * s1) ** 2)
        total += np.sum(
            weight * (call_value(first, strike, rest) - call_value(first, second, rest))
        )
    return total


STULZ = list(
    itertools.product((60.0, 100.0, 140.0), (0.05, 1.0, 5.0), (-0.99, -0.4, 0.6, 0.99), (0.0, 90.0))
)


def test_stulz_equals_quadrature():
    for second, tau, correlation, strike in STULZ:
        pricer = StulzFormula(
            vol=[0.35, 0.2], rate=0.04, dividend=[0.01, 0.03], correlation=matrix(correlation)
        )
        ours = price(pricer, WorstOfCall(strike=strike, maturity=tau), state(100.0, second))
        forwards = (100.0 * math.exp(0.03 * tau), second * math.exp(0.01 * tau))
        expected = math.exp(-0.04 * tau) * cheaper_integral(
            forwards, (0.35, 0.2), correlation, tau, strike
        )
        assert abs(ours - expected) < 2e-11, (second, tau, correlation, strike)


def test_stulz_equals_quantlib():
    today = ql.Date(15, 1, 2026)
    ql.Settings.instance().evaluationDate = today
    days = ql.Actual365Fixed()

    def process(spot, dividend, vol):
        black = ql.BlackConstantVol(today, ql.NullCalendar(), vol, days)
        curves = (
            ql.YieldTermStructureHandle(ql.FlatForward(today, r, days)) for r in (dividend, 0.04)
        )
        return ql.BlackScholesMertonProcess(
            ql.QuoteHandle(ql.SimpleQuote(spot)), *curves, ql.BlackVolTermStructureHandle(black)
        )

    for (kind, payoff), second, correlation in itertools.product(
        ((BestOfCall, ql.MaxBasketPayoff), (WorstOfCall, ql.MinBasketPayoff)),
        (80.0, 100.0, 130.0),
        (-0.8, 0.0, 0.9),
    ):
        pricer = StulzFormula(
            vol=[0.35, 0.2], rate=0.04, dividend=[0.01, 0.03], correlation=matrix(correlation)
        )
        ours = price(pricer, kind(strike=95.0, maturity=1.0), state(100.0, second))
        option = ql.BasketOption(
            payoff(ql.PlainVanillaPayoff(ql.Option.Call, 95.0)), ql.EuropeanExercise(today + 365)
        )
        first, other = process(100.0, 0.01, 0.35), process(second, 0.03, 0.2)
        option.setPricingEngine(ql.StulzEngine(first, other, correlation))
        np.testing.assert_allclose(ours, option.NPV(), rtol=1e-10)


@pytest.mark.slow
def test_the_dearest_asset_is_one_and_the_right_to_exchange_it():
    pricer = StulzFormula(vol=[0.35, 0.2], rate=0.04, correlation=matrix(0.4))
    margrabe = MargrabeFormula(vol=pricer.vol, rate=pricer.rate, correlation=pricer.correlation)
    now = state(100.0, 90.0)
    exchange = price(margrabe, ExchangeOption(maturity=1.0), now)
    best = price(pricer, BestOfCall(strike=0.0, maturity=1.0), now)
    worst = price(pricer, WorstOfCall(strike=0.0, maturity=1.0), now)
    np.testing.assert_allclose(best, 90.0 + exchange, rtol=1e-13)
    np.testing.assert_allclose(worst, 100.0 - exchange, rtol=1e-13)
    # The order of the assets does not matter.
    turned = price(pricer, WorstOfCall(strike=90.0, maturity=1.0, assets=(1, 0)), now)
    straight = price(pricer, WorstOfCall(strike=90.0, maturity=1.0), now)
    np.testing.assert_allclose(turned, straight, rtol=1e-13)


@pytest.mark.slow
def test_an_asset_that_never_wins_leaves_an_ordinary_call():
    pricer = StulzFormula(vol=[0.35, 0.2], rate=0.04, correlation=matrix(-0.4))
    expected = price(
        BlackScholesFormula(vol=0.35, rate=0.04), Call(strike=90.0, maturity=1.0), state()
    )
    best = price(pricer, BestOfCall(strike=90.0, maturity=1.0), state(100.0, 1e-6))
    worst = price(pricer, WorstOfCall(strike=90.0, maturity=1.0), state(100.0, 1e6))
    np.testing.assert_allclose([best, worst], expected, rtol=1e-12)


def basket_integral(forwards, vols, correlation, tau, weights, strike):
    """E (w1 S1 + w2 S2 - K)^+ for positive weights: a call on asset 1 given asset 2."""
    scaled = (weights[0] * forwards[0], weights[1] * forwards[1])
    deviations = np.asarray(vols) * tau**0.5
    cut = math.log(strike / scaled[1]) / deviations[1] + 0.5 * deviations[1]
    rest, shift = deviations[0] * math.sqrt(1.0 - correlation**2), correlation * deviations[0]
    total = 0.0
    for low, high in itertools.pairwise(np.clip([-10.0, cut, 10.0], -10.0, 10.0)):
        z = 0.5 * (high - low) * NODES + 0.5 * (high + low)
        weight = 0.5 * (high - low) * WEIGHTS * np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
        second = scaled[1] * np.exp(deviations[1] * z - 0.5 * deviations[1] ** 2)
        first = scaled[0] * np.exp(shift * z - 0.5 * shift**2)
        total += np.sum(weight * call_value(first, strike - second, rest))
    return total


@pytest.mark.parametrize(
    ("correlation", "stated"), [(-0.5, 0.022), (0.0, 0.01), (0.5, 0.0042), (0.9, 0.0021)]
)
def test_moment_matching_is_within_its_stated_error_of_quadrature(correlation, stated):
    errors = []
    for vols, tau, share in itertools.product(
        ([0.3, 0.2], [0.2, 0.2]), (0.1, 1.0), (0.3, 0.5, 0.7)
    ):
        weights = [share, 1.0 - share]
        pricer = BasketFormula(vol=vols, correlation=matrix(correlation))
        ours = price(pricer, BasketCall(strike=100.0, weights=weights, maturity=tau), state())
        expected = basket_integral((100.0, 100.0), vols, correlation, tau, weights, 100.0)
        errors.append(float(ours) / expected - 1.0)
    assert 0.8 * stated < max(map(abs, errors)) < stated


def test_a_basket_of_one_asset_is_an_ordinary_option():
    pricer = BasketFormula(vol=[0.3, 0.2], rate=0.02, dividend=[0.01, 0.0])
    plain = BlackScholesFormula(vol=0.3, rate=0.02, dividend=0.01)
    for basket, option in ((BasketCall, Call), (BasketPut, Put)):
        ours = price(pricer, basket(strike=105.0, weights=[1.0, 0.0], maturity=0.5), state())
        expected = price(plain, option(strike=105.0, maturity=0.5), state())
        np.testing.assert_allclose(ours, expected, rtol=1e-12)


def test_basket_parity_also_at_a_negative_strike():
    pricer, now = BasketFormula.example(), state()
    for strike in (-20.0, 0.0, 90.0):
        call = price(pricer, BasketCall(strike=strike, weights=[0.3, 0.7], maturity=1.0), now)
        put = price(pricer, BasketPut(strike=strike, weights=[0.3, 0.7], maturity=1.0), now)
        forward = 30.0 * math.exp(-0.01) + 70.0 - strike * math.exp(-0.02)
        np.testing.assert_allclose(call - put, forward, rtol=1e-12)
    with pytest.raises(ValueError, match="`weights` must be zero or positive"):
        pricer.price(BasketCall(strike=1.0, weights=[1.0, -1.0], maturity=1.0), now)


def test_quanto_equals_quantlib():
    today = ql.Date(15, 1, 2026)
    ql.Settings.instance().evaluationDate = today
    days = ql.Actual365Fixed()

    def curve(rate):
        return ql.YieldTermStructureHandle(ql.FlatForward(today, rate, days))

    def vols(vol):
        black = ql.BlackConstantVol(today, ql.NullCalendar(), vol, days)
        return ql.BlackVolTermStructureHandle(black)

    for strike, n_days, correlation in itertools.product(
        (60.0, 100.0, 150.0), (1, 365, 3650), (-0.9, 0.0, 0.4)
    ):
        # Abroad the asset costs 100; one unit of foreign currency costs 1.25 at home.
        process = ql.GeneralizedBlackScholesProcess(
            ql.QuoteHandle(ql.SimpleQuote(100.0)), curve(0.01), curve(0.05), vols(0.3)
        )
        option = ql.QuantoVanillaOption(
            ql.PlainVanillaPayoff(ql.Option.Call, strike), ql.EuropeanExercise(today + n_days)
        )
        quote = ql.QuoteHandle(ql.SimpleQuote(correlation))
        option.setPricingEngine(ql.QuantoEuropeanEngine(process, curve(0.02), vols(0.12), quote))
        pricer = QuantoFormula(
            vol=0.3,
            currency_vol=0.12,
            correlation=correlation,
            rate=0.05,
            foreign_rate=0.02,
            dividend=0.01,
        )
        claim = QuantoCall(strike=strike, maturity=n_days / 365)
        ours = price(pricer, claim, state(125.0, 1.25))
        assert abs(ours - 1.0 * option.NPV()) < 1e-10 * max(1.0, ours), (strike, n_days)


def test_simulation_at_home_agrees_with_the_quanto_formula():
    # Vols and correlation at home, of the asset in domestic currency and the exchange rate.
    home, currency, shared = 0.3, 0.15, 0.4
    vol = math.sqrt(home**2 + currency**2 - 2.0 * shared * home * currency)
    correlation = (shared * home - currency) / vol
    market = BlackScholes(
        spot=[125.0, 1.25],
        vol=[home, currency],
        rate=0.05,
        dividend=0.02,
        correlation=matrix(shared),
    )
    simulated = MonteCarlo(market, n_paths=2**13, n_steps=1, key=jax.random.key(2), draws=sobol)
    claim = QuantoCall(strike=95.0, maturity=1.0, fixed_rate=2.0)
    value, error = simulated.estimate(claim, market.start())
    # Both yields at home are 2 %: the dividend of the asset and the foreign rate.
    formula = QuantoFormula(
        vol=vol,
        currency_vol=currency,
        correlation=correlation,
        rate=0.05,
        foreign_rate=0.02,
        dividend=0.02,
    )
    assert error < 0.6
    assert abs(value - price(formula, claim, market.start())) < 0.05 * error


def test_black_76_prices_options_on_forwards():
    for strike, vol, tau in itertools.product((70.0, 100.0, 140.0), (0.1, 0.6), (0.1, 3.0)):
        ours = price(Black76(vol=vol, rate=0.04), Call(strike=strike, maturity=tau), state())
        expected = ql.blackFormula(
            ql.Option.Call, strike, 100.0, vol * math.sqrt(tau), math.exp(-0.04 * tau)
        )
        np.testing.assert_allclose(ours, expected, rtol=1e-11)


def test_simulation_agrees_with_margrabe():
    vol, correlation = [0.3, 0.2], matrix(0.5)
    market = BlackScholes(
        spot=[100.0, 95.0], vol=vol, rate=0.03, dividend=0.01, correlation=correlation
    )
    simulated = MonteCarlo(market, n_paths=2**13, n_steps=1, key=jax.random.key(1), draws=sobol)
    value, error = simulated.estimate(ExchangeOption(maturity=1.0), market.start())
    formula = MargrabeFormula(vol=vol, rate=0.03, dividend=0.01, correlation=correlation)
    expected = price(formula, ExchangeOption(maturity=1.0), market.start())
    assert error < 0.25
    assert abs(value - expected) < 0.05 * error  # Sobol points: far below the stated error


def second_derivatives(pricer, claim, now):
    def value(prices):
        return pricer.price(claim, dataclasses.replace(now, prices=prices))

    return jax.jit(jax.value_and_grad(value)), jax.jit(jax.hessian(value))


CROSSED = [
    (MargrabeFormula.example(), ExchangeOption(maturity=0.5)),
    (KIRK, SpreadOption(strike=5.0, maturity=0.5)),
    pytest.param(
        StulzFormula.example(),
        BestOfCall(strike=100.0, maturity=0.5),
        marks=pytest.mark.slow,
        id="StulzFormula-BestOfCall",
    ),
    (BasketFormula.example(), BasketPut(strike=95.0, weights=[0.5, 0.5], maturity=0.5)),
    (StulzFormula.example(), WorstOfCall(strike=95.0, maturity=0.5)),
]


@pytest.mark.slow
@pytest.mark.parametrize(("pricer", "claim"), CROSSED, ids=lambda x: type(x).__name__)
def test_cross_gammas_are_those_of_finite_differences(pricer, claim):
    now = state(104.0, 98.0)
    value, hessian = second_derivatives(pricer, claim, now)
    gammas = np.asarray(hessian(now.prices))
    assert gammas[0, 1] < 0.0 if type(claim) is ExchangeOption else gammas[0, 1] != 0.0
    np.testing.assert_allclose(gammas, gammas.T, rtol=1e-10)
    width = 1e-3
    for asset in range(2):
        step = width * jnp.eye(2)[asset]
        (up, slope_up), (down, slope_down) = value(now.prices + step), value(now.prices - step)
        slope = value(now.prices)[1][asset]
        np.testing.assert_allclose((up - down) / (2 * width), slope, rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(
            (slope_up - slope_down) / (2 * width), gammas[asset], rtol=1e-6, atol=1e-9
        )


EDGES = [
    (tau, vol, spots)
    for tau in (0.0, 1e-6, 30.0)
    for vol in ([0.0, 0.0], [0.2, 0.0], [0.2, 0.2], [3.0, 3.0])
    for spots in ((100.0, 100.0), (100.0, 300.0), (1000.0, 1.0))
]


@pytest.mark.slow
@pytest.mark.parametrize(("pricer", "claim"), CROSSED, ids=lambda x: type(x).__name__)
def test_prices_and_greeks_are_finite_at_the_edges(pricer, claim):
    measured = jax.jit(lambda p, n: (p.price(claim, n), greeks(p, claim, n, ("gamma", "vega"))))
    for tau, vol, spots in EDGES:
        moved = dataclasses.replace(pricer, vol=jnp.asarray(vol))
        now = dataclasses.replace(state(*spots), time=claim.maturity - tau)
        value, slopes = measured(moved, now)
        assert np.isfinite(value)
        assert value >= -1e-9, (tau, vol, spots)
        assert all(np.isfinite(x) for x in slopes.values()), (tau, vol, spots, slopes)


@pytest.mark.parametrize("formula", [MargrabeFormula, KirkFormula])
def test_wrong_input_is_refused_in_one_line(formula):
    with pytest.raises(ValueError, match="`correlation` must be 2 x 2"):
        formula(vol=[0.2, 0.3], correlation=np.eye(3))
    with pytest.raises(ValueError, match="`dividend` must have one value, or one per asset"):
        formula(vol=[0.2, 0.3], dividend=[0.0, 0.1, 0.2])
    with pytest.raises(TypeError, match="Call; use `MonteCarlo"):
        formula.example().price(Call.example(), state())
    claim = {MargrabeFormula: ExchangeOption, KirkFormula: SpreadOption}[formula].example()
    with pytest.raises(TypeError, match="needs a vol and a price of asset 1, got 2 and 1"):
        formula.example().price(claim, BlackScholes.example().start())
