"""Rules that pay for trading by a modified volatility: their limit theorems."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import Call, EuropeanPortfolio, call_spread
from deephedge.costs import ProportionalCost
from deephedge.markets import BlackScholes
from deephedge.policies import (
    BoyleVorst,
    DeltaHedge,
    HoggardWhalleyWilmott,
    Leland,
    RebalanceEvery,
    RebalanceOnDrift,
    RebalanceOnMove,
    VolBand,
    model_delta,
    model_delta_gamma,
)
from deephedge.pricing import BlackScholesFormula
from deephedge.rollout import HedgingProblem, rollout, sample, time_grid

VOL, MATURITY = 0.2, 0.25
CALL = Call(strike=100.0, maturity=MATURITY)
FORMULA = BlackScholesFormula(vol=VOL)
MARKET = BlackScholes(spot=100.0, vol=VOL)
BOUGHT = EuropeanPortfolio((CALL,), [-1.0])
RULES = {"Leland": (Leland, math.sqrt(2 / math.pi)), "BoyleVorst": (BoyleVorst, 1.0)}


def adjustment(name, n_steps):
    """The cost rate that makes the modified variance 1.3 times the variance."""
    return 0.15 * VOL * math.sqrt(MATURITY / n_steps) / RULES[name][1]


def hedged(name, n_steps, claim, convex, n_paths=1000):
    """P&L when paid the modified price and the first trade, and the cost of later trades."""
    rate = adjustment(name, n_steps)
    kind = RULES[name][0]
    policy = kind(claim, FORMULA, cost_rate=rate, interval=MATURITY / n_steps, convex=convex)
    problem = HedgingProblem(
        MARKET,
        claim,
        ProportionalCost(rate),
        time_grid(MATURITY, n_steps),
        premium=policy.price(MARKET.start(), jnp.zeros(1)),
        close_out=False,
    )

    @jax.jit
    def run(normals):
        def one(z):
            ledger = rollout(problem, policy, MARKET.path(problem.times, z))
            return ledger.pnl, jnp.sum(ledger.costs[1:])

        return jax.vmap(one)(normals)

    normals = jax.random.normal(jax.random.key(1), (n_paths, n_steps, 1))
    # A tree's moves are one deviation up or down.
    normals = jnp.sign(normals) if name == "BoyleVorst" else normals
    return policy, *map(np.asarray, run(normals))


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("convex", [True, False])
@pytest.mark.slow
def test_the_premium_pays_for_the_claim_and_its_trading_in_the_limit(name, convex):
    # Leland (1985), with costs that fall with the root of the step (Lott, 1993); Boyle and Vorst
    # (1992) on a tree: the error vanishes, and costs add up to the difference of the prices.
    claim = CALL if convex else BOUGHT
    policy, pnl, costs = hedged(name, 1600, claim, convex)
    now = MARKET.start()
    difference = float(policy.modified(now).price(claim, now) - FORMULA.price(claim, now))
    assert difference > 0
    for found, expected in ((pnl, 0.0), (costs, difference)):
        error = found.std() / math.sqrt(found.size)
        assert error < 0.015 * difference
        assert abs(found.mean() - expected) < 4 * error


@pytest.mark.slow
@pytest.mark.parametrize("name", RULES)
def test_the_hedging_error_vanishes_with_the_step(name):
    spreads = [hedged(name, n, CALL, True)[1].std() for n in (25, 100, 400, 1600)]
    order = np.polyfit(np.log([25, 100, 400, 1600]), np.log(spreads), 1)[0]
    assert order == pytest.approx(-0.5, abs=0.1)


@pytest.mark.slow
def test_a_covered_seller_starts_with_less_to_trade():
    policy = Leland(CALL, FORMULA, cost_rate=0.002, interval=1 / 52)
    now = MARKET.start()
    delta = float(policy.observe(now)[0])
    cash, covered = (float(policy.price(now, jnp.array([h]))) for h in (0.0, 1.0))
    assert cash - covered == pytest.approx(0.002 * 100.0 * (2 * delta - 1.0), rel=1e-9)


@pytest.mark.slow
def test_hoggard_whalley_wilmott_is_leland_for_one_sign_of_gamma():
    rate, interval = 0.002, 1 / 100
    terms = {"cost_rate": rate, "interval": interval}

    @jax.jit
    def both(spots, lefts):
        def at(spot, left):
            start = BlackScholes(spot=spot, vol=VOL).start()
            now = dataclasses.replace(start, time=MATURITY - left)
            found = []
            for claim, convex in ((CALL, True), (BOUGHT, False)):
                leland = Leland(claim, FORMULA, convex=convex, **terms)
                hww = HoggardWhalleyWilmott(claim, VOL, **terms)
                found.append((hww.observe(now)[0], leland.observe(now)[0]))
                found.append((hww.price(now), leland.modified(now).price(claim, now)))
            return found

        return jax.vmap(at)(spots, lefts)

    spots = jnp.array([80.0, 95.0, 100.0, 103.0, 120.0, 100.0, 97.0])
    lefts = jnp.array([0.25, 0.25, 0.25, 0.1, 0.1, 0.02, 0.02])
    found = both(spots, lefts)
    for k, (ours, theirs) in enumerate(found):
        np.testing.assert_allclose(ours, theirs, atol=2e-3 if k % 2 == 0 else 5e-3)


def test_hoggard_whalley_wilmott_nets_the_trading_of_a_spread():
    # The sum of the two legs' prices pays for trades that cancel; the price at one volatility for
    # the whole claim is that of a cost-free hedge. The non-linear price lies between.
    spread = call_spread(lower=95.0, upper=105.0, maturity=MATURITY)
    terms = {"cost_rate": 0.002, "interval": 1 / 100}
    now = MARKET.start()

    @jax.jit
    def prices():
        whole = HoggardWhalleyWilmott(spread, VOL, **terms).price(now)
        legs = [
            Leland(claim, FORMULA, convex=convex, **terms).modified(now).price(claim, now)
            for claim, convex in (
                (spread.claims[0], True),
                (EuropeanPortfolio((spread.claims[1],), [-1.0]), False),
            )
        ]
        free = HoggardWhalleyWilmott(spread, VOL, cost_rate=0.0, interval=0.01).price(now)
        return whole, sum(legs), free, FORMULA.price(spread, now)

    whole, legs, free, formula = (float(x) for x in prices())
    assert free == pytest.approx(formula, abs=2e-3)
    assert free + 0.02 < whole < legs - 0.02


@pytest.mark.slow
def test_hoggard_whalley_wilmott_pays_for_a_claim_of_mixed_gamma_in_the_limit():
    n_steps = 1600
    spread = call_spread(lower=95.0, upper=105.0, maturity=MATURITY)
    rate = adjustment("Leland", n_steps)
    policy = HoggardWhalleyWilmott(spread, VOL, cost_rate=rate, interval=MATURITY / n_steps)
    now = MARKET.start()
    first = rate * 100.0 * abs(float(policy.observe(now)[0]))
    problem = HedgingProblem(
        MARKET,
        spread,
        ProportionalCost(rate),
        time_grid(MATURITY, n_steps),
        premium=float(policy.price(now)) + first,
        close_out=False,
    )
    ledger = sample(problem, policy, 2000, key=jax.random.key(3), batch_size=500)
    pnl, extra = np.asarray(ledger.pnl), float(policy.price(now) - FORMULA.price(spread, now))
    error = pnl.std() / math.sqrt(pnl.size)
    assert error < 0.05 * extra
    assert abs(pnl.mean()) < 4 * error + 0.05 * extra


@pytest.mark.slow
def test_the_volatility_band_is_the_drift_of_delta_under_a_move():
    now = MARKET.start()
    band = VolBand(CALL, FORMULA, deviations=1.5, interval=1 / 252)
    lower, upper = band.band(now)
    delta, gamma = model_delta_gamma(FORMULA, CALL, now)
    move = 100.0 * 0.2 * 1.5 / math.sqrt(252)
    np.testing.assert_allclose(upper - delta, gamma * move, rtol=1e-12)
    np.testing.assert_allclose(delta - lower, gamma * move, rtol=1e-12)
    moved = dataclasses.replace(now, prices=now.prices + move)
    np.testing.assert_allclose(model_delta(FORMULA, CALL, moved), upper, atol=0.005)


@pytest.mark.slow
def test_move_and_delta_tolerances_beat_the_clock_at_equal_cost():
    # Martellini and Priaulet (2002): at the same cost the rules that wait for a move are less
    # risky than those that wait for a date.
    rate, n_steps = 0.002, 504
    problem = HedgingProblem(
        MARKET, CALL, ProportionalCost(rate), time_grid(MATURITY, n_steps), close_out=False
    )

    def cost_and_risk(policy):
        def keep(ledger):
            return jnp.sum(ledger.costs), ledger.pnl

        costs, pnl = sample(problem, policy, 20_000, key=jax.random.key(2), keep=keep)
        return float(jnp.mean(costs)), float(jnp.std(pnl))

    delta = DeltaHedge(CALL, FORMULA)
    clock = [cost_and_risk(RebalanceEvery(delta, every=n)) for n in (3, 6, 12, 24, 48)]
    logs = np.log(np.array(clock))
    for policy in (RebalanceOnMove(delta, move=0.03), RebalanceOnDrift(delta, tolerance=0.1)):
        cost, risk = cost_and_risk(policy)
        assert clock[-1][0] < cost < clock[0][0]
        same = math.exp(np.interp(math.log(cost), logs[::-1, 0], logs[::-1, 1]))
        assert risk < 0.97 * same
