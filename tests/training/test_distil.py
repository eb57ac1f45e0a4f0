"""What is distilled from a band is its formula."""

import dataclasses

import jax
import numpy as np
import pytest

from deephedge.claims import Call
from deephedge.costs import ProportionalCost
from deephedge.markets import BlackScholes
from deephedge.policies import BandFormula, WhalleyWilmott
from deephedge.pricing import BlackScholesFormula
from deephedge.rollout import HedgingProblem, time_grid
from deephedge.training import Lesson, distil

PROBLEM = HedgingProblem(
    BlackScholes(spot=100.0, vol=0.2),
    Call(strike=100.0, maturity=0.1),
    ProportionalCost(0.001),
    time_grid(0.1, 4),
    close_out=False,
)
START = BandFormula(PROBLEM.claim, BlackScholesFormula(vol=0.2), cost_rate=0.001, aversion=2.0)


@pytest.mark.slow
def test_a_formula_is_found_again():
    truth = dataclasses.replace(
        START, scale=0.8, cost_power=0.3, gamma_power=0.4, time_power=0.1, floor=0.7, vol_shift=6.0
    )
    dear = {"cost_rate": 0.004}
    lessons = [
        Lesson(PROBLEM, truth, START),
        Lesson(PROBLEM, dataclasses.replace(truth, **dear), dataclasses.replace(START, **dear)),
    ]
    found = distil(lessons, key=jax.random.key(0), n_paths=16)
    for rule, lesson in zip(found.rules, lessons, strict=True):
        for name in ("scale", "cost_power", "gamma_power", "time_power", "floor", "vol_shift"):
            np.testing.assert_allclose(vars(rule)[name], vars(lesson.band)[name], rtol=1e-3)
        assert rule.cost_rate == lesson.start.cost_rate
    assert found.explained == pytest.approx(1.0, abs=1e-6) and found.middle_error < 1e-4
    assert str(found.rules[0]).startswith("delta at vol x (1 + 6 cost^0.78), half-width 0.7 cost")


@pytest.mark.slow
def test_from_one_cost_its_power_is_not_told_and_stays():
    band = WhalleyWilmott(PROBLEM.claim, START.pricer, cost_rate=0.001, aversion=2.0)
    moved = dataclasses.replace(START, time_power=0.2, gamma_power=0.5)
    (rule,) = distil([Lesson(PROBLEM, band, moved)], key=jax.random.key(0), n_paths=16).rules
    np.testing.assert_allclose(rule.gamma_power, 1 / 3, rtol=1e-3)
    np.testing.assert_allclose((rule.time_power, rule.floor), 0.0, atol=1e-3)
    scaled = float(rule.scale) * 0.001 ** float(rule.cost_power)
    np.testing.assert_allclose(scaled, (1.5 * 0.001) ** (1 / 3), rtol=2e-3)
