"""Ramps in place of jumps: the bias is that of the stated width, and the error is small."""

import equinox as eqx
import jax
import numpy as np
import pytest

from deephedge.claims import (
    Autocallable,
    BarrierOption,
    Call,
    DigitalCall,
    DigitalPut,
    smoothed,
)
from deephedge.markets import BlackScholes
from deephedge.pricing import BlackScholesFormula, MonteCarlo, greeks

MODEL = BlackScholes(spot=100.0, vol=0.2, rate=0.02, dividend=0.01)
NOW = MODEL.start()
FORMULA = BlackScholesFormula(vol=0.2, rate=0.02, dividend=0.01)


@pytest.mark.parametrize("kind", [DigitalCall, DigitalPut])
def test_the_bias_of_a_digital_falls_with_the_square_of_the_width(kind):
    digital = kind(strike=103.0, maturity=0.5)
    exact = float(FORMULA.price(digital, NOW))
    biases = [float(FORMULA.price(smoothed(digital, w), NOW)) - exact for w in (0.08, 0.04)]
    np.testing.assert_allclose(biases[0] / biases[1], 4.0, rtol=0.02)
    assert abs(biases[1]) < 6e-4


def estimate(claim, names=("delta",)):
    monte_carlo = MonteCarlo(MODEL, n_paths=20_000, n_steps=4, key=jax.random.key(1))
    greek = eqx.filter_jit(monte_carlo.estimate_greeks)(claim, NOW, names)["delta"]
    return float(greek[0]), float(greek[1])


@pytest.mark.slow
def test_a_digital_and_an_autocallable_have_the_delta_of_their_ramps():
    digital = DigitalCall(strike=103.0, maturity=0.5)
    value, error = estimate(smoothed(digital, 0.04))
    spread = greeks(FORMULA, smoothed(digital, 0.04), NOW, ("delta",))["delta"]
    assert 0 < error < 6e-4
    assert abs(value - float(spread)) < 4 * error
    note = Autocallable.example()
    value, error = estimate(smoothed(note, 0.02))
    unsmoothed, other = estimate(note)
    assert error < 0.02
    # Closer to the note's own delta than a tenth, where a ramp is a fifth of a step's deviation.
    assert abs(value - unsmoothed) < 4 * (error**2 + other**2) ** 0.5 + 0.1


@pytest.mark.slow
def test_the_bias_of_a_barrier_falls_with_the_square_of_the_width():
    option = BarrierOption(100.0, 120.0, 0.5, call=True, up=True, knock_in=False)
    source = MonteCarlo(MODEL, n_paths=100_000, n_steps=6, key=jax.random.key(2))
    price = eqx.filter_jit(lambda claim: source.price(claim, NOW))
    exact = float(price(option))
    biases = [abs(float(price(smoothed(option, w))) - exact) for w in (0.08, 0.02)]
    assert 10.0 < biases[0] / biases[1] < 20.0
    assert biases[1] < 0.01 * exact


@pytest.mark.slow
def test_ramps_are_those_of_indicators_away_from_the_levels():
    # Prices far from every level by more than half a width pay what they paid.
    source = MonteCarlo(MODEL, n_paths=64, n_steps=4, key=jax.random.key(3))
    for claim in (Autocallable.example(), BarrierOption.example()):
        plain = np.asarray(source.independent((claim,), NOW))
        narrow = np.asarray(source.independent((smoothed(claim, 1e-9),), NOW))
        np.testing.assert_allclose(narrow, plain, rtol=1e-9)


def test_other_claims_are_refused_with_the_cure():
    with pytest.raises(TypeError, match="got Call; use `MonteCarlo"):
        smoothed(Call.example(), 0.02)
    with pytest.raises(ValueError, match="`width` must be positive"):
        smoothed(DigitalCall.example(), 0.0)
