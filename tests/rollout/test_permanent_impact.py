"""Trades that move the price for good, against a bank account kept by hand, and closed forms."""

import dataclasses
import importlib
import inspect
import itertools
import math
import pkgutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from recorded_paths_example import MATURITY, N_PATHS, N_STEPS, Still, stochastic_paths

import deephedge.claims
from deephedge.claims import AbstractClaim, AsianCall, Call, Forward, LookbackCall
from deephedge.costs import NoCost, PermanentImpact, ProportionalCost
from deephedge.markets import BlackScholes, simulate
from deephedge.policies import (
    AbstractTargetPolicy,
    DeltaHedge,
    RebalanceEvery,
    StaticHedge,
    WhalleyWilmott,
)
from deephedge.pricing import BlackScholesFormula
from deephedge.rollout import HedgingProblem, pnl_only, replay, rollout, sample, time_grid

CALL = Call(strike=100.0, maturity=MATURITY)
PRICER = BlackScholesFormula(vol=0.25, rate=0.02)
RATE = np.array([0.02, 0.05])


def problem(**changes) -> HedgingProblem:
    given = {
        "market": BlackScholes(spot=[100.0, 40.0], vol=[0.2, 0.3]),
        "claim": CALL,
        "cost": ProportionalCost(0.001),
        "times": time_grid(MATURITY, N_STEPS),
        "premium": 6.5,
        "close_out": True,
        "impact": PermanentImpact(RATE),
    }
    return HedgingProblem(**{**given, **changes})


def by_hand(stated, path, trades):
    """The moved prices and the final balance in cash, from the units traded alone."""
    shift = np.concatenate([np.zeros((1, 2)), np.cumsum(RATE * trades[:-1], axis=0)])
    prices = np.asarray(path.prices) * np.exp(shift)
    discount, accrual = np.asarray(path.discount), np.asarray(path.accrual)
    moved = dataclasses.replace(path, prices=jnp.asarray(prices))
    balance, units = float(stated.premium), np.zeros(2)
    for date in range(N_STEPS + 1):
        if date:
            balance *= discount[date - 1] / discount[date]
            balance += units @ (prices[date] * (accrual[date] / accrual[date - 1] - 1.0))
        if date == N_STEPS and not stated.close_out:
            break
        # Each unit goes at the price that the units before it have made.
        walked = np.expm1(RATE * trades[date]) / RATE
        balance -= prices[date] @ walked
        balance -= float(stated.cost(jnp.asarray(trades[date]), moved.at(date)))
        units = units + trades[date]
    balance += units @ prices[-1]
    return moved, (balance - float(stated.claim.payoff(moved))) * discount[-1]


class Threshold(AbstractTargetPolicy):
    """Holds more of both assets, the more the claim's memory is above 100."""

    def observe(self, now):
        return jnp.tanh(now.progress[0] - 100.0 + now.prices / 50.0)


@pytest.mark.parametrize(
    ("claim", "policy", "close_out"),
    [
        (CALL, WhalleyWilmott(CALL, PRICER, cost_rate=0.001, aversion=0.1), True),
        pytest.param(
            *(CALL, RebalanceEvery(DeltaHedge(CALL, PRICER), every=3), False),
            marks=pytest.mark.slow,
        ),
        pytest.param(
            *(LookbackCall(strike=100.0, maturity=MATURITY), Threshold(), False),
            marks=pytest.mark.slow,
        ),
        (AsianCall(strike=90.0, maturity=MATURITY), Threshold(), True),
    ],
    ids=["band", "now and then", "lookback", "asian"],
)
def test_the_ledger_is_a_bank_account(claim, policy, close_out):
    stated, paths = problem(claim=claim, close_out=close_out), stochastic_paths(4)
    ledger = replay(stated, policy, paths)
    for i in range(N_PATHS):
        path = jax.tree.map(lambda x, i=i: x[i], paths)
        trades = np.asarray(ledger.trades[i])
        moved, final = by_hand(stated, path, trades)
        np.testing.assert_allclose(ledger.pnl[i], final, rtol=1e-12, atol=1e-11)
        payoff = claim.payoff(moved) * path.discount[-1]
        np.testing.assert_allclose(ledger.payoff[i], payoff, rtol=1e-12)
        # The policy saw the moved prices and what the claim remembers of them.
        seen = dataclasses.replace(moved, progress=claim.progress(moved))
        if isinstance(policy, Threshold):
            held = jax.vmap(policy.observe)(seen.snapshots())[:-1]
            np.testing.assert_allclose(ledger.holdings[i], held, rtol=1e-12)
    parts = ledger.premium + ledger.gains.sum(1) - ledger.costs.sum(1) - ledger.payoff
    np.testing.assert_allclose(ledger.pnl, parts, rtol=1e-12, atol=1e-11)


def test_one_trade_in_closed_form():
    # A market that stands still: n units bought at 0 lift the price to S e^(rate n); the call is
    # paid on that, the units were paid for along the way, and are sold along the way back.
    still = BlackScholes(spot=100.0, vol=0.0)
    n, rate = 0.8, 0.05
    lifted = 100.0 * math.exp(rate * n)
    for close_out in (True, False):
        stated = problem(
            market=still,
            cost=NoCost(),
            impact=PermanentImpact(rate),
            close_out=close_out,
            claim=Call(strike=101.0, maturity=MATURITY),
        )
        ledger = sample(stated, StaticHedge(units=[n]), 2, key=jax.random.key(0))
        np.testing.assert_allclose(ledger.payoff, lifted - 101.0, rtol=1e-12)
        paid = 100.0 * math.expm1(rate * n) / rate
        worth = paid if close_out else n * lifted
        expected = 6.5 + worth - paid - (lifted - 101.0)
        np.testing.assert_allclose(ledger.pnl, expected, rtol=1e-12)


