"""Costs in currency, worked out by hand."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import AsianCall, Call, Put
from deephedge.costs import (
    CashSpread,
    Commission,
    CostSum,
    FixedCost,
    HalfSpread,
    NoCost,
    PowerImpact,
    ProportionalCost,
    QuadraticImpact,
    VegaSpread,
)
from deephedge.markets import BlackScholes
from deephedge.pricing import BlackScholesFormula, QuotedBlackScholes

NOW = BlackScholes(spot=[100.0, 20.0], vol=[0.2, 0.2]).start()
TRADE = jnp.asarray([-3.0, 0.5])
CALL = Call(strike=100.0, maturity=1.0)


def vega_spread(claims, assets, vol_points=1.0):
    return VegaSpread(claims, assets, QuotedBlackScholes(), vol_points)


@pytest.mark.parametrize(
    ("cost", "amount"),
    [
        (NoCost(), 0.0),
        (ProportionalCost(0.001), 0.001 * (300.0 + 10.0)),
        (ProportionalCost([0.001, 0.01]), 0.3 + 0.1),
        (FixedCost(0.02), 0.04),
        (FixedCost([0.02, 5.0]), 5.02),
        (HalfSpread(5.0), 0.0005 * 310.0),
        (HalfSpread([0.0, 10.0]), 0.01),
        (QuadraticImpact(0.002), 0.002 * (9.0 * 100.0 + 0.25 * 20.0)),
        (CostSum((ProportionalCost(0.001), FixedCost(0.02))), 0.31 + 0.04),
        (CostSum(()), 0.0),
        (CashSpread(0.02), 0.07),
        (CashSpread([0.02, 0.1]), 0.06 + 0.05),
        (Commission(0.65), 0.65 * 3.5),
        (Commission(0.65, minimum=1.0), 1.95 + 1.0),
        (Commission([0.1, 2.0], minimum=[2.0, 0.5]), 2.0 + 1.0),
        (PowerImpact(0.002), 0.002 * (3.0**1.5 * 100.0 + 0.5**1.5 * 20.0)),
        (PowerImpact(0.002, exponent=2.0), 0.002 * (9.0 * 100.0 + 0.25 * 20.0)),
        # 3 % and 1 % of what the market trades: off by k times the power 3/5 of that.
        (
            PowerImpact([0.01, 0.02], exponent=1.6, volume=[100.0, 50.0]),
            0.01 * 0.03**0.6 * 300.0 + 0.02 * 0.01**0.6 * 10.0,
        ),
    ],
    ids=lambda x: type(x).__name__,
)
def test_amounts(cost, amount):
    np.testing.assert_allclose(cost(TRADE, NOW), amount, rtol=1e-12)
    np.testing.assert_allclose(cost(-TRADE, NOW), amount, rtol=1e-12)


def test_a_fee_is_due_on_any_trade_but_not_on_none():
    fee = FixedCost(0.02)
    assert float(fee(jnp.asarray([1e-9, 0.0]), NOW)) == pytest.approx(0.02)
    assert float(fee(jnp.zeros(2), NOW)) == 0.0


def test_impact_punishes_size_and_a_spread_does_not():
    split = jnp.asarray([1.0, 0.0])
    impact, spread = QuadraticImpact(0.002), HalfSpread(5.0)
    assert float(impact(10.0 * split, NOW)) == pytest.approx(100.0 * float(impact(split, NOW)))
    assert float(spread(10.0 * split, NOW)) == pytest.approx(10.0 * float(spread(split, NOW)))


def test_slopes_are_the_marginal_costs():
    slope = jax.grad(lambda n: CostSum((HalfSpread(5.0), QuadraticImpact(0.002)))(n, NOW))(TRADE)
    expected = 5e-4 * np.array([-100.0, 20.0]) + 0.004 * np.array([-300.0, 10.0])
    np.testing.assert_allclose(slope, expected, rtol=1e-12)


def test_a_commission_is_due_on_any_trade_but_not_on_none():
    commission = Commission(0.65, minimum=1.0)
    assert float(commission(jnp.asarray([1e-9, 0.0]), NOW)) == 1.0
    assert float(commission(jnp.zeros(2), NOW)) == 0.0


def test_power_impact_of_a_multiple_is_the_power_of_it():
    one = jnp.asarray([1.0, 0.0])
    for exponent in (1.0, 1.5, 1.6, 2.0):
        impact = PowerImpact(0.01, exponent=exponent, volume=1e3)
        np.testing.assert_allclose(
            impact(7.0 * one, NOW), 7.0**exponent * impact(one, NOW), rtol=1e-12
        )


def test_half_a_vol_point_is_the_price_between_two_volatilities():
    # To first order: what the option costs at mid + 0.5 points less what it costs at mid.
    options = (Call(strike=105.0, maturity=0.5), Put(strike=90.0, maturity=0.5))
    cost = VegaSpread(options, [1, 2], BlackScholesFormula(vol=0.2, rate=0.03), [0.5, 2.0])
    now = BlackScholes(spot=[100.0, 4.0, 1.5], vol=[0.2] * 3).start()
    h = 1e-4

    def price(option, vol):
        return float(BlackScholesFormula(vol=vol, rate=0.03).price(option, now))

    vegas = [(price(o, 0.2 + h) - price(o, 0.2 - h)) / (2 * h) for o in options]
    trade = jnp.asarray([1000.0, -3.0, 0.25])
    expected = 0.005 * vegas[0] * 3.0 + 0.02 * vegas[1] * 0.25
    np.testing.assert_allclose(cost(trade, now), expected, rtol=1e-6)


def test_an_expired_option_has_no_vega():
    expired = dataclasses.replace(NOW, time=jnp.asarray(0.3))
    cost = VegaSpread((Call(strike=100.0, maturity=0.3),), [1], BlackScholesFormula(vol=0.2), 1.0)
    assert float(cost(TRADE, NOW)) > 0.0
    assert float(cost(TRADE, expired)) == 0.0


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: ProportionalCost(-0.001), "`rate` must be zero or positive"),
        (lambda: FixedCost("2"), "`fee` must be a number, got '2'"),
        (lambda: HalfSpread(float("nan")), "`basis_points` must be zero or positive"),
        (lambda: QuadraticImpact(-1.0), "`coefficient` must be zero or positive, got -1.0"),
        (lambda: CashSpread(-0.01), "`half_spread` must be zero or positive"),
        (lambda: Commission(0.65, minimum=-1.0), "`minimum` must be zero or positive"),
        (lambda: PowerImpact(0.1, exponent=0.5), "`exponent` must be at least 1, got 0.5"),
        (lambda: PowerImpact(0.1, volume=0.0), "`volume` must be positive"),
        (lambda: vega_spread((CALL,), [1, 2]), "`assets` must be a column for each of the 1"),
        (lambda: vega_spread((CALL,), [-1]), r"got \[-1\]"),
        (lambda: vega_spread((), []), "`assets` must be a column for each of the 0"),
        (lambda: vega_spread((CALL,), [2])(TRADE, NOW), "`assets` must be among the 2 assets"),
        (lambda: vega_spread((CALL, CALL), [1, 1]), r"got \[1, 1\]"),
        (lambda: vega_spread((CALL,), [1], [1.0, 2.0]), "`vol_points` must be one number, or one"),
        (
            lambda: vega_spread((AsianCall(strike=100.0, maturity=1.0),), [1]),
            "`claims` must be European, got AsianCall",
        ),
    ],
)
def test_bad_parameters_are_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()
