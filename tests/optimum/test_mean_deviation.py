"""Mean plus deviations with proportional costs: one step by quadrature, many without costs."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from deephedge.claims import Call
from deephedge.costs import FixedCost, NoCost, ProportionalCost
from deephedge.markets import BlackScholes, Heston
from deephedge.optimum import mean_deviation, mean_variance, quadratic_hedge
from deephedge.pricing import BlackScholesFormula
from deephedge.rollout import HedgingProblem, time_grid

MATURITY, AVERSION = 0.08, 1.5
MARKET, CLAIM = BlackScholes(spot=100.0, vol=0.2, drift=0.05), Call(100.0, maturity=MATURITY)
SMALL = {"n_holdings": 29, "n_wealth": 41}


def problem_of(n_steps: int, cost: float, *, close_out: bool, premium: float = 0.0):
    times = time_grid(MATURITY, n_steps)
    return HedgingProblem(
        MARKET, CLAIM, ProportionalCost(cost), times, premium=premium, close_out=close_out
    )


@pytest.mark.parametrize("close_out", [pytest.param(False, marks=pytest.mark.slow), True])
def test_one_step_is_that_of_quadrature(close_out):
    points, weights = np.polynomial.legendre.leggauss(2000)
    shock, density = 8.0 * points, 8.0 * weights * np.exp(-32.0 * points**2) / np.sqrt(2 * np.pi)
    price = 100.0 * np.exp(0.03 * MATURITY + 0.2 * np.sqrt(MATURITY) * shock)

    def risk(held: float) -> float:
        closing = 0.01 * abs(held) * price * close_out
        loss = np.maximum(price - 100.0, 0.0) - held * (price - 100.0) + abs(held) + closing
        mean = density @ loss
        return mean + AVERSION * np.sqrt(density @ (loss - mean) ** 2)

    best = minimize_scalar(risk, bounds=(0.0, 1.0), method="bounded")
    found = mean_deviation(problem_of(1, 0.01, close_out=close_out), AVERSION, per_deviation=8)
    assert found.value == pytest.approx(best.fun, abs=max(found.error, 1e-3))
    assert found.error < 0.01
    assert found.value == pytest.approx(found.mean + AVERSION * found.deviation, abs=1e-3)


@pytest.mark.slow
def test_without_costs_it_is_the_best_trade_off_of_mean_and_variance():
    # The least of mean + a deviations is that of mean + g / 2 variance + a^2 / (2 g) over g.
    best = quadratic_hedge(MARKET, CLAIM, time_grid(MATURITY, 3))
    aversions = np.linspace(0.5, 5.0, 200)
    exact = min(
        float(mean_variance(best, jnp.asarray(g), jnp.asarray(0.0)).risk) + AVERSION**2 / (2 * g)
        for g in aversions
    )
    found = mean_deviation(problem_of(3, 0.0, close_out=True), AVERSION, **SMALL)
    assert found.error < 0.02
    assert found.value == pytest.approx(exact, abs=2 * found.error)


def test_a_premium_is_a_gain_for_certain_and_costs_only_add():
    free, dear, paid = (
        mean_deviation(problem_of(2, c, close_out=True, premium=p), AVERSION, **SMALL)
        for c, p in ((0.0, 0.0), (0.01, 0.0), (0.01, 2.0))
    )
    assert paid.value == pytest.approx(dear.value - 2.0, abs=1e-9)
    assert paid.deviation == pytest.approx(dear.deviation, abs=1e-9)
    # Never less than the first purchase and the last sale of what is held at least.
    assert free.value + 0.5 < dear.value < free.value + 3.0
    price = BlackScholesFormula(vol=0.2).price(CLAIM, MARKET.start())
    assert free.mean == pytest.approx(float(price), abs=0.1)


@pytest.mark.parametrize(
    ("market", "cost", "words"),
    [
        (Heston.example(), NoCost(), "got Heston"),
        (MARKET, FixedCost(0.01), "got FixedCost"),
        (BlackScholes(spot=100.0, vol=0.2, dividend=0.01), NoCost(), "`dividend`"),
    ],
)
def test_other_problems_are_refused(market, cost, words):
    problem = HedgingProblem(market, CLAIM, cost, time_grid(MATURITY, 2), close_out=False)
    with pytest.raises(ValueError, match=words):
        mean_deviation(problem, AVERSION)
