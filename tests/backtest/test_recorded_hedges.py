import datetime

import numpy as np
import pytest

from deephedge.backtest import (
    block_weights,
    by_year,
    paired_interval,
    recorded_market,
    recorded_paths,
)
from deephedge.claims import Call
from deephedge.costs import ProportionalCost
from deephedge.data import open_history
from deephedge.policies import DeltaHedge, NoHedge
from deephedge.pricing import QuotedBlackScholes
from deephedge.risk import ExpectedShortfall
from deephedge.rollout import HedgingProblem, replay, time_grid

FIRST, LAST = datetime.date(2014, 1, 1), datetime.date(2018, 12, 31)


@pytest.fixture(scope="module")
def hedged():
    """One-month at-the-money calls on every start date of the test years, hedged two ways."""
    history = open_history("sp500")
    paths, starts = recorded_paths(history.closes, history.quoted, first=FIRST, last=LAST)
    claim, pricer = Call(strike=100.0, maturity=21 / 252), QuotedBlackScholes()
    problem = HedgingProblem(
        market=recorded_market("sp500", last=datetime.date(2013, 12, 31)),
        claim=claim,
        cost=ProportionalCost(rate=0.0005),
        times=time_grid(21 / 252, 21),
        premium=pricer,
        close_out=True,
    )
    delta = replay(problem, DeltaHedge(claim, pricer), paths)
    return paths, starts, delta, replay(problem, NoHedge(), paths)


@pytest.mark.slow
def test_the_premium_is_the_price_at_the_quote_of_the_day(hedged):
    paths, _, delta, _ = hedged
    # At the money, about 0.4 of spot times vol times the square root of time.
    rule = 0.4 * 100 * np.asarray(paths.factors[:, 0, 0]) * np.sqrt(21 / 252)
    np.testing.assert_allclose(delta.premium, rule, rtol=0.01)


def test_delta_hedging_cuts_the_deviation_in_every_year(hedged):
    _, starts, delta, none = hedged
    for year, mask in by_year(starts).items():
        assert year in range(2014, 2019)
        assert np.std(delta.pnl[mask]) < 0.6 * np.std(none.pnl[mask])


def test_the_tail_is_thinner_beyond_doubt(hedged):
    _, starts, delta, none = hedged
    weights = block_weights(len(starts), mean_block=63.0, n_resamples=300, seed=0)
    gain = paired_interval(ExpectedShortfall(tail=0.05), delta.pnl, none.pnl, weights)
    assert float(gain.high) < 0


def test_the_unhedged_seller_paid_what_the_record_says(hedged):
    paths, _, _, none = hedged
    payoff = np.maximum(np.asarray(paths.prices[:, -1, 0]) - 100, 0)
    np.testing.assert_allclose(none.pnl, none.premium - payoff, rtol=1e-10, atol=1e-12)
