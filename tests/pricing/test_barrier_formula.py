"""Barriers and touches: QuantLib, parities, limits, and simulation with the shifted barrier."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql  # noqa: N813
from quantlib_process import SPOT, TODAY, at, payoff, process

from deephedge.claims import BarrierOption, Call, NoTouch, OneTouch, Put, UpAndOutCall
from deephedge.markets import BlackScholes, simulate
from deephedge.numerics.draws import antithetic
from deephedge.pricing import BarrierFormula, BlackScholesFormula, TouchFormula, greeks

NOW = BlackScholes(spot=SPOT, vol=0.2).start()
KINDS = list(itertools.product((True, False), repeat=3))
price = jax.jit(lambda pricer, claim: pricer.price(claim, NOW))
QUANTLIB = {
    (True, True): ql.Barrier.UpIn,
    (True, False): ql.Barrier.UpOut,
    (False, True): ql.Barrier.DownIn,
    (False, False): ql.Barrier.DownOut,
}


@pytest.mark.parametrize(("call", "up", "knock_in"), KINDS)
def test_all_eight_barriers_with_rebate_equal_those_of_quantlib(call, up, knock_in):
    for strike, distance, days, vol, rate, rebate in itertools.product(
        (60.0, 100.0, 150.0), (1.02, 1.3), (4, 365, 3650), (0.05, 0.2, 0.9), (0.0, 0.05), (0.0, 3.0)
    ):
        barrier = SPOT * distance if up else SPOT / distance
        claim = BarrierOption(
            strike, barrier, days / 365, rebate=rebate, call=call, up=up, knock_in=knock_in
        )
        option = ql.BarrierOption(
            QUANTLIB[up, knock_in], barrier, rebate, payoff(call, strike), at(days)
        )
        option.setPricingEngine(ql.AnalyticBarrierEngine(process(vol, rate, 0.02)))
        ours = float(price(BarrierFormula(vol=vol, rate=rate, dividend=0.02), claim))
        assert ours == pytest.approx(option.NPV(), rel=1e-10, abs=1e-11), claim


@pytest.mark.parametrize(
    ("call", "up", "barrier", "strike", "vol", "printed"),
    [
        (True, False, 95.0, 90.0, 0.25, 9.0246),
        (True, False, 95.0, 100.0, 0.25, 6.7924),
        (True, False, 95.0, 110.0, 0.25, 4.8759),
        (True, True, 105.0, 90.0, 0.25, 2.6789),
        (True, True, 105.0, 100.0, 0.25, 2.3580),
        (False, False, 95.0, 90.0, 0.25, 2.2798),
        (False, True, 105.0, 90.0, 0.25, 3.7760),
        (False, True, 105.0, 100.0, 0.25, 5.4932),
        (True, False, 95.0, 90.0, 0.30, 8.8334),
    ],
)
def test_values_printed_by_haug(call, up, barrier, strike, vol, printed):
    """Haug (2007), table 4-13: S = 100, rebate 3, half a year, r = 8 %, cost of carry 4 %."""
    claim = BarrierOption(strike, barrier, 0.5, rebate=3.0, call=call, up=up, knock_in=False)
    value = float(price(BarrierFormula(vol=vol, rate=0.08, dividend=0.04), claim))
    assert value == pytest.approx(printed, abs=5.1e-5)


@pytest.mark.parametrize(("call", "up"), [(True, True), (False, True), (True, False)])
def test_in_and_out_are_the_option(call, up):
    pricer = BarrierFormula(vol=0.3, rate=0.03, dividend=0.01)
    vanilla = BlackScholesFormula(vol=0.3, rate=0.03, dividend=0.01)
    for strike in (80.0, 100.0, 130.0):
        both = sum(
            float(
                price(
                    pricer,
                    BarrierOption(
                        strike, 115.0 if up else 88.0, 0.7, call=call, up=up, knock_in=knock_in
                    ),
                )
            )
            for knock_in in (True, False)
        )
        whole = float(vanilla.price((Call if call else Put)(strike, 0.7), NOW))
        assert both == pytest.approx(whole, rel=1e-12)


def test_a_barrier_that_has_been_reached():
    pricer = BarrierFormula(vol=0.3, rate=0.03)
    hit = dataclasses.replace(
        NOW, progress=jnp.asarray([0.99]), discount=jnp.asarray(0.98), time=jnp.asarray(0.1)
    )
    out, inside = (
        BarrierOption(100.0, 90.0, 0.5, rebate=2.0, call=True, up=False, knock_in=k)
        for k in (False, True)
    )
    # The rebate was paid when a unit of cash cost 0.99, and has earned interest.
    assert float(pricer.price(out, hit)) == pytest.approx(2.0 * 0.99 / 0.98)
    vanilla = BlackScholesFormula(vol=0.3, rate=0.03).price(Call(100.0, 0.5), hit)
    assert float(pricer.price(inside, hit)) == pytest.approx(float(vanilla), rel=1e-12)
    dead = dataclasses.replace(NOW, progress=jnp.asarray([121.0]))
    assert float(pricer.price(UpAndOutCall(100.0, 120.0, 0.5), dead)) == 0.0


def test_the_up_and_out_call_is_one_of_the_eight():
    pricer = BarrierFormula(vol=0.25, rate=0.01)
    own = pricer.price(UpAndOutCall(100.0, 130.0, 0.5), NOW)
    same = BarrierOption(100.0, 130.0, 0.5, call=True, up=True, knock_in=False)
    assert float(own) == float(pricer.price(same, NOW))


@pytest.mark.parametrize("up", [True, False])
@pytest.mark.parametrize("days", [7, 365, 3650])
def test_touches_equal_those_of_quantlib(up, days):
    for distance, vol, rate, dividend in itertools.product(
        (1.02, 1.3), (0.05, 0.2, 0.9), (0.01, 0.06), (0.0, 0.03)
    ):
        barrier = SPOT * distance if up else SPOT / distance
        kind = ql.Option.Call if up else ql.Option.Put
        cash = ql.CashOrNothingPayoff(kind, barrier, 7.0)
        pricer = TouchFormula(vol=vol, rate=rate, dividend=dividend)
        for at_hit in (True, False):
            exercise = ql.AmericanExercise(TODAY, TODAY + days, not at_hit)
            option = ql.VanillaOption(cash, exercise)
            market = process(vol, rate, dividend)
            option.setPricingEngine(ql.AnalyticDigitalAmericanEngine(market))
            claim = OneTouch(barrier, days / 365, 7.0, up=up, at_hit=at_hit)
            ours = float(price(pricer, claim))
            assert ours == pytest.approx(option.NPV(), rel=1e-10, abs=1e-11)
        never = float(price(pricer, NoTouch(barrier, days / 365, 7.0, up=up)))
        assert ours + never == pytest.approx(7.0 * np.exp(-rate * days / 365), rel=1e-12)


def test_cash_at_the_hit_under_rates_below_zero():
    """The quadrature joins the closed form where the latter ends, and bounds hold beyond."""
    vol = 0.2
    edge = -((0.5 * vol**2) ** 2) / (2 * vol**2)  # with dividend = rate
    claim = OneTouch(110.0, 2.0, up=True, at_hit=True)
    below, above = (
        float(price(TouchFormula(vol=vol, rate=edge + e, dividend=edge + e), claim))
        for e in (-1e-9, 1e-9)
    )
    assert below == pytest.approx(above, rel=1e-6)
    rate = -0.08
    at_hit = float(price(TouchFormula(vol=vol, rate=rate, dividend=rate), claim))
    late = OneTouch(110.0, 2.0, up=True)
    discounted = float(price(TouchFormula(vol=vol, rate=rate, dividend=rate), late))
    assert np.exp(rate * 2.0) * discounted < at_hit < discounted


@pytest.mark.parametrize(
    "claim",
    [
        pytest.param(
            BarrierOption(100.0, 92.0, 0.25, rebate=1.0, call=True, up=False, knock_in=False),
            marks=pytest.mark.slow,
        ),
        BarrierOption(95.0, 108.0, 0.25, rebate=2.0, call=False, up=True, knock_in=True),
    ],
)
def test_dates_are_priced_by_the_shifted_barrier(claim):
    market, n_steps = BlackScholes(spot=SPOT, vol=0.2, rate=0.03, dividend=0.01), 50
    times = jnp.linspace(0.0, 0.25, n_steps + 1)
    paths = simulate(market, times, 40_000, key=jax.random.key(5), draws=antithetic)
    owed = np.exp(-0.03 * 0.25) * np.asarray(jax.vmap(claim.payoff)(paths))
    owed = owed.reshape(-1, 2).mean(axis=1)
    error = owed.std(ddof=1) / len(owed) ** 0.5
    pricer = BarrierFormula(vol=0.2, rate=0.03, dividend=0.01, monitoring=0.25 / n_steps)
    assert error < 0.04
    assert abs(owed.mean() - float(price(pricer, claim))) < 4 * error


NAMES = ("delta", "gamma", "vega", "theta", "rho", "vanna", "volga")
STRESSED = [(0.0, 0.25), (0.2, 0.0), (0.2, 1e-8), (3.0, 30.0), (0.01, 1 / 365), (1e-3, 30.0)]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [jnp.float32, pytest.param(jnp.float64, marks=pytest.mark.slow)])
def test_greeks_are_finite_at_every_extreme(dtype):
    claims = [
        BarrierOption(100.0, 110.0, 1.0, rebate=1.0, call=True, up=True, knock_in=False),
        OneTouch(90.0, 1.0, up=False, at_hit=True),
    ]
    for claim, kind in zip(claims, (BarrierFormula, TouchFormula), strict=True):

        @jax.jit
        def all_greeks(spot, vol, maturity, kind=kind, claim=claim):
            everything = (kind(vol=0.2, rate=0.02), NOW, claim)
            pricer, now, single = jax.tree.map(lambda leaf: leaf.astype(dtype), everything)
            now = dataclasses.replace(now, prices=spot[None])
            single = dataclasses.replace(single, maturity=maturity)
            return greeks(dataclasses.replace(pricer, vol=vol), single, now, NAMES)

        for spot, (vol, maturity) in itertools.product((20.0, 100.0, 110.0, 500.0), STRESSED):
            arguments = (jnp.asarray(x, dtype) for x in (spot, vol, maturity))
            for name, value in all_greeks(*arguments).items():
                assert np.isfinite(float(value)), (name, spot, vol, maturity)


@pytest.mark.slow
def test_greeks_are_the_slopes_of_the_price():
    claim = BarrierOption(100.0, 88.0, 0.5, rebate=2.0, call=True, up=False, knock_in=False)
    pricer = BarrierFormula(vol=0.3, rate=0.03, dividend=0.01)
    exact = greeks(pricer, claim, NOW, ("delta", "gamma", "vega", "rho"))

    def at_spot(spot):
        return float(pricer.price(claim, dataclasses.replace(NOW, prices=jnp.asarray([spot]))))

    h = 1e-3
    up, mid, down = at_spot(SPOT + h), at_spot(SPOT), at_spot(SPOT - h)
    assert float(exact["delta"]) == pytest.approx((up - down) / (2 * h), rel=1e-6)
    assert float(exact["gamma"]) == pytest.approx((up - 2 * mid + down) / h**2, rel=1e-4)
    for name, field in (("vega", "vol"), ("rho", "rate")):
        moved = [
            float(
                dataclasses.replace(pricer, **{field: getattr(pricer, field) + e}).price(claim, NOW)
            )
            for e in (1e-5, -1e-5)
        ]
        assert float(exact[name]) == pytest.approx((moved[0] - moved[1]) / 2e-5, rel=1e-6)
