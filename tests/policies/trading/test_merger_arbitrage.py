"""Positions in a merger: what they earn, what they risk, and what they cost."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import Call, MergerDeal, NoClaim, Put
from deephedge.costs import Financing, NoCost
from deephedge.markets import MergerMarket, simulate
from deephedge.policies import MergerArbitrage
from deephedge.pricing import MergerFormula, implied_break_probability, listed_market
from deephedge.rollout import HedgingProblem, rollout, time_grid

CLOSING, N_STEPS, N_PATHS = 0.5, 10, 256
TIMES = time_grid(CLOSING, N_STEPS)
STOCK = MergerMarket(
    acquirer=50.0,
    standalone=70.0,
    closing=CLOSING,
    break_intensity=0.8,
    ratio=2.0,
    correlation=0.3,
    rate=0.03,
    dividend=0.02,
)
CASH = dataclasses.replace(
    STOCK, ratio=jnp.asarray(0.0), cash=jnp.asarray(100.0), standalone_vol=jnp.asarray(0.0)
)
POLICY = MergerArbitrage(closing=CLOSING, ratio=2.0, dividend=0.02)
FEE = 0.015


@eqx.filter_jit
def hedged(market, policy, claim):
    problem = HedgingProblem(
        *(market, NoClaim(maturity=CLOSING), NoCost(), TIMES),
        close_out=False,
        financing=Financing(short_fee=FEE),
    )
    paths = simulate(market, TIMES, N_PATHS, key=jax.random.key(1))

    def one(path):
        return rollout(problem, policy, path), claim.payoff(path) * path.discount[-1]

    return paths, *jax.vmap(one)(paths)


def deal(market, policy):
    start = np.asarray(market.start().prices)
    return MergerDeal(
        target_price=start[0],
        maturity=CLOSING,
        ratio=policy.ratio,
        acquirer_price=start[1],
        broken_factor=0,
    )


@pytest.mark.slow
def test_a_deal_of_stock_that_closes_pays_the_spread_whatever_the_acquirer_does():
    paths, ledger, _ = hedged(STOCK, POLICY, deal(STOCK, POLICY))
    closed = np.asarray(paths.factors[:, -1, 0]) == 0.0
    assert 0.5 < closed.mean() < 0.9
    start, acquirer = np.asarray(paths.prices[0, 0]), np.asarray(paths.prices[..., 1])
    spread = 2.0 * np.exp(-0.02 * CLOSING) * start[1] - start[0]
    kept = np.asarray(ledger.pnl + ledger.carry.sum(1))
    np.testing.assert_allclose(kept[closed], spread, rtol=1e-10)
    assert acquirer[closed, -1].std() > 5.0
    assert kept[~closed].min() < -10.0
    # The fee is that of the value sold short, over each step.
    short = 2.0 * np.exp(-0.02 * (CLOSING - np.asarray(TIMES[:-1])))
    value = np.asarray(paths.discount[:, :-1]) * short * acquirer[:, :-1]
    fee = np.sum(np.expm1(FEE * CLOSING / N_STEPS) * value, axis=1)
    np.testing.assert_allclose(ledger.carry.sum(1)[closed], fee[closed], rtol=1e-12)
    # After a break nothing is held.
    broken = np.asarray(paths.factors[:, :-1, 0]) > 0.0
    np.testing.assert_array_equal(np.asarray(ledger.holdings)[broken], 0.0)


def test_the_fixed_position_earns_what_the_merger_deal_pays():
    market = dataclasses.replace(STOCK, dividend=jnp.asarray(0.0))
    policy = dataclasses.replace(POLICY, dividend=jnp.asarray(0.0))
    _, ledger, payoff = hedged(market, policy, deal(market, policy))
    np.testing.assert_allclose(ledger.pnl + ledger.carry.sum(1), payoff, rtol=1e-9, atol=1e-10)


def test_a_cash_deal_pays_the_spread_or_the_loss_of_a_break():
    policy = dataclasses.replace(POLICY, ratio=jnp.asarray(0.0))
    paths, ledger, _ = hedged(CASH, policy, deal(CASH, policy))
    closed, pnl = np.asarray(paths.factors[:, -1, 0]) == 0.0, np.asarray(ledger.pnl)
    start = float(paths.prices[0, 0, 0])
    np.testing.assert_allclose(pnl[closed], 100.0 * np.exp(-0.03 * CLOSING) - start, rtol=1e-10)
    np.testing.assert_allclose(pnl[~closed], 70.0 - start, rtol=1e-10)
    # Two points, with the chances that the price contains: nothing is earned on average.
    chance = -np.expm1(-0.8 * CLOSING)
    error = np.sqrt(chance * (1.0 - chance) / N_PATHS)
    assert error < 0.035
    assert abs((~closed).mean() - chance) < 4.0 * error
    present = 100.0 * jnp.exp(-0.03 * jnp.asarray(CLOSING))
    implied = implied_break_probability(
        paths.prices[0, 0, 0], deal=present, standalone=CASH.standalone
    )
    np.testing.assert_allclose(implied, chance, rtol=1e-12)


@pytest.mark.slow
def test_puts_bound_the_loss_of_a_break():
    bare = dataclasses.replace(
        STOCK, ratio=jnp.asarray(0.0), cash=jnp.asarray(100.0), rate=jnp.asarray(0.0)
    )
    market = listed_market(bare, [Put(strike=85.0, maturity=CLOSING)])
    policy = MergerArbitrage(closing=CLOSING, overlay=1.0)
    paths, ledger, _ = hedged(market, policy, deal(market, policy))
    pnl, start = np.asarray(ledger.pnl), np.asarray(paths.prices[0, 0])
    # Sold at the break, the put brings the target back to its strike or more.
    assert pnl.min() > 85.0 - start[0] - start[2] - 1e-9
    _, unprotected, _ = hedged(bare, MergerArbitrage(closing=CLOSING), deal(bare, policy))
    assert float(unprotected.pnl.min()) < float(pnl.min()) - 10.0


@pytest.mark.slow
def test_options_on_the_target_are_worth_what_they_pay_on_average():
    market = dataclasses.replace(STOCK, cash=jnp.asarray(30.0), ratio=jnp.asarray(1.4))
    expiry = 0.7
    times, pricer = jnp.asarray([0.0, 0.2, CLOSING, expiry]), MergerFormula(market)

    @jax.jit
    def found():
        now = market.start()
        paths = simulate(market, times, 16_384, key=jax.random.key(2))
        final = paths.prices[:, -1, 0] * paths.discount[:, -1]
        strike = 90.0 * paths.discount[:, -1]
        paid = jnp.stack([jnp.maximum(strike - final, 0.0), jnp.maximum(final - strike, 0.0)])
        claims = [kind(strike=90.0, maturity=expiry) for kind in (Put, Call)]
        return jnp.stack([pricer.price(c, now) for c in claims]), paid, now.prices[0]

    value, paid, spot = (np.asarray(x) for x in found())
    error = paid.std(axis=1) / np.sqrt(paid.shape[1])
    assert np.all(error < 0.15)
    assert np.all(np.abs(paid.mean(axis=1) - value) < 4.0 * error)
    parity = spot - 90.0 * np.exp(-0.03 * expiry)
    np.testing.assert_allclose(value[1] - value[0], parity, rtol=1e-12)


@pytest.mark.slow
def test_the_value_of_a_position_is_that_of_closing_it():
    @jax.jit
    def values():
        path = simulate(STOCK, TIMES, 1, key=jax.random.key(5))
        path = jax.tree.map(lambda x: x[0], path)
        claim = MergerDeal(100.0, CLOSING, ratio=2.0, acquirer_price=49.0, broken_factor=0)
        path = dataclasses.replace(path, progress=claim.progress(path))
        last = path.at(-1)
        return MergerFormula(STOCK).price(claim, last), claim.payoff(path)

    value, payoff = values()
    np.testing.assert_allclose(value, payoff, rtol=1e-12)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="at least the deal's closing"):
        MergerFormula(STOCK).price(Put(strike=85.0, maturity=0.4), STOCK.start())
    with pytest.raises(ValueError, match="`overlay` must be one number"):
        dataclasses.replace(POLICY, overlay=[1.0, 2.0]).observe(STOCK.start())
