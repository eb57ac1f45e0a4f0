"""The ledger, replayed through a bank account, date by date, in plain NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cost_examples import COSTS
from recorded_paths_example import MATURITY, N_PATHS, N_STEPS, stochastic_paths

from deephedge.claims import AsianCall, Call, Forward
from deephedge.costs import NoCost
from deephedge.markets import BlackScholes, Path
from deephedge.policies import (
    AbstractPolicy,
    DeltaHedge,
    NoHedge,
    RebalanceEvery,
    StaticHedge,
    WhalleyWilmott,
)
from deephedge.pricing import BlackScholesFormula
from deephedge.rollout import HedgingProblem, pnl_only, replay, sample, time_grid

CALL = Call(strike=100.0, maturity=MATURITY)
PRICER = BlackScholesFormula(vol=0.25, rate=0.02)
BAND = WhalleyWilmott(CALL, PRICER, cost_rate=0.001, aversion=0.1)
POLICIES = {
    "nothing": NoHedge(),
    "static": StaticHedge(units=[0.4, -0.2]),
    "delta": DeltaHedge(CALL, PRICER),
    "band": BAND,
    "now and then": RebalanceEvery(DeltaHedge(CALL, PRICER), every=3),
}


def bank_account(problem: HedgingProblem, path: Path, trades: np.ndarray, premium: float):
    """Final balance and the wealth at each date, both in cash of the date.

    The units traded are taken as given; every amount of cash is worked out here.
    """
    prices, discount, accrual = (np.asarray(x) for x in (path.prices, path.discount, path.accrual))
    n_steps = prices.shape[0] - 1
    balance, units, wealth = float(premium), np.zeros(prices.shape[1]), []
    for date in range(n_steps):
        wealth.append(balance + units @ prices[date])
        for asset in range(prices.shape[1]):
            balance -= trades[date, asset] * prices[date, asset]
        balance -= float(problem.cost(jnp.asarray(trades[date]), path.at(date)))
        units = units + trades[date]
        balance *= discount[date] / discount[date + 1]
        per_share = prices[date + 1] * (accrual[date + 1] / accrual[date] - 1.0)
        balance += units @ per_share
    if problem.close_out:
        balance -= float(problem.cost(jnp.asarray(-units), path.at(-1)))
    balance += units @ prices[-1]
    wealth.append(balance)
    return balance - float(problem.claim.payoff(path)), np.array(wealth)


def check(problem: HedgingProblem, policy: AbstractPolicy, paths: Path):
    ledger = replay(problem, policy, paths)
    for i in range(N_PATHS):
        path = jax.tree.map(lambda x, i=i: x[i], paths)
        held = np.concatenate([np.zeros((1, 2)), np.asarray(ledger.holdings[i])])
        trades = np.diff(held, axis=0)
        np.testing.assert_allclose(ledger.trades[i, :-1], trades, rtol=1e-12, atol=1e-14)
        premium = float(problem.premium_at(path.at(0)))
        final, wealth = bank_account(problem, path, trades, premium)
        discount = np.asarray(path.discount)
        tight = {"rtol": 1e-12, "atol": 1e-12 * 100.0}
        np.testing.assert_allclose(ledger.pnl[i], final * discount[-1], **tight)
        np.testing.assert_allclose(ledger.wealth[i], wealth * discount, **tight)
    parts = ledger.premium + ledger.gains.sum(1) - ledger.costs.sum(1) - ledger.payoff
    np.testing.assert_allclose(ledger.pnl, parts, rtol=1e-12, atol=1e-11)


def problem(**changes) -> HedgingProblem:
    given = {
        "market": BlackScholes(spot=[100.0, 40.0], vol=[0.2, 0.3]),
        "claim": CALL,
        "cost": COSTS[0],
        "times": time_grid(MATURITY, N_STEPS),
        "premium": 6.5,
        "close_out": True,
    }
    return HedgingProblem(**{**given, **changes})


@pytest.mark.parametrize("close_out", [True, pytest.param(False, marks=pytest.mark.slow)])
@pytest.mark.parametrize("cost", COSTS, ids=lambda c: type(c).__name__)
def test_every_cost_leaves_the_bank_account(cost, close_out):
    check(problem(cost=cost, close_out=close_out), BAND, stochastic_paths())


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_every_kind_of_policy(policy):
    check(problem(cost=COSTS[-1]), policy, stochastic_paths(1))


def test_a_claim_with_a_memory_and_a_premium_from_a_pricer():
    asian = AsianCall(strike=100.0, maturity=MATURITY)
    check(problem(claim=asian), POLICIES["static"], stochastic_paths(2))
    check(problem(premium=PRICER), POLICIES["static"], stochastic_paths(3))


def test_closing_out_charges_the_last_cost_and_nothing_else():
    paths = stochastic_paths()
    policy = POLICIES["static"]
    charged = replay(problem(close_out=True), policy, paths)
    free = replay(problem(close_out=False), policy, paths)
    np.testing.assert_array_equal(free.costs[:, -1], 0.0)
    np.testing.assert_array_equal(free.trades[:, -1], 0.0)
    np.testing.assert_allclose(charged.trades[:, -1], -charged.holdings[:, -1])
    assert np.all(np.asarray(charged.costs[:, -1]) > 0.0)
    np.testing.assert_allclose(free.pnl - charged.pnl, charged.costs[:, -1], rtol=1e-11)


def test_the_first_trade_is_charged():
    ledger = replay(problem(), POLICIES["static"], stochastic_paths())
    assert np.all(np.asarray(ledger.costs[:, 0]) > 0.0)
    np.testing.assert_array_equal(ledger.costs[:, 1:-1], 0.0)


def test_a_forward_is_replicated_without_error():
    market = BlackScholes(spot=100.0, vol=0.3, rate=0.03)
    claim = Forward(strike=95.0, maturity=MATURITY)
    pricer = BlackScholesFormula(vol=0.3, rate=0.03)
    sold = problem(market=market, claim=claim, cost=NoCost(), premium=pricer)
    pnl = sample(sold, DeltaHedge(claim, pricer), 50, key=jax.random.key(0), keep=pnl_only)
    np.testing.assert_allclose(pnl, 0.0, atol=1e-10)
