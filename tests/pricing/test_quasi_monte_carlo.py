"""Scrambled Sobol points by Brownian bridge: unbiased, with an honest and fast falling error."""

import equinox as eqx
import jax
import numpy as np
import pytest

from deephedge.claims import AsianCall, GeometricAsianCall
from deephedge.markets import BlackScholes
from deephedge.numerics.draws import pseudo, sobol
from deephedge.pricing import GeometricAsianFormula, MonteCarlo, QuasiMonteCarlo, greeks

MODEL = BlackScholes(spot=100.0, vol=0.3, rate=0.02)
NOW = MODEL.start()
STEPS = 16
CLAIM = GeometricAsianCall(strike=100.0, maturity=1.0)
FORMULA = GeometricAsianFormula(vol=0.3, rate=0.02, n_dates=STEPS)


def quasi(n_paths, seed=1, **options):
    key = jax.random.key(seed)
    return QuasiMonteCarlo(MODEL, n_paths=n_paths, n_steps=STEPS, key=key, **options)


def estimate(pricer, claim=None):
    claim = CLAIM if claim is None else claim
    return tuple(float(x) for x in eqx.filter_jit(pricer.estimate)(claim, NOW))


@pytest.mark.slow
def test_the_price_is_the_closed_form_and_the_error_beats_that_of_pseudo_random_paths():
    exact = float(FORMULA.price(CLAIM, NOW))
    value, error = estimate(quasi(1024))
    assert 0 < error < 5e-3
    assert abs(value - exact) < 4 * error
    plain = MonteCarlo(MODEL, n_paths=16 * 1024, n_steps=STEPS, key=jax.random.key(1), draws=pseudo)
    assert estimate(plain)[1] > 10 * error


@pytest.mark.slow
def test_the_error_of_an_asian_option_falls_faster_than_by_pseudo_random_numbers():
    asian = AsianCall(strike=100.0, maturity=1.0)
    sizes = np.array([256, 1024, 4096, 16384])
    bridged = [estimate(quasi(int(n), n_scrambles=32), asian)[1] for n in sizes]
    plain = [estimate(quasi(int(n), n_scrambles=32, draws=pseudo), asian)[1] for n in sizes]
    forward = estimate(quasi(int(sizes[-1]), n_scrambles=32, draws=sobol), asian)[1]
    slopes = [np.polyfit(np.log(sizes), np.log(errors), 1)[0] for errors in (bridged, plain)]
    print(f"slopes {slopes}, errors {bridged}, {plain}, without bridge {forward}")
    # Each error is known to one part in 8, so a slope over a range of 64 to about 0.06.
    assert abs(slopes[1] + 0.5) < 0.2
    assert slopes[0] < -0.7
    assert bridged[-1] < forward


@pytest.mark.slow
def test_the_standard_error_is_honest_and_greeks_have_one():
    exact = float(FORMULA.price(CLAIM, NOW))
    results = [estimate(quasi(256, seed=seed)) for seed in range(20)]
    scores = np.array([(value - exact) / error for value, error in results])
    # Student's law with 15 degrees of freedom: standard deviation 1.07.
    assert abs(np.mean(scores)) < 4 * 1.07 / 20**0.5
    assert 0.5 < np.std(scores) < 1.8
    names = ("delta", "vega")
    got = eqx.filter_jit(quasi(1024).estimate_greeks)(CLAIM, NOW, names)
    expected = greeks(FORMULA, CLAIM, NOW, names)
    for name, bound in (("delta", 2e-3), ("vega", 0.2)):
        value, error = got[name]
        assert error < bound
        assert abs(value - expected[name]) < 4 * error


def test_bad_sizes_are_refused():
    with pytest.raises(ValueError, match="pass `n_paths=1024`"):
        quasi(1000)
    with pytest.raises(ValueError, match="`n_scrambles` must be at least 2"):
        quasi(256, n_scrambles=1)
