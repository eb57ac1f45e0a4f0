"""The cash that makes selling a claim as good as not selling it."""

import jax
import numpy as np
import pytest

from deephedge.claims import Call
from deephedge.costs import NoCost
from deephedge.markets import BlackScholes
from deephedge.policies import DeltaHedge
from deephedge.pricing import BlackScholesFormula
from deephedge.risk import Entropic, ExpectedShortfall, Quadratic
from deephedge.rollout import HedgingProblem, indifference_price, pnl_only, sample, time_grid

SOLD = 2.0 * jax.random.normal(jax.random.key(0), (500,)) - 3.0
KEPT = jax.random.normal(jax.random.key(1), (500,)) + 0.1


@pytest.mark.parametrize("measure", [Entropic(0.5), ExpectedShortfall(0.1)])
def test_with_the_price_both_are_equally_risky(measure):
    price = indifference_price(measure, SOLD, KEPT)
    np.testing.assert_allclose(measure(SOLD + price), measure(KEPT), rtol=1e-12)
    alone = indifference_price(measure, SOLD)
    np.testing.assert_allclose(measure(SOLD + alone), 0.0, atol=1e-12)


def test_a_premium_already_in_the_pnl_is_counted_once():
    measure = Entropic(0.5)
    np.testing.assert_allclose(
        indifference_price(measure, SOLD + 1.0), indifference_price(measure, SOLD) - 1.0
    )


@pytest.mark.slow
def test_under_frequent_free_hedging_it_is_near_the_black_scholes_price():
    market, pricer = BlackScholes(spot=100.0, vol=0.2), BlackScholesFormula(vol=0.2)
    claim = Call(strike=100.0, maturity=30 / 365)
    sold = HedgingProblem(market, claim, NoCost(), time_grid(30 / 365, 60), close_out=False)
    pnl = sample(sold, DeltaHedge(claim, pricer), 4000, key=jax.random.key(2), keep=pnl_only)
    price = float(indifference_price(Entropic(0.1), pnl))
    assert 0.0 < price - float(pricer.price(claim, market.start())) < 0.02


def test_the_mean_square_has_no_indifference_price():
    with pytest.raises(TypeError, match="cash-invariant measure, got Quadratic; use one such as"):
        indifference_price(Quadratic(), SOLD)
