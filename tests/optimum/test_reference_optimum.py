"""The optimum of the reference problem, and the hedge that has it."""

import functools

import jax
import numpy as np
import pytest

from deephedge.claims import AsianCall, Call, Put
from deephedge.costs import Commission, CostSum, FixedCost, ProportionalCost, QuadraticImpact
from deephedge.markets import CEV, BlackScholes
from deephedge.optimum import Resolution, solve_entropic
from deephedge.policies import AbstractBandPolicy
from deephedge.risk import Entropic, ExpectedShortfall
from deephedge.rollout import HedgingProblem, sample, time_grid
from deephedge.rollout.sample import pnl_only

MATURITY = 30 / 365
RISK = Entropic(aversion=1.0)


def problem(**changes):
    terms = {
        "market": BlackScholes(spot=100.0, vol=0.2),
        "claim": Call(strike=100.0, maturity=MATURITY),
        "cost": ProportionalCost(0.001),
        "times": time_grid(MATURITY, 30),
        "close_out": False,
    }
    return HedgingProblem(**(terms | changes))


@functools.cache
def solved(name="reference"):
    return solve_entropic(problem(), RISK)


def test_the_optimum_and_its_band():
    """Known from another dynamic programme: 2.5249 to 1e-4, and the band [0.470, 0.556]."""
    found = solved()
    assert found.value == pytest.approx(2.5249, abs=1e-4)
    assert found.error < 1e-4
    assert found.lower == pytest.approx(0.470, abs=5e-4)
    assert found.upper == pytest.approx(0.556, abs=5e-4)


def test_the_policy_reaches_the_value_on_fresh_paths():
    found = solved()
    assert isinstance(found.policy, AbstractBandPolicy)
    check_simulated(problem(), found, 1.5e-3)


def check_simulated(stated, found, bound, aversion=1.0, n_paths=100_000):
    pnl = sample(stated, found.policy, n_paths, key=jax.random.key(3), keep=pnl_only)
    tilted = np.exp(-aversion * (np.asarray(pnl) - np.mean(pnl)))
    risk = np.log(tilted.mean()) / aversion - np.mean(pnl)
    error = tilted.std() / tilted.mean() / np.sqrt(n_paths) / aversion
    assert error < bound
    assert abs(risk - found.value) < 4 * error + found.error


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"market": CEV.example()}, "`market` must be BlackScholes"),
        ({"claim": AsianCall(strike=100.0, maturity=MATURITY)}, "`claim` must depend"),
        ({"cost": Commission.example()}, "`cost` must be none"),
        ({"cost": CostSum((FixedCost(0.1), QuadraticImpact(0.1)))}, "a fixed fee and a quadratic"),
        ({"cost": FixedCost(0.1), "close_out": True}, "`close_out` must be false"),
    ],
)
def test_what_cannot_be_solved_is_said(changes, message):
    with pytest.raises(ValueError, match=message):
        solve_entropic(problem(**changes), RISK)


def test_another_measure_is_refused():
    with pytest.raises(ValueError, match="must be Entropic"):
        solve_entropic(problem(), ExpectedShortfall(tail=0.05))


@pytest.mark.slow
def test_the_order_of_convergence():
    """Measured against a much finer grid: second order at least in both directions."""
    best = solve_entropic(problem(), RISK, resolution=Resolution(prices=16.0, holdings=241)).value
    prices, holdings = (2.0, 4.0, 8.0), (13, 25, 49)
    for grids in (
        [Resolution(prices=p, holdings=161) for p in prices],
        [Resolution(prices=8.0, holdings=h) for h in holdings],
    ):
        errors = [abs(solve_entropic(problem(), RISK, resolution=g).value - best) for g in grids]
        order = np.log(errors[0] / errors[2]) / np.log(4.0)
        assert order > 2.0, (errors, order)


@pytest.mark.slow
def test_put_and_call_are_hedged_alike():
    """A sold put is a sold call less a forward: with no cost at all, the same less cash."""
    call, put = (
        solve_entropic(problem(claim=c, cost=ProportionalCost(0.0)), RISK)
        for c in (Call(strike=100.0, maturity=MATURITY), Put(strike=100.0, maturity=MATURITY))
    )
    assert call.value == pytest.approx(put.value, abs=call.error + put.error)
    assert call.lower == pytest.approx(put.lower + 1.0, abs=1e-3)
