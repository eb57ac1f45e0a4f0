"""Costs in currency, worked out by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.costs import (
    CostSum,
    FixedCost,
    HalfSpread,
    NoCost,
    ProportionalCost,
    QuadraticImpact,
)
from deephedge.markets import BlackScholes

NOW = BlackScholes(spot=[100.0, 20.0], vol=[0.2, 0.2]).start()
TRADE = jnp.asarray([-3.0, 0.5])


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


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: ProportionalCost(-0.001), "`rate` must be zero or positive"),
        (lambda: FixedCost("2"), "`fee` must be a number, got '2'"),
        (lambda: HalfSpread(float("nan")), "`basis_points` must be zero or positive"),
        (lambda: QuadraticImpact(-1.0), "`coefficient` must be zero or positive, got -1.0"),
    ],
)
def test_bad_parameters_are_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()
