"""The risk of a hedge by dynamic programming is that of its simulated P&L."""

import jax
import numpy as np
import pytest

from deephedge.claims import Call
from deephedge.costs import (
    AbstractCost,
    CostSum,
    FixedCost,
    ProportionalCost,
    QuadraticImpact,
)
from deephedge.markets import BlackScholes, Heston, Merton
from deephedge.optimum import Resolution, judge_entropic
from deephedge.policies import DeltaHedge, Feedforward, RebalanceEvery, Zakamouline
from deephedge.pricing import BlackScholesFormula
from deephedge.risk import Entropic
from deephedge.rollout import HedgingProblem, sample, time_grid
from deephedge.rollout.sample import pnl_only

MATURITY = 6 / 365
BLACK_SCHOLES = BlackScholes(spot=100.0, vol=0.2, rate=0.02, dividend=0.01)
MERTON = Merton(spot=100.0, vol=0.15, intensity=10.0, jump_mean=-0.01, jump_vol=0.02)
HESTON = Heston(
    spot=100.0,
    variance=0.04,
    mean_reversion=2.0,
    long_variance=0.05,
    vol_of_variance=0.5,
    correlation=-0.7,
)
CALL = Call(strike=100.0, maturity=MATURITY)
COST = ProportionalCost(0.001)
RISK = Entropic(aversion=1.0)
FORMULA = BlackScholesFormula(vol=0.2)
DELTA, BAND = DeltaHedge(CALL, FORMULA), Zakamouline(CALL, FORMULA, cost_rate=0.001, aversion=1.0)
SMALL = Resolution(prices=4.0, holdings=61, variances=13, deviations=5.0)


def problem(market, cost: AbstractCost = COST, close_out=False):
    return HedgingProblem(market, CALL, cost, time_grid(MATURITY, 6), close_out=close_out)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stated", "hedge"),
    [
        pytest.param(problem(BLACK_SCHOLES), DELTA, id="delta"),
        pytest.param(problem(BLACK_SCHOLES, close_out=True), BAND, id="closed out"),
        pytest.param(
            problem(BLACK_SCHOLES, CostSum((COST, FixedCost(0.01)))), BAND, id="with a fee"
        ),
        pytest.param(problem(BLACK_SCHOLES, QuadraticImpact(0.01)), DELTA, id="with impact"),
        pytest.param(problem(MERTON), BAND, id="Merton"),
        pytest.param(problem(HESTON), BAND, id="Heston"),
    ],
)
def test_the_simulated_risk(stated, hedge):
    judged = judge_entropic(stated, RISK, hedge, resolution=SMALL)
    n_paths = 960_000
    pnl = np.asarray(sample(stated, hedge, n_paths, key=jax.random.key(5), keep=pnl_only))
    tilted = np.exp(-(pnl - pnl.mean()))
    risk = np.log(tilted.mean()) - pnl.mean()
    error = tilted.std() / tilted.mean() / np.sqrt(n_paths)
    print(f"{judged.value:.6f} ({judged.error:.1e}), simulated {risk:.6f} ({error:.1e})")
    assert error < 2e-3 and judged.error < 2e-3
    assert abs(risk - judged.value) < 4 * error + judged.error


@pytest.mark.slow
def test_a_learned_hedge_that_has_learned_nothing_is_its_base_and_one_that_sees_wealth_is_refused():
    stated = problem(BLACK_SCHOLES)

    def untrained(*features):
        return Feedforward.create(
            stated.market,
            CALL,
            stated.times,
            base=BAND,
            corrects="band",
            features=features,
            key=jax.random.key(0),
        )

    value = judge_entropic(stated, RISK, BAND, resolution=SMALL).value
    same = judge_entropic(stated, RISK, untrained("moneyness", "time"), resolution=SMALL).value
    assert same == pytest.approx(value, rel=1e-12)
    with pytest.raises(ValueError, match="see no wealth"):
        judge_entropic(stated, RISK, untrained("moneyness", "wealth"), resolution=SMALL)


def test_a_hedge_that_remembers_is_refused():
    with pytest.raises(ValueError, match="must remember nothing"):
        judge_entropic(problem(BLACK_SCHOLES), RISK, RebalanceEvery(DELTA, 2))
