"""Barrier options and variance swaps hedged by options that are held."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import BarrierOption, Call, Put, VarianceSwap
from deephedge.claims.barrier import shifted_barrier
from deephedge.costs import NoCost
from deephedge.markets import BlackScholes, Heston, Path
from deephedge.policies import CalendarStrip, PutCallSymmetry, VarianceStrip
from deephedge.pricing import BarrierFormula, BlackScholesFormula, Held, Lewis, listed_market
from deephedge.rollout import HedgingProblem, rollout, time_grid

EXPIRY = 0.5
MODEL = BlackScholes(spot=100.0, vol=0.3, rate=0.03, dividend=0.03)
N_STEPS = 8
TIMES = time_grid(EXPIRY, N_STEPS)


@eqx.filter_jit
def hedged(policy, spots, premium):
    """Ledgers where the stock takes the given prices, and the first prices of what is listed."""
    market, claim = policy.market, policy.claim
    problem = HedgingProblem(market, claim, NoCost(), TIMES, premium=premium, close_out=False)

    def one(spots):
        none = jnp.zeros((N_STEPS + 1, 0))
        accrual = jnp.exp(MODEL.dividend * TIMES)[:, None]
        discount = jnp.exp(-MODEL.rate * TIMES)
        bare = Path(TIMES, spots[:, None], none, discount, accrual, none)
        path = market.extend(bare)
        return rollout(problem, policy, path), path.prices[0]

    ledger, first = jax.vmap(one)(spots)
    return ledger, first[0]


@jax.jit
def price_of(claim):
    return BarrierFormula(vol=0.3, rate=0.03, dividend=0.03).price(claim, MODEL.start())


TOUCHING = {
    # Down to the barrier exactly at the third date, and then up; and never there, in and out of
    # the money at expiry.
    "down": (
        90.0,
        [
            [100.0, 95.0, 92.0, 90.0, 97.0, 104.0, 110.0, 118.0, 125.0],
            [100.0, 104.0, 97.0, 93.0, 91.0, 99.0, 108.0, 112.0, 117.0],
            [100.0, 98.0, 103.0, 101.0, 96.0, 95.0, 92.0, 94.0, 93.0],
        ],
    ),
    "up": (
        110.0,
        [
            [100.0, 104.0, 107.0, 110.0, 101.0, 95.0, 91.0, 85.0, 80.0],
            [100.0, 96.0, 103.0, 107.0, 109.0, 101.0, 92.0, 88.0, 84.0],
            [100.0, 102.0, 97.0, 99.0, 104.0, 105.0, 108.0, 106.0, 107.0],
        ],
    ),
}


@pytest.mark.parametrize(
    ("side", "knock_in"),
    [
        ("down", False),
        pytest.param("up", True, marks=pytest.mark.slow),
        pytest.param("down", True, marks=pytest.mark.slow),
        pytest.param("up", False, marks=pytest.mark.slow),
    ],
)
def test_a_barrier_touched_at_a_date_is_hedged_exactly(side, knock_in):
    barrier, spots = TOUCHING[side]
    down = side == "down"
    claim = BarrierOption(100.0, barrier, EXPIRY, call=down, up=not down, knock_in=knock_in)
    own, other = (Call, Put) if down else (Put, Call)
    options = [
        own(strike=100.0, maturity=EXPIRY),
        other(strike=barrier**2 / 100.0, maturity=EXPIRY),
    ]
    market = listed_market(MODEL, options)
    ledger, first = hedged(PutCallSymmetry(claim, market), jnp.asarray(spots), price_of(claim))
    np.testing.assert_allclose(ledger.pnl, 0.0, atol=1e-10)
    assert float(jnp.max(ledger.payoff)) > 10.0
    # What is paid for the options is the formula's price of the claim; nothing is traded before
    # the hit, nor after it.
    cost = np.asarray(ledger.trades[:, 0]) @ np.asarray(first)
    np.testing.assert_allclose(cost, ledger.premium, atol=1e-10)
    trades = np.abs(np.asarray(ledger.trades)).sum(-1)
    np.testing.assert_array_equal(trades[0, [1, 2, 4, 5, 6, 7]], 0.0)
    np.testing.assert_array_equal(trades[1:, 1:-1], 0.0)


def test_a_jump_over_the_barrier_is_not_hedged():
    barrier, spots = TOUCHING["down"]
    claim = BarrierOption(100.0, barrier, EXPIRY, call=True, up=False, knock_in=False)
    options = [Call(strike=100.0, maturity=EXPIRY), Put(strike=81.0, maturity=EXPIRY)]
    market = listed_market(MODEL, options)
    jumped = np.asarray(spots)
    jumped[:, 3:] = 80.0
    ledger, _ = hedged(PutCallSymmetry(claim, market), jnp.asarray(jumped), price_of(claim))

    @jax.jit
    def left():
        formula = BlackScholesFormula(vol=0.3, rate=0.03, dividend=0.03)
        now = dataclasses.replace(MODEL.start(), time=TIMES[3], prices=jnp.asarray([80.0]))
        call, put = (formula.price(x, now) for x in options)
        return jnp.exp(-0.03 * TIMES[3]) * (call - 100.0 / 90.0 * put)

    np.testing.assert_allclose(ledger.pnl, left(), rtol=1e-10)
    assert float(left()) < -3.0


@pytest.mark.slow
def test_symmetry_holds_under_heston_without_correlation_alone():
    model = dataclasses.replace(
        Heston.example(), spot=jnp.asarray(90.0), rate=jnp.asarray(0.0), dividend=jnp.asarray(0.0)
    )

    @jax.jit
    def gap(correlation):
        given = dataclasses.replace(model, correlation=correlation)
        pricer, now = Lewis(given), given.start()
        call = pricer.price(Call(strike=100.0, maturity=EXPIRY), now)
        return call - 100.0 / 90.0 * pricer.price(Put(strike=81.0, maturity=EXPIRY), now)

    correlation = model.correlation
    np.testing.assert_allclose(gap(0.0 * correlation), 0.0, atol=1e-9)
    # With a skew the mirrored puts cost more than the call at the barrier: the seller loses.
    assert float(gap(-0.7 + 0.0 * correlation)) < -0.5


@pytest.mark.slow
def test_a_calendar_strip_is_worth_nothing_at_the_barrier_at_its_dates():
    claim = BarrierOption(100.0, 120.0, EXPIRY, call=True, up=True, knock_in=False)
    rungs = [Call(strike=120.0, maturity=t) for t in (0.125, 0.25, 0.375, EXPIRY)]
    market = listed_market(MODEL, [*rungs, Call(strike=100.0, maturity=EXPIRY)])
    policy = CalendarStrip(claim, market, ladder=(0, 1, 2, 3))
    spots = [
        [100.0, 110.0, 120.0, 130.0, 140.0, 120.0, 100.0, 120.0, 140.0],
        [100.0, 105.0, 115.0, 119.0, 120.0, 130.0, 140.0, 120.0, 100.0],
        [100.0, 105.0, 110.0, 115.0, 119.0, 118.0, 120.0, 125.0, 130.0],
        [100.0, 105.0, 110.0, 115.0, 119.0, 118.0, 110.0, 112.0, 115.0],
        [100.0, 105.0, 110.0, 119.0, 110.0, 100.0, 95.0, 90.0, 95.0],
        [100.0, 105.0, 110.0, 120.0, 119.0, 118.0, 110.0, 112.0, 115.0],
    ]
    ledger, first = hedged(policy, jnp.asarray(spots), jnp.asarray(0.0))
    cost = np.asarray(ledger.trades[0, 0]) @ np.asarray(first)
    # A hit at a date of the strip, or never: the P&L is the cost of the strip, whatever the path.
    np.testing.assert_allclose(ledger.pnl[:5], -cost, rtol=1e-10)
    between = float(ledger.pnl[5] + cost)
    assert 1e-3 < abs(between) < 0.5
    # Watched at four dates it is worth more than the claim watched at all times, and less than
    # the claim watched at four dates alone.
    shifted = shifted_barrier(claim.barrier, vol=MODEL.vol[0], dt=TIMES[2], up=True)
    rarely = price_of(dataclasses.replace(claim, barrier=shifted))
    assert float(price_of(claim)) < float(cost) < float(rarely)


def strip(width, number):
    """Puts from 100 down and calls from 100 up, `number` of each, over `width` on either side."""
    steps = np.linspace(0.0, width, number)
    puts = [Put(strike=100.0 - x, maturity=EXPIRY) for x in steps]
    calls = [Call(strike=100.0 + x, maturity=EXPIRY) for x in steps]
    market = listed_market(MODEL, [*puts, *calls])
    claim = VarianceSwap(strike=0.09, maturity=EXPIRY, notional=100.0)
    return VarianceStrip(claim, market, rate=0.03, dividend=0.03)


@pytest.mark.slow
def test_a_variance_swap_is_missed_by_cubes_of_returns_and_gaps_of_strikes():
    policy = strip(50.0, 3)
    spots = np.asarray(
        [
            [100.0, 95.0, 104.0, 99.0, 103.0, 91.0, 96.0, 92.0, 100.0],  # ends on a strike
            [100.0, 105.0, 80.0, 85.0, 99.0, 120.0, 111.0, 118.0, 125.0],
            [100.0, 70.0, 60.0, 55.0, 54.0, 50.0, 40.0, 35.0, 30.0],  # and beyond the last one
        ]
    )
    ledger, first = hedged(policy, jnp.asarray(spots), jnp.asarray(0.0))
    scale, growth = 100.0 / EXPIRY, np.exp(0.03 * EXPIRY)
    x = np.diff(np.log(spots), axis=1)
    missed = scale * np.sum(2.0 * (np.expm1(x) - x) - x**2, axis=1)
    final, f = spots[:, -1], lambda s: 2.0 * scale * (s / 100.0 - 1.0 - np.log(s / 100.0))
    tangent = f(50.0) + 2.0 * scale * (1.0 / 100.0 - 1.0 / 50.0) * (30.0 - 50.0)
    short = np.asarray([0.0, 0.0, tangent - f(final[2])])
    cost = np.asarray(ledger.trades[0, 0, 1:]) @ np.asarray(first[1:])
    expected = (missed + short + 100.0 * 0.09) / growth - cost
    np.testing.assert_allclose(ledger.pnl, expected, rtol=1e-10)
    # A fall of 30 % in a day costs the seller a third of its cube; one beyond the strikes, more.
    assert missed[2] < 0.0
    assert short[2] < -20.0


@pytest.mark.slow
def test_the_strip_is_exact_at_its_strikes_and_its_error_shrinks_with_their_square():
    spots = np.linspace(60.0, 140.0, 641)
    f = 200.0 / EXPIRY * (spots / 100.0 - 1.0 - np.log(spots / 100.0))
    worst = []
    for number in (5, 9):
        policy = strip(40.0, number)
        held = [x.claim for x in policy.market.instruments if isinstance(x, Held)]
        claims = [c for c in held if isinstance(c, Call | Put)]
        signs = np.asarray([1.0 if isinstance(c, Call) else -1.0 for c in claims])[:, None]
        strikes = np.asarray([float(c.strike) for c in claims])[:, None]
        paid = np.asarray(eqx.filter_jit(policy.units)()) @ np.maximum(
            signs * (spots[None, :] - strikes), 0.0
        )
        np.testing.assert_allclose((paid - f)[:: 320 // (number - 1)], 0.0, atol=1e-10)
        assert np.all(paid - f > -1e-10)
        worst.append(np.max(paid - f))
    orders = np.log2(np.asarray(worst[:-1]) / np.asarray(worst[1:]))
    np.testing.assert_allclose(orders, 2.0, atol=0.15)


def test_claims_and_markets_that_do_not_fit_are_refused():
    market = listed_market(MODEL, [Call(strike=100.0, maturity=EXPIRY)])
    up = BarrierOption(100.0, 120.0, EXPIRY, call=True, up=True, knock_in=False)
    with pytest.raises(ValueError, match="use `CalendarStrip"):
        PutCallSymmetry(up, market)
    down = BarrierOption(100.0, 90.0, EXPIRY, call=True, up=False, knock_in=False)
    with pytest.raises(ValueError, match="must list a Put on asset 0"):
        PutCallSymmetry(down, market)
    with pytest.raises(ValueError, match="must have no rebate"):
        PutCallSymmetry(dataclasses.replace(down, rebate=1.0), market)
    with pytest.raises(ValueError, match="`ladder` must name Calls"):
        CalendarStrip(up, market, ladder=(1,))
    swap = VarianceSwap(strike=0.09, maturity=EXPIRY)
    with pytest.raises(ValueError, match="a put and a call of one strike"):
        VarianceStrip(
            swap, listed_market(MODEL, [*market.instruments, Put(strike=90.0, maturity=EXPIRY)])
        )
