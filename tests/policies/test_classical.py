"""The classical hedges against what the literature says of them."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import Call
from deephedge.costs import ProportionalCost
from deephedge.markets import BlackScholes
from deephedge.policies import (
    Account,
    DeltaBand,
    DeltaHedge,
    Leland,
    NoHedge,
    RebalanceEvery,
    StaticHedge,
    WhalleyWilmott,
    Zakamouline,
    model_delta,
    model_delta_gamma,
)
from deephedge.pricing import BlackScholesFormula
from deephedge.risk import Entropic
from deephedge.rollout import HedgingProblem, pnl_only, sample, time_grid

MATURITY = 30 / 365
MARKET = BlackScholes(spot=100.0, vol=0.2)
CLAIM = Call(strike=100.0, maturity=MATURITY)
FORMULA = BlackScholesFormula(vol=0.2)


def problem(n_steps=30, rate=0.0, claim=CLAIM):
    times = time_grid(float(claim.maturity), n_steps)
    return HedgingProblem(MARKET, claim, ProportionalCost(rate), times, close_out=False)


def pnl(policy, *, n_paths=100_000, n_steps=30, rate=0.0, claim=CLAIM):
    key = jax.random.key(7)
    return sample(problem(n_steps, rate, claim), policy, n_paths, key=key, keep=pnl_only)


def hedging_error(n_steps):
    claim = Call(strike=100.0, maturity=1 / 12)
    return float(jnp.std(pnl(DeltaHedge(claim, FORMULA), n_steps=n_steps, claim=claim)))


@pytest.mark.parametrize("n_steps", [21, pytest.param(84, marks=pytest.mark.slow)])
def test_discrete_delta_hedging_meets_derman_and_kamal(n_steps):
    # Derman and Kamal (1999): std = sqrt(pi/4) vega sigma / sqrt(n), at the money, one month.
    tau, vol, spot = 1 / 12, 0.2, 100.0
    d1 = 0.5 * vol * math.sqrt(tau)
    vega = spot * math.sqrt(tau) * math.exp(-0.5 * d1**2) / math.sqrt(2 * math.pi)
    expected = math.sqrt(math.pi / 4) * vega * vol / math.sqrt(n_steps)
    assert hedging_error(n_steps) == pytest.approx(expected, rel=0.05)


@pytest.mark.slow
def test_hedging_error_falls_with_the_root_of_the_number_of_steps():
    steps = np.array([10, 20, 40, 80])
    errors = [hedging_error(int(n)) for n in steps]
    slope = np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert slope == pytest.approx(-0.5, abs=0.03)


@pytest.mark.slow
def test_delta_hedging_at_no_cost_earns_the_price_on_average():
    sold = pnl(DeltaHedge(CLAIM, FORMULA))
    error = float(jnp.std(sold)) / math.sqrt(sold.shape[0])
    price = float(FORMULA.price(CLAIM, MARKET.start()))
    assert error < 0.002
    assert abs(float(jnp.mean(sold)) + price) < 4 * error


@pytest.mark.slow
def test_reference_values_of_delta_and_whalley_wilmott():
    # Entropic risk at cost 0.001, computed outside this project: 2.5852 and 2.5559.
    for policy, expected in [
        (DeltaHedge(CLAIM, FORMULA), 2.5852),
        (WhalleyWilmott(CLAIM, FORMULA, cost_rate=0.001, aversion=1.0), 2.5559),
    ]:
        sold = pnl(policy, n_paths=400_000, rate=0.001)
        tilted = jnp.exp(-(sold - jnp.mean(sold)))
        error = float(jnp.std(tilted) / jnp.mean(tilted)) / math.sqrt(sold.shape[0])
        assert error < 2e-3
        assert abs(float(Entropic(aversion=1.0)(sold)) - expected) < 4 * error + 5e-5


@pytest.mark.slow
def test_costs_rank_the_rules_as_the_literature_does():
    rate = 0.001
    policies = [
        Zakamouline(CLAIM, FORMULA, cost_rate=rate, aversion=1.0),
        WhalleyWilmott(CLAIM, FORMULA, cost_rate=rate, aversion=1.0),
        DeltaHedge(CLAIM, FORMULA),
        NoHedge(),
    ]
    risks = [float(Entropic(aversion=1.0)(pnl(p, rate=rate))) for p in policies]
    assert risks == sorted(risks)


@pytest.mark.slow
def test_zakamouline_band_stands_near_the_exact_one():
    # Exact band of the reference problem at the first date: [0.470, 0.556].
    band = Zakamouline(CLAIM, FORMULA, cost_rate=0.001, aversion=1.0).band(MARKET.start())
    assert float(band[0][0]) == pytest.approx(0.470, abs=0.01)
    assert float(band[1][0]) == pytest.approx(0.556, abs=0.01)


def test_leland_is_delta_at_the_modified_volatility():
    rate, interval = 0.002, 1 / 252
    number = math.sqrt(2 / math.pi) * 2 * rate / (0.2 * math.sqrt(interval))
    modified = BlackScholesFormula(vol=0.2 * math.sqrt(1 + number))
    policy = Leland(CLAIM, FORMULA, cost_rate=rate, interval=interval)
    np.testing.assert_allclose(
        policy.observe(MARKET.start()),
        model_delta(modified, CLAIM, MARKET.start()),
        rtol=1e-12,
    )


def test_whalley_wilmott_half_width_is_the_formula():
    now = MARKET.start()
    delta, gamma = model_delta_gamma(FORMULA, CLAIM, now)
    lower, upper = WhalleyWilmott(CLAIM, FORMULA, cost_rate=0.001, aversion=2.0).band(now)
    half_width = (1.5 * 0.001 * 100.0 * float(gamma[0]) ** 2 / 2.0) ** (1 / 3)
    np.testing.assert_allclose(upper - delta, half_width, rtol=1e-12)
    np.testing.assert_allclose(delta - lower, half_width, rtol=1e-12)


@pytest.mark.parametrize("held", [0.0, 0.45, 0.52, 0.9])
def test_bands_trade_to_the_edge_and_not_to_the_centre(held):
    now = MARKET.start()
    account = Account(holdings=jnp.array([held]), wealth=jnp.asarray(0.0))
    for policy in (
        DeltaBand(CLAIM, FORMULA, half_width=0.05),
        WhalleyWilmott(CLAIM, FORMULA, cost_rate=0.001, aversion=1.0),
        Zakamouline(CLAIM, FORMULA, cost_rate=0.001, aversion=1.0),
    ):
        lower, upper = policy.band(now)
        holdings, _ = policy.step(now, account, policy.init())
        expected = float(np.clip(held, float(lower[0]), float(upper[0])))
        assert float(holdings[0]) == pytest.approx(expected, abs=1e-15)


@jax.jit
@jax.grad
def slopes_of_the_edges(inputs):
    spot, vol, rate, left = inputs
    start = BlackScholes(spot=spot, vol=0.2).start()
    now = dataclasses.replace(start, time=CLAIM.maturity - left)
    formula = BlackScholesFormula(vol=vol, rate=rate)
    policies = (
        WhalleyWilmott(CLAIM, formula, cost_rate=0.001, aversion=1.0),
        Zakamouline(CLAIM, formula, cost_rate=0.001, aversion=1.0),
        DeltaBand(CLAIM, formula, half_width=0.1),
    )
    bands = [p.band(now) for p in policies]
    return sum(jnp.sum(lower + 2.0 * upper) for lower, upper in bands)


@pytest.mark.parametrize("spot", [1.0, 50.0, 99.999, 100.0, 100.001, 200.0, 1e4])
@pytest.mark.parametrize("left", [0.0, 1e-9, 1e-4, MATURITY])
def test_band_gradients_are_finite_up_to_expiry(spot, left):
    inputs = tuple(jnp.asarray(float(x)) for x in (spot, 0.2, 0.0, left))
    assert np.all(np.isfinite(np.asarray(slopes_of_the_edges(inputs))))


def test_rebalance_every_trades_at_its_dates_only():
    ledger = sample(
        problem(10),
        RebalanceEvery(DeltaHedge(CLAIM, FORMULA), every=4),
        200,
        key=jax.random.key(1),
    )
    traded = np.any(np.asarray(ledger.trades[:, :10, 0]) != 0, axis=0)
    assert traded.tolist() == [k % 4 == 0 for k in range(10)]


def test_rebalance_every_step_is_the_policy_itself():
    inner = DeltaHedge(CLAIM, FORMULA)
    np.testing.assert_array_equal(
        pnl(RebalanceEvery(inner, every=1), n_paths=100), pnl(inner, n_paths=100)
    )
    with pytest.raises(ValueError, match="`every` must be a whole number of at least 1, got 0"):
        RebalanceEvery(inner, every=0)


@pytest.mark.slow
def test_static_hedge_of_a_forward_is_perfect():
    sold = pnl(StaticHedge(units=1.0), n_paths=1000)
    call_minus_share = sold - pnl(NoHedge(), n_paths=1000)
    ledger = sample(problem(), StaticHedge(units=1.0), 1000, key=jax.random.key(7))
    np.testing.assert_allclose(call_minus_share, jnp.sum(ledger.gains, axis=1), rtol=1e-9)
    assert bool(jnp.all(ledger.trades[:, 1:] == 0))
