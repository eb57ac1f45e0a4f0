"""Other markets and costs: the simulated risk of the optimal hedge is the value."""

import jax
import numpy as np
import pytest

from deephedge.claims import Call, DigitalCall
from deephedge.costs import CostSum, FixedCost, NoCost, ProportionalCost, QuadraticImpact
from deephedge.markets import BlackScholes, Heston, Kou, Merton
from deephedge.optimum import Resolution, solve_entropic
from deephedge.policies import TabulatedBand, TabulatedTarget, TabulatedTrigger
from deephedge.risk import Entropic
from deephedge.rollout import HedgingProblem, sample, time_grid
from deephedge.rollout.sample import pnl_only

pytestmark = pytest.mark.slow

MATURITY = 6 / 365
BLACK_SCHOLES = BlackScholes(spot=100.0, vol=0.2, rate=0.02, dividend=0.01)
MERTON = Merton(
    spot=100.0, vol=0.15, intensity=10.0, jump_mean=-0.01, jump_vol=0.02, rate=0.02, drift=0.05
)
KOU = Kou(spot=100.0, vol=0.15, intensity=10.0, up_probability=0.4, up_size=0.004, down_size=0.006)
HESTON = Heston(
    spot=100.0,
    variance=0.04,
    mean_reversion=2.0,
    long_variance=0.05,
    vol_of_variance=0.5,
    correlation=-0.7,
)
CALL = Call(strike=100.0, maturity=MATURITY)
DIGITAL = DigitalCall(strike=100.0, maturity=MATURITY)
COST = ProportionalCost(0.001)
SMALL = Resolution(prices=4.0, holdings=49, variances=9, deviations=5.0)


@pytest.mark.parametrize(
    ("market", "claim", "cost", "close_out", "kind"),
    [
        pytest.param(MERTON, CALL, COST, False, TabulatedBand, id="Merton"),
        pytest.param(KOU, CALL, COST, False, TabulatedBand, id="Kou"),
        pytest.param(HESTON, CALL, COST, False, TabulatedBand, id="Heston"),
        pytest.param(BLACK_SCHOLES, CALL, COST, True, TabulatedBand, id="closed out"),
        pytest.param(BLACK_SCHOLES, DIGITAL, COST, False, TabulatedBand, id="digital"),
        pytest.param(BLACK_SCHOLES, CALL, FixedCost(0.02), False, TabulatedTrigger, id="fixed"),
        pytest.param(
            BLACK_SCHOLES,
            CALL,
            CostSum((COST, FixedCost(0.01))),
            False,
            TabulatedTrigger,
            id="fixed and proportional",
        ),
        pytest.param(
            BLACK_SCHOLES, CALL, QuadraticImpact(0.01), True, TabulatedTarget, id="quadratic"
        ),
    ],
)
def test_the_policy_reaches_the_value(market, claim, cost, close_out, kind):
    problem = HedgingProblem(market, claim, cost, time_grid(MATURITY, 6), close_out=close_out)
    found = solve_entropic(problem, Entropic(aversion=1.0), resolution=SMALL)
    assert type(found.policy) is kind
    assert found.error < 2e-3
    n_paths = 640_000
    pnl = np.asarray(sample(problem, found.policy, n_paths, key=jax.random.key(5), keep=pnl_only))
    tilted = np.exp(-(pnl - pnl.mean()))
    risk = np.log(tilted.mean()) - pnl.mean()
    error = tilted.std() / tilted.mean() / np.sqrt(n_paths)
    print(f"value {found.value:.6f} ({found.error:.1e}), simulated {risk:.6f} ({error:.1e})")
    assert error < 2e-3
    assert abs(risk - found.value) < 4 * error + found.error


def test_heston_with_constant_variance_is_black_scholes():
    """As the volatility of variance goes to zero."""
    calm = Heston(
        spot=100.0,
        variance=0.04,
        mean_reversion=2.0,
        long_variance=0.04,
        vol_of_variance=1e-3,
        correlation=-0.7,
    )
    plain = BlackScholes(spot=100.0, vol=0.2)
    values = []
    for market in (calm, plain):
        problem = HedgingProblem(market, CALL, NoCost(), time_grid(MATURITY, 6), close_out=False)
        values.append(solve_entropic(problem, Entropic(aversion=1.0), resolution=SMALL))
    assert values[0].value == pytest.approx(values[1].value, abs=2e-4)
