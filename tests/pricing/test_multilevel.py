"""Multilevel Monte Carlo: the price in the limit of small steps, at the accuracy asked for."""

import jax
import pytest

from deephedge.claims import GeometricAsianCall
from deephedge.markets import BlackScholes
from deephedge.pricing import GeometricAsianFormula, multilevel

MODEL = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
CLAIM = GeometricAsianCall(strike=100.0, maturity=1.0)


def priced(accuracy, seed=0, **options):
    key = jax.random.key(seed)
    return multilevel(MODEL, CLAIM, MODEL.start(), accuracy=accuracy, key=key, **options)


@pytest.mark.slow
def test_the_levels_add_up_to_the_price_watched_at_all_times():
    exact = float(GeometricAsianFormula(vol=0.2, rate=0.05).price(CLAIM, MODEL.start()))
    result = priced(0.05)
    assert result.standard_error < 0.05 and result.bias < 0.05
    assert abs(result.value - exact) < 4 * result.standard_error + result.bias
    # Each level is the difference of the prices at its two numbers of dates.
    for level in result.levels[1:3]:
        fine, coarse = (
            float(GeometricAsianFormula(vol=0.2, rate=0.05, n_dates=n).price(CLAIM, MODEL.start()))
            for n in (level.n_steps, level.n_steps // 4)
        )
        assert abs(level.mean - (fine - coarse)) < 4 * (level.variance / level.n_paths) ** 0.5
    # Averages of exact paths differ by the order of a step.
    assert abs(result.beta - 2.0) < 0.2
    assert abs(result.alpha - 1.0) < 0.2
    assert result.cost == sum(level.n_paths * level.cost for level in result.levels)


def test_bad_sizes_are_refused():
    with pytest.raises(ValueError, match="`accuracy` must be positive"):
        priced(0.0)
    with pytest.raises(ValueError, match="`refinement` must be at least 2"):
        priced(0.1, refinement=1)
