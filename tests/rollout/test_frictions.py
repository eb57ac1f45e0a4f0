"""Financing, lots, delay and slippage at once, against a bank account kept by hand."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from bank_account import BAND, CALL, KEY, ByHand, Swinging, execution, normals_of, problem
from recorded_paths_example import N_PATHS, N_STEPS, Still, stochastic_paths

from deephedge.claims import Call, Forward
from deephedge.costs import (
    CashSpread,
    CostSum,
    Execution,
    Financing,
    FixedCost,
    NoCost,
    PermanentImpact,
    ScaledCost,
)
from deephedge.markets import BlackScholes
from deephedge.policies import NoTransactionBand, RebalanceEvery, StaticHedge, WhalleyWilmott
from deephedge.pricing import BlackScholesFormula
from deephedge.risk import Entropic
from deephedge.rollout import HedgingProblem, pnl_only, replay, rollout, sample, time_grid
from deephedge.training import train

BY_HAND = {
    "everything": (problem(), Swinging()),
    "a band": (problem(claim=CALL, impact=None, execution=execution(delay=False)), BAND),
    "not closed": (problem(close_out=False, impact=None), Swinging()),
    "at once": (problem(execution=execution(delay=False)), Swinging()),
    "delayed band": (problem(claim=CALL), RebalanceEvery(BAND, every=2)),
}


@pytest.mark.parametrize(
    ("stated", "policy"),
    [
        pytest.param(*case, id=name, marks=pytest.mark.slow if i else ())
        for i, (name, case) in enumerate(BY_HAND.items())
    ],
)
def test_every_ledger_is_a_bank_account(stated, policy):
    paths = stochastic_paths(4)
    ledger = replay(stated, policy, paths, key=KEY)
    for i in range(N_PATHS):
        path = jax.tree.map(lambda x, i=i: x[i], paths)
        account = ByHand(stated, policy, path, normals_of(stated, i))
        final = account.run()
        trades = np.array(account.trades)
        tight = {"rtol": 1e-10, "atol": 1e-10}
        np.testing.assert_allclose(ledger.trades[i, : len(trades)], trades, **tight)
        np.testing.assert_allclose(ledger.carry[i], account.carry, **tight)
        np.testing.assert_allclose(ledger.wealth[i], account.wealth, **tight)
        np.testing.assert_allclose(ledger.pnl[i], final, **tight)
    assert np.all(np.asarray(ledger.carry) >= 0.0) and np.sum(np.asarray(ledger.carry)) > 0.1
    parts = ledger.premium + ledger.gains.sum(1) - ledger.costs.sum(1) - ledger.payoff
    np.testing.assert_allclose(ledger.pnl, parts - ledger.carry.sum(1), rtol=1e-12, atol=1e-11)


@pytest.mark.parametrize("n_steps", [1, 3])
def test_debt_grows_at_the_market_rate_and_the_spread(n_steps):
    # Nothing moves: 10 received, 90 borrowed, one share bought and held.
    stated = HedgingProblem(
        BlackScholes(spot=100.0, vol=0.0, rate=0.03),
        Forward(strike=1e-9, maturity=0.5),
        NoCost(),
        time_grid(0.5, n_steps),
        10.0,
        close_out=False,
        financing=Financing(borrow_spread=0.02),
    )
    ledger = sample(stated, StaticHedge(units=[1.0]), 1, key=KEY)
    np.testing.assert_allclose(ledger.carry[0, 0], 90.0 * math.expm1(0.02 * 0.5 / n_steps))
    left = (ledger.pnl + ledger.payoff)[0] * math.exp(0.03 * 0.5)
    expected = 100.0 * math.exp(0.03 * 0.5) - 90.0 * math.exp((0.03 + 0.02) * 0.5)
    np.testing.assert_allclose(left, expected, rtol=1e-12)


def test_a_short_position_pays_its_fee_and_its_proceeds_earn_less():
    market = BlackScholes(spot=100.0, vol=0.0, rate=0.03)
    claim, times = Forward(strike=1e-9, maturity=1.0), time_grid(1.0, 4)

    def final(**terms):
        stated = HedgingProblem(
            market, claim, NoCost(), times, 0.0, close_out=False, financing=Financing(**terms)
        )
        ledger = sample(stated, StaticHedge(units=[-1.0]), 1, key=KEY)
        return (ledger.pnl + ledger.payoff)[0], ledger.carry[0]

    cash, _ = final(lend_spread=0.01)
    np.testing.assert_allclose(cash, 100.0 * math.exp(-0.01) - 100.0, rtol=1e-12)
    # The stock's discounted value stays 100: each quarter pays on that.
    _, fees = final(short_fee=0.04)
    np.testing.assert_allclose(fees, 100.0 * math.expm1(0.01), rtol=1e-12)
    _, interest = final(margin=0.5, margin_rate=0.08)
    np.testing.assert_allclose(interest, 50.0 * math.expm1(0.02), rtol=1e-12)


def test_no_past_trade_depends_on_the_future():
    stated, paths = problem(), stochastic_paths(7)
    ledger = replay(stated, Swinging(), paths, key=KEY)
    rng = np.random.default_rng(0)
    for known in (1, 4, 7):
        later = known + rng.permutation(N_STEPS + 1 - known)
        order = np.concatenate([np.arange(known), later])
        if known == 7:
            order[known:] = [8, 7]
        changed = eqx.tree_at(lambda p: p.prices, paths, paths.prices[:, order])
        shuffled = replay(stated, Swinging(), changed, key=KEY)
        # Under delay the trade of the first date that differs was decided before it.
        past = slice(known + 1)
        np.testing.assert_array_equal(shuffled.trades[:, past], ledger.trades[:, past])
        np.testing.assert_array_equal(shuffled.carry[:, :known], ledger.carry[:, :known])
        assert not np.array_equal(shuffled.pnl, ledger.pnl)


def in_float32(tree):
    return jax.tree.map(lambda x: x.astype(jnp.float32) if eqx.is_inexact_array(x) else x, tree)


def test_float32_stays_float32():
    ledger = replay(*in_float32((problem(), Swinging(), stochastic_paths())), key=KEY)
    for leaf in jax.tree.leaves(ledger):
        assert leaf.dtype == jnp.float32
        assert np.all(np.isfinite(np.asarray(leaf)))


@pytest.mark.slow
def test_float32_is_near_float64():
    # Slippage's draws differ between the precisions, and it is left out.
    case = (problem(execution=execution(slippage=None)), Swinging(), stochastic_paths())
    small, large = replay(*in_float32(case)), replay(*case)
    np.testing.assert_allclose(small.pnl, large.pnl, rtol=2e-4, atol=2e-3)


@pytest.mark.slow
def test_slopes_by_every_parameter_are_finite():
    stated, paths = problem(), stochastic_paths()
    arrays, rest = eqx.partition(stated, eqx.is_inexact_array)

    @eqx.filter_jit
    @eqx.filter_grad
    def slopes(arrays):
        whole = eqx.combine(arrays, rest)
        return jnp.sum(replay(whole, Swinging(), paths, key=KEY, keep=pnl_only))

    found = slopes(arrays)
    for leaf in jax.tree.leaves(found):
        assert np.all(np.isfinite(np.asarray(leaf)))
    for leaf in jax.tree.leaves((found.financing, found.execution.mean_slippage)):
        assert np.all(np.asarray(leaf) < 0.0)


def test_a_problem_without_frictions_pays_nothing_for_them():
    path = jax.tree.map(lambda x: x[0], stochastic_paths())
    slips = jnp.zeros((N_STEPS + 1, 2))

    def program(**terms):
        stated = problem(claim=CALL, cost=NoCost(), impact=None, **terms)
        return str(jax.make_jaxpr(lambda p: rollout(stated, Still(), p, slips))(path))

    plain = program(financing=None, execution=None)
    assert "expm1" not in plain and "round" not in plain
    assert "expm1" in program(financing=Financing(), execution=None)
    assert "round" in program(financing=None, execution=Execution(lot=1.0))


@pytest.mark.slow
def test_a_band_learns_with_every_friction_on():
    market, claim = BlackScholes(spot=100.0, vol=0.2), Call(strike=100.0, maturity=0.1)
    stated = HedgingProblem(
        market,
        claim,
        CashSpread(0.05),
        time_grid(0.1, 4),
        close_out=True,
        impact=PermanentImpact(0.005),
        financing=Financing.example(),
        execution=Execution(lot=0.05, delay=True, slippage=0.001),
    )
    base = WhalleyWilmott(claim, BlackScholesFormula(vol=0.2), cost_rate=0.001, aversion=1.0)
    policy = NoTransactionBand.create(
        market, claim, stated.times, base=base, width=4, depth=1, key=jax.random.key(0)
    )
    trained = train(
        stated,
        policy,
        Entropic(aversion=1.0),
        key=jax.random.key(1),
        n_steps=12,
        n_paths=512,
        validation_paths=2048,
        validate_every=12,
    )
    before, after = (row["validation"] for row in (trained.history[0], trained.history[-1]))
    assert after < before


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Financing(borrow_spread=-0.1), "`borrow_spread` must be zero or positive"),
        (lambda: Financing(short_fee="much"), "`short_fee` must be a number"),
        (lambda: Execution(lot=-1.0), "`lot` must be zero or positive"),
        (lambda: Execution(slippage=float("nan")), "`slippage` must be zero or positive"),
        (
            lambda: problem(financing=Financing(short_fee=[0.1] * 3)),
            "`financing` must have one short_fee, or one for each of the 2 assets, got 3",
        ),
        (
            lambda: problem(execution=Execution(lot=[1.0] * 3)),
            "`execution` must have one lot, or one for each of the 2 assets, got 3",
        ),
        (
            lambda: problem(cost=ScaledCost(CostSum((NoCost(), FixedCost(fee=[0.1] * 3))), 2.0)),
            "`cost` must have one fee, or one for each of the 2 assets, got 3",
        ),
        (
            lambda: problem(impact=PermanentImpact(rate=[0.1] * 3)),
            "`impact` must have one rate, or one for each of the 2 assets, got 3",
        ),
    ],
)
def test_bad_terms_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