class Wiggle(AbstractTargetPolicy):
    """Buys and sells for no reason."""

    def observe(self, now):
        return jnp.sin(37.0 * now.time + jnp.arange(now.prices.shape[0], dtype=now.time.dtype))


def test_no_sequence_of_trades_earns_from_its_own_impact():
    # Prices that stand still but for the trades: whatever was bought and sold back, nothing.
    still = BlackScholes(spot=[100.0, 40.0], vol=[0.0, 0.0])
    nothing = Forward(strike=0.0001, maturity=MATURITY)
    stated = problem(market=still, cost=NoCost(), claim=nothing, premium=0.0)
    ledger = sample(stated, Wiggle(), 1, key=jax.random.key(0))
    gained = ledger.pnl + ledger.payoff
    np.testing.assert_allclose(gained, 0.0, atol=1e-11)
    assert float(jnp.sum(ledger.costs)) > 1.0


def test_a_buyers_pressure_raises_what_the_call_pays():
    key, hedge = jax.random.key(1), DeltaHedge(CALL, PRICER)
    market = BlackScholes(spot=100.0, vol=0.25)
    payoffs = [
        sample(problem(market=market, impact=PermanentImpact(rate)), hedge, 500, key=key).payoff
        for rate in (0.0, 0.01, 0.02)
    ]
    for less, more in itertools.pairwise(payoffs):
        in_the_money = np.asarray(more) > 0.0
        assert np.all(np.asarray(more - less)[in_the_money] > 0.0)
        assert np.all(np.asarray(more) >= np.asarray(less))


def test_a_rate_of_zero_is_no_impact():
    claim = AsianCall(strike=100.0, maturity=MATURITY)
    policy = RebalanceEvery(DeltaHedge(CALL, PRICER), every=2)
    paths = stochastic_paths(5)
    without = replay(problem(claim=claim, impact=None), policy, paths)
    zero = replay(problem(claim=claim, impact=PermanentImpact(0.0)), policy, paths)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12), zero, without
    )


def test_a_problem_without_impact_pays_nothing_for_it():
    path = jax.tree.map(lambda x: x[0], stochastic_paths())

    def exponentials(impact):
        stated = problem(impact=impact)
        return str(jax.make_jaxpr(lambda p: rollout(stated, Still(), p))(path)).count("exp ")

    assert exponentials(None) == 0
    assert exponentials(PermanentImpact(0.01)) > 0


def _claims():
    found = {}
    for info in pkgutil.walk_packages(deephedge.claims.__path__, "deephedge.claims."):
        for value in vars(importlib.import_module(info.name)).values():
            if inspect.isclass(value) and issubclass(value, AbstractClaim):
                found[value.__name__] = value
    return [c.example() for _, c in sorted(found.items()) if not inspect.isabstract(c)]


@pytest.mark.slow
def test_the_memory_of_every_claim_goes_on_row_by_row():
    market = BlackScholes(
        spot=[100.0, 98.0], vol=[0.3, 0.2], rate=0.02, correlation=[[1, 0.5], [0.5, 1]]
    )
    for claim in _claims():
        times = float(claim.maturity) * np.linspace(0.0, 1.0, 9)
        paths = simulate(market, jnp.asarray(times), 16, key=jax.random.key(3))

        def both(path, claim=claim):
            whole = claim.progress(path)

            def step(memory, pair):
                pair = dataclasses.replace(pair, progress=jnp.stack([memory, memory]))
                memory = claim.progress(pair)[1]
                return memory, memory

            pairs = jax.tree.map(lambda x: jnp.stack([x[:-1], x[1:]], axis=1), path)
            return jax.lax.scan(step, whole[0], pairs)[1], whole[1:]

        rows, whole = jax.jit(jax.vmap(both))(paths)
        np.testing.assert_allclose(rows, whole, rtol=1e-12, err_msg=type(claim).__name__)


@pytest.mark.slow
def test_slopes_by_the_rate_are_those_of_differences():
    paths = stochastic_paths(6)

    def total(rate):
        moved = problem(impact=PermanentImpact(rate))
        return jnp.sum(replay(moved, DeltaHedge(CALL, PRICER), paths, keep=pnl_only))

    rate = jnp.asarray([0.01, 0.03])
    slope = np.asarray(jax.grad(total)(rate))
    assert np.all(np.isfinite(slope))
    h = 1e-5
    for j, direction in enumerate(np.eye(2)):
        up, down = (total(rate + s * h * jnp.asarray(direction)) for s in (1.0, -1.0))
        np.testing.assert_allclose(slope[j], (up - down) / (2 * h), rtol=1e-6)


def test_slippage_where_the_series_meets_the_closed_form():
    impact, now = PermanentImpact(1.0), BlackScholes(spot=1.0, vol=0.1).start()
    for n in (-3.0, -0.5000001, -0.4999999, -1e-9, 0.0, 1e-9, 0.4999999, 0.5000001, 3.0):
        exact = math.expm1(n) - n if abs(n) > 1e-3 else 0.5 * n**2 + n**3 / 6
        got = impact.slippage(jnp.asarray([n]), now)
        np.testing.assert_allclose(got, exact, rtol=1e-12, atol=1e-30)


@pytest.mark.parametrize("rate", [-0.1, math.nan, "much"])
def test_bad_rates_are_refused(rate):
    with pytest.raises(ValueError, match="`rate` must be"):
        PermanentImpact(rate)
