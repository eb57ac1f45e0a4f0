"""A merger's two stocks, and the profit of a position in them."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import MergerDeal
from deephedge.costs import NoCost
from deephedge.markets import BlackScholes, MergerMarket, simulate
from deephedge.policies import StaticHedge
from deephedge.rollout import HedgingProblem, sample, time_grid

MARKET = MergerMarket.example()
TIMES = jnp.linspace(0.0, 0.25, 14)
N_PATHS = 40_000


@functools.cache
def drawn():
    return simulate(MARKET, TIMES, N_PATHS, key=jax.random.key(0))


def deal_of(market):
    price, acquirer = market.start().prices
    return MergerDeal(
        target_price=price,
        maturity=market.closing,
        ratio=market.ratio,
        acquirer_price=acquirer,
        broken_factor=0,
    )


@pytest.mark.parametrize("date", [3, 8, 13])
def test_discounted_prices_with_dividends_are_martingales(date):
    worth = drawn().discount[:, :, None] * drawn().prices * drawn().accrual
    relative = np.asarray(worth[:, date] / worth[:, 0])
    error = relative.std(axis=0) / np.sqrt(N_PATHS)
    assert np.all(error < 2e-3)
    assert np.all(np.abs(relative.mean(axis=0) - 1.0) < 4.0 * error)


def test_the_deal_survives_with_its_probability_and_the_spread_closes():
    broken = np.asarray(drawn().factors[:, -1, 0])
    odds = 1.0 - np.exp(-0.4 * 0.25)
    assert abs(broken.mean() - odds) < 4.0 * np.sqrt(odds * (1.0 - odds) / N_PATHS)
    target, acquirer = np.asarray(drawn().prices[:, -1]).T
    standalone = np.asarray(drawn().factors[:, -1, 1])
    np.testing.assert_allclose(target[broken == 0], 40.0 + 1.2 * acquirer[broken == 0], rtol=1e-12)
    np.testing.assert_allclose(target[broken == 1], standalone[broken == 1], rtol=1e-12)


def test_without_break_risk_the_target_is_the_deal():
    safe = dataclasses.replace(MARKET, break_intensity=jnp.asarray(0.0))
    expected = 40.0 * np.exp(-0.02 * 0.25) + 60.0 * np.exp(-0.01 * 0.25)
    assert float(safe.start().prices[0]) == pytest.approx(expected, rel=1e-12)
    sure = dataclasses.replace(MARKET, break_intensity=jnp.asarray(1e3))
    assert float(sure.start().prices[0]) == pytest.approx(80.0, rel=1e-12)


@pytest.mark.slow
def test_a_position_earns_nothing_unless_deals_break_less_than_priced():
    claim = deal_of(MARKET)
    profit = np.asarray(jax.vmap(claim.payoff)(drawn()))
    error = profit.std() / np.sqrt(N_PATHS)
    assert error < 0.1
    assert abs(profit.mean()) < 4.0 * error
    kinder = dataclasses.replace(MARKET, real_intensity=jnp.asarray(0.1))
    paths = simulate(kinder, TIMES, N_PATHS, key=jax.random.key(0))
    assert np.asarray(jax.vmap(claim.payoff)(paths)).mean() > 4.0 * error


def test_a_cash_deal_pays_the_spread_or_the_fall():
    market = MergerMarket(
        acquirer=50.0, standalone=80.0, closing=0.5, break_intensity=0.3, cash=100.0, rate=0.03
    )
    paths = simulate(market, jnp.linspace(0.0, 0.5, 6), 200, key=jax.random.key(1))
    claim = deal_of(market)
    profit = np.asarray(jax.vmap(claim.payoff)(paths))
    entry = float(market.start().prices[0]) * np.exp(0.03 * 0.5)
    broken = np.asarray(paths.factors[:, :, 0])
    closed = broken[:, -1] == 0
    np.testing.assert_allclose(profit[closed], 100.0 - entry, rtol=1e-10)
    first = broken.argmax(axis=1)
    rows = np.arange(200)
    left = np.exp(0.03 * (0.5 - np.asarray(paths.time)[rows, first]))
    fallen = np.asarray(paths.factors)[rows, first, 1] * left - entry
    assert np.any(~closed)
    np.testing.assert_allclose(profit[~closed], fallen[~closed], rtol=1e-10)


def test_holding_the_position_hedges_the_sale_of_its_profit_until_a_break():
    safe = dataclasses.replace(MARKET, real_intensity=jnp.asarray(0.0), dividend=jnp.asarray(0.0))
    problem = HedgingProblem(
        safe, deal_of(safe), NoCost(), time_grid(0.25, 5), premium=0.0, close_out=False
    )
    ledger = sample(problem, StaticHedge([1.0, -1.2]), 64, key=jax.random.key(2))
    np.testing.assert_allclose(ledger.pnl, 0.0, atol=1e-9)


def test_one_asset_is_refused():
    one = simulate(BlackScholes.example(), TIMES, 1, key=jax.random.key(0))
    with pytest.raises(TypeError, match="but the market has 1; use `MergerMarket"):
        jax.vmap(MergerDeal.example().payoff)(one)
