"""Tail hedges against the same programmes kept by hand, and puts that follow a forecast."""

import functools

import equinox as eqx
import jax
import numpy as np
import pytest

from deephedge.claims import NoClaim, Put
from deephedge.costs import HalfSpread
from deephedge.markets import BlackScholes, simulate
from deephedge.policies import KnownVol, ProtectivePut, ScaledProtection, TailHedge
from deephedge.pricing import Held, ListedModel, Rolled
from deephedge.rollout import HedgingProblem, replay, time_grid

END, N_STEPS, EVERY, WEALTH, BUDGET = 0.5, 16, 0.125, 1000.0, 0.08
SPREAD = np.array([0.0, 0.03, 0.03])
MARKET = ListedModel(
    BlackScholes(spot=100.0, vol=0.5, rate=0.02),
    (
        Rolled(0.9, tenor=0.25, every=EVERY, put=True),
        Rolled(0.8, tenor=0.25, every=EVERY, put=True),
    ),
)
POLICIES = {
    "put": TailHedge(MARKET, budget=BUDGET),
    "put spread": TailHedge(MARKET, budget=BUDGET, columns=(1, 2), units=(1.0, -1.0)),
    "all sold": TailHedge(MARKET, budget=BUDGET, multiples=2.0),
    "ladder of spreads": TailHedge(
        MARKET,
        budget=BUDGET,
        columns=(1, 2),
        units=(1.0, -1.0),
        multiples=(1.5, 3.0),
        sold=(0.4, 0.9),
        reinvest=False,
    ),
    "half covered": ScaledProtection(KnownVol(0.25), calm=0.2, alarm=0.3, put=1),
    "calm": ScaledProtection(KnownVol(0.2), calm=0.2, alarm=0.3, put=1),
}
LEVELS = {"all sold": [(2.0, 1.0)], "ladder of spreads": [(1.5, 0.4), (3.0, 0.9)]}
ROLLS = range(0, N_STEPS, 4)


SLOW = ("put", "put spread", "all sold")


def some(*names):
    """Names as parameters, those that compile a rule of their own under `slow`."""
    return [pytest.param(n, marks=pytest.mark.slow if n in SLOW else ()) for n in names]


@eqx.filter_jit
def drawn(times):
    return simulate(MARKET, times, 64, key=jax.random.key(2))


@functools.cache
def hedged(name):
    """Paths, and the ledgers of a policy on them."""
    times, cost = time_grid(END, N_STEPS), HalfSpread(1e4 * SPREAD)
    task = HedgingProblem(MARKET, NoClaim(END), cost, times, premium=WEALTH, close_out=True)
    paths = drawn(times)
    ledger = replay(task, POLICIES[name], paths)
    return jax.tree.map(np.asarray, paths), jax.tree.map(np.asarray, ledger)


def programme(name, prices, wealth):
    """Holdings of one path by the rule, date by date."""
    units = np.array([1.0, -1.0]) if "spread" in name else np.array([1.0, 0.0])
    rows, bought, kept, shares = [], 0.0, 1.0, 0.0
    for date in range(N_STEPS):
        price = prices[date, 1:] @ units
        if date % 4 == 0:
            paid, kept = price, 1.0
            bought = BUDGET * EVERY * wealth[date] / price
            shares = (wealth[date] - bought * price) / prices[date, 0]
        for multiple, sold in LEVELS.get(name, []):
            if price / paid >= multiple and 1.0 - sold < kept:
                kept = 1.0 - sold
                if name == "all sold":
                    shares = (wealth[date] - bought * kept * price) / prices[date, 0]
        rows.append([shares, *(bought * kept * units)])
    return np.array(rows)


@pytest.mark.parametrize("name", some(*tuple(POLICIES)[:4]))
def test_a_programme_is_bought_at_each_roll_and_sold_at_its_multiples(name):
    paths, ledger = hedged(name)
    sales = 0
    for i in range(64):
        wealth = ledger.wealth[i] / paths.discount[i]
        expected = programme(name, paths.prices[i], wealth)
        np.testing.assert_allclose(ledger.holdings[i], expected, rtol=1e-10, atol=1e-10)
        sales += np.sum(np.diff(expected[:, 1])[[k for k in range(15) if k % 4 != 3]] < 0)
    assert (sales > 20) == (name in LEVELS)


@pytest.mark.parametrize("name", some("put spread", "ladder of spreads"))
def test_what_options_cost_in_a_year_is_the_budget(name):
    paths, ledger = hedged(name)
    value = (ledger.holdings[:, ROLLS, 1:] * paths.prices[:, ROLLS, 1:]).sum(axis=2)
    wealth = ledger.wealth[:, ROLLS] / paths.discount[:, ROLLS]
    assert np.all(wealth > 0.0)
    np.testing.assert_allclose(value.shape[1] / END * value, BUDGET * wealth, rtol=1e-10)


@pytest.mark.parametrize("name", some("put spread", "ladder of spreads"))
def test_a_roll_costs_the_spread_on_what_is_sold_and_what_is_bought(name):
    paths, ledger = hedged(name)
    k = np.asarray(ROLLS[1:])
    new = paths.prices[:, k, 1:]
    old = new * paths.accrual[:, k, 1:] / paths.accrual[:, k - 1, 1:]
    held, bought = (np.abs(ledger.holdings[:, m, 1:]) for m in (k - 1, k))
    value = (held * old + bought * new) @ SPREAD[1:]
    np.testing.assert_allclose(ledger.costs[:, k], paths.discount[:, k] * value, rtol=1e-10)
    assert value.mean() > 0.1


@pytest.mark.slow
def test_puts_follow_the_forecast():
    paths, half = hedged("half covered")
    _, calm = hedged("calm")
    np.testing.assert_allclose(half.holdings[..., 1], 0.5 * half.holdings[..., 0], rtol=1e-12)
    # Nothing but the first purchase: the forecast stands still, and rolls keep the number.
    np.testing.assert_allclose(half.trades[:, 1:-1], 0.0, atol=1e-9)
    value = (half.holdings[:, 0] * paths.prices[:, 0]).sum(axis=1)
    np.testing.assert_allclose(value, WEALTH, rtol=1e-12)
    np.testing.assert_allclose(calm.holdings[..., 0], WEALTH / 100.0, rtol=1e-12)
    np.testing.assert_array_equal(calm.holdings[..., 1:], 0.0)


def test_bad_programmes_are_refused():
    with pytest.raises(ValueError, match="columns of the listed options, 1 to 2"):
        TailHedge(MARKET, budget=0.01, columns=(0,))
    with pytest.raises(ValueError, match="one number for each of the 2 columns"):
        TailHedge(MARKET, budget=0.01, columns=(1, 2))
    with pytest.raises(ValueError, match="`sold` must be at most 1"):
        TailHedge(MARKET, budget=0.01, multiples=4.0, sold=1.5)
    held = ListedModel(MARKET.market, (Held(Put(strike=90.0, maturity=0.5)),))
    with pytest.raises(ValueError, match="instruments that are rolled"):
        TailHedge(held, budget=0.01)
    with pytest.raises(ValueError, match="`alarm` must be above"):
        ScaledProtection(KnownVol(0.2), calm=0.3, alarm=0.2)
    with pytest.raises(ValueError, match="below 3"):
        ProtectivePut(put=4).observe(MARKET.start())
