"""Lots, delay and slippage between a decision and its trade, against closed forms."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from bank_account import BAND, CALL, KEY, PRICER, Swinging, problem
from recorded_paths_example import MATURITY, stochastic_paths

from deephedge.costs import Execution, NoCost
from deephedge.markets import BlackScholes
from deephedge.numerics.draws import antithetic, pseudo, sobol
from deephedge.policies import AbstractClassicalBand, DeltaHedge, RebalanceEvery, StaticHedge
from deephedge.rollout import HedgingProblem, pnl_only, replay, rollout, sample, time_grid


class Sticky(AbstractClassicalBand):
    """Trades to the edge of a band around a share of the price."""

    def observe(self, now):
        return 0.9 * now.prices / 100.0, now.prices / 100.0


@pytest.mark.parametrize(
    "policy",
    [
        Sticky(),
        *(
            pytest.param(p, marks=pytest.mark.slow)
            for p in (BAND, RebalanceEvery(DeltaHedge(CALL, PRICER), every=3))
        ),
    ],
    ids=lambda p: type(p).__name__,
)
def test_delay_shifts_the_holdings_by_one_date(policy):
    paths, stated = (
        stochastic_paths(1),
        {"claim": CALL, "cost": NoCost(), "impact": None, "financing": None},
    )
    at_once = replay(problem(**stated, execution=None), policy, paths)
    delayed = replay(problem(**stated, execution=Execution(delay=True)), policy, paths)
    np.testing.assert_array_equal(delayed.holdings[:, 0], 0.0)
    np.testing.assert_allclose(delayed.holdings[:, 1:], at_once.holdings[:, :-1], rtol=1e-12)
    # The order of the last date is dropped: what is closed is what was held.
    np.testing.assert_array_equal(delayed.trades[:, -1], -delayed.holdings[:, -1])


def test_holdings_are_whole_lots_nearest_to_the_order():
    lots = np.array([0.25, 3.0])
    stated = problem(cost=NoCost(), impact=None, execution=Execution(lot=lots))
    paths = stochastic_paths(2)
    held = np.asarray(replay(stated, Swinging(), paths).holdings) / lots
    np.testing.assert_allclose(held, np.round(held), atol=1e-12)
    wanted = np.asarray(
        replay(problem(cost=NoCost(), impact=None, execution=None), Swinging(), paths).holdings
    )
    assert np.all(np.abs(held - wanted / lots) <= 0.5 + 1e-12)
    assert np.any(held[..., 0] != 0.0)


def test_slopes_go_straight_through_the_rounding():
    market = BlackScholes(spot=100.0, vol=0.2, rate=0.02)

    def total(units, lot):
        stated = problem(
            market=market,
            claim=CALL,
            cost=NoCost(),
            impact=None,
            financing=None,
            execution=Execution(lot=lot),
        )
        return jnp.sum(sample(stated, StaticHedge(units=units[None]), 8, key=KEY, keep=pnl_only))

    units = jnp.asarray(0.37)
    value, slope = jax.value_and_grad(total)(units, 0.5)
    exact, exact_slope = jax.value_and_grad(total)(jnp.asarray(0.5), 0.0)
    np.testing.assert_allclose(value, exact, rtol=1e-12)
    np.testing.assert_allclose(slope, exact_slope, rtol=1e-12)
    assert abs(float(slope)) > 1.0


def test_slippage_costs_nothing_on_average_and_varies_as_stated():
    # One share bought and sold again where nothing moves: two deviations of 1 % of 100 each.
    stated = HedgingProblem(
        BlackScholes(spot=100.0, vol=0.0, rate=0.03),
        CALL,
        NoCost(),
        time_grid(MATURITY, 3),
        close_out=True,
        execution=Execution(slippage=0.01),
    )
    n = 40_000
    costs = np.asarray(
        sample(stated, StaticHedge(units=[1.0]), n, key=KEY, keep=lambda ledger: ledger.costs)
    )
    np.testing.assert_array_equal(costs[:, 1:-1], 0.0)
    for date in (0, 3):
        assert abs(costs[:, date].mean()) < 4.0 * 1.0 / math.sqrt(n)
        assert abs(costs[:, date].var() - 1.0) < 4.0 * math.sqrt(2.0 / n)
    together = np.mean(costs[:, 0] * costs[:, 3])
    assert abs(together) < 4.0 / math.sqrt(n)
    assert 1.0 / math.sqrt(n) < 0.006


@pytest.mark.slow
@pytest.mark.parametrize(
    "draws",
    [pseudo, *(pytest.param(d, marks=pytest.mark.slow) for d in (antithetic, sobol))],
    ids=lambda d: d.__name__,
)
def test_paths_with_slippage_depend_on_the_key_and_their_number(draws):
    stated = problem(claim=CALL, cost=NoCost(), impact=None)

    def pnl(n):
        return sample(stated, Swinging(), n, key=KEY, draws=draws, keep=pnl_only)

    np.testing.assert_array_equal(pnl(6), pnl(16)[:6])


def test_slippage_takes_columns_of_its_own():
    assert problem(execution=None).normals_per_step == 2
    assert problem(execution=Execution(lot=1.0)).normals_per_step == 2
    # 9 dates and 2 assets in 8 steps: 3 columns.
    assert problem().normals_per_step == 5


@pytest.mark.slow
def test_an_execution_that_does_nothing_changes_nothing():
    none = problem(claim=CALL, impact=None, execution=None)
    trivial = problem(claim=CALL, impact=None, execution=Execution())
    one, other = (sample(p, Swinging(), 8, key=KEY) for p in (none, trivial))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12), one, other)


def test_replaying_slippage_takes_a_key():
    stated, paths = problem(claim=CALL, cost=NoCost(), impact=None), stochastic_paths()
    with pytest.raises(ValueError, match=r"`key` must be given: .*slippage.*`key=jax.random.key"):
        replay(stated, Swinging(), paths)
    path = jax.tree.map(lambda x: x[0], paths)
    with pytest.raises(ValueError, match=r"`slips` must be given"):
        rollout(stated, Swinging(), path)
    one, again, other = (
        np.asarray(replay(stated, Swinging(), paths, key=jax.random.key(k), keep=pnl_only))
        for k in (3, 3, 4)
    )
    np.testing.assert_array_equal(one, again)
    assert np.all(one != other)
