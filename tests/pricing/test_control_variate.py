"""Controls of known price: the same price, far less error."""

import equinox as eqx
import jax
import pytest

from deephedge.claims import AsianCall, Call, DigitalCall, GeometricAsianCall, UpAndOutCall
from deephedge.markets import BlackScholes
from deephedge.pricing import (
    BlackScholesFormula,
    ControlVariate,
    GeometricAsianFormula,
    MonteCarlo,
    greeks,
)

MODEL = BlackScholes(spot=100.0, vol=0.2, rate=0.02, dividend=0.01)
NOW = MODEL.start()
STEPS = 12
PLAIN = MonteCarlo(MODEL, n_paths=20_000, n_steps=STEPS, key=jax.random.key(1))
GEOMETRIC = GeometricAsianFormula(vol=0.2, rate=0.02, dividend=0.01, n_dates=STEPS)
FORMULA = BlackScholesFormula(vol=0.2, rate=0.02, dividend=0.01)
ASIAN = AsianCall(strike=100.0, maturity=0.5)


def both(pricer, claim):
    return tuple(float(x) for x in eqx.filter_jit(pricer.estimate)(claim, NOW))


@pytest.mark.slow
def test_the_geometric_asian_takes_over_99_percent_of_the_variance_of_the_arithmetic():
    control = GeometricAsianCall(strike=100.0, maturity=0.5)
    value, error = both(ControlVariate(PLAIN, [(control, GEOMETRIC)]), ASIAN)
    plain, plain_error = both(PLAIN, ASIAN)
    assert (plain_error / error) ** 2 > 100.0
    assert error < 1e-3
    assert abs(value - plain) < 4 * (plain_error**2 - error**2) ** 0.5


@pytest.mark.slow
def test_several_controls_regress_together():
    barrier = UpAndOutCall(strike=100.0, barrier=130.0, maturity=0.5)
    low, high = Call(strike=100.0, maturity=0.5), Call(strike=130.0, maturity=0.5)
    digital = DigitalCall(strike=130.0, maturity=0.5)
    # A control given twice determines no more than once.
    controls = [(claim, FORMULA) for claim in (low, high, digital, low)]
    one = both(ControlVariate(PLAIN, controls[:1]), barrier)
    all_of_them = both(ControlVariate(PLAIN, controls), barrier)
    plain = both(PLAIN, barrier)
    # Together they make up the payoff of a barrier watched at maturity alone.
    assert all_of_them[1] < 0.6 * one[1] < 0.6 * plain[1]
    assert abs(all_of_them[0] - plain[0]) < 4 * plain[1]


@pytest.mark.slow
def test_a_claim_that_is_its_own_control_has_its_known_price():
    call = Call(strike=103.0, maturity=0.5)
    value, error = both(ControlVariate(PLAIN, [(call, FORMULA)]), call)
    assert error < 1e-10
    assert abs(value - float(FORMULA.price(call, NOW))) < 1e-10


@pytest.mark.slow
def test_greeks_by_controls_are_those_of_the_price_with_less_error():
    control = GeometricAsianCall(strike=100.0, maturity=0.5)
    controlled = ControlVariate(PLAIN, [(control, GEOMETRIC)])
    names = ("delta", "vega")
    got = eqx.filter_jit(controlled.estimate_greeks)(ASIAN, NOW, names)
    plain = eqx.filter_jit(PLAIN.estimate_greeks)(ASIAN, NOW, names)
    by_grad = eqx.filter_jit(lambda p: greeks(p, ASIAN, NOW, names))(controlled)
    for name in names:
        value, error = got[name]
        assert error < 0.7 * plain[name][1]
        assert abs(value - plain[name][0]) < 4 * plain[name][1]
        assert abs(by_grad[name] - plain[name][0]) < 4 * plain[name][1]


def test_bad_controls_are_refused():
    with pytest.raises(ValueError, match="`controls` must hold a claim and its pricer"):
        ControlVariate(PLAIN, [])
