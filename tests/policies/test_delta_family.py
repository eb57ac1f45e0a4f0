"""Deltas that know of a moving volatility, and the hedge found by regression."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import Call, Put
from deephedge.costs import NoCost
from deephedge.markets import SABR, BlackScholes, Heston, simulate
from deephedge.policies import (
    BartlettDelta,
    DeltaHedge,
    HullWhiteDelta,
    LocalQuadratic,
    MinimumVarianceDelta,
    PractitionerDelta,
    model_delta,
)
from deephedge.pricing import (
    BlackScholesFormula,
    Fourier,
    HaganFormula,
    ListedModel,
    QuotedBlackScholes,
)
from deephedge.rollout import HedgingProblem, pnl_only, sample, time_grid

MATURITY = 0.25
CALL = Call(strike=102.0, maturity=MATURITY)
SABR_MARKET = SABR(spot=100.0, alpha=1.2, exponent=0.6, vol_of_vol=0.7, correlation=-0.5)


def heston(correlation):
    return Heston(
        spot=100.0,
        variance=0.04,
        mean_reversion=3.0,
        long_variance=0.04,
        vol_of_variance=0.5,
        correlation=correlation,
    )


@pytest.mark.slow
def test_practitioners_delta_is_black_scholes_at_the_volatility_traded():
    model = heston(-0.7)
    now = model.start()
    formula = BlackScholesFormula(vol=0.23, rate=0.02, dividend=0.01)
    quoted = dataclasses.replace(now, factors=jnp.array([0.23]))

    @jax.jit
    def both():
        found, expected = [], []
        for claim in (CALL, Put(strike=95.0, maturity=MATURITY)):
            # Of a pricer with a volatility, of a quote in a factor, and of a mere price.
            own = PractitionerDelta(claim, formula, rate=0.02, dividend=0.01).observe(now)
            quote = QuotedBlackScholes(rate=0.02, dividend=0.01)
            seen = PractitionerDelta(claim, quote, rate=0.02, dividend=0.01).observe(quoted)
            expected += [model_delta(formula, claim, now)] * 2
            found += [own, seen]
            fourier = Fourier(model)
            found.append(PractitionerDelta(claim, fourier).observe(now))
            price = fourier.price(claim, now)

            def halve(_, ends, claim=claim, price=price):
                low, high = ends
                middle = 0.5 * (low + high)
                dear = BlackScholesFormula(vol=middle).price(claim, now) > price
                return jnp.where(dear, low, middle), jnp.where(dear, middle, high)

            vol, _ = jax.lax.fori_loop(0, 60, halve, (jnp.asarray(0.1), jnp.asarray(0.4)))
            expected.append(model_delta(BlackScholesFormula(vol=vol), claim, now))
        return found, expected

    found, expected = both()
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.slow
def test_bartletts_delta_is_the_slope_along_the_expected_move_of_alpha():
    model, pricer = SABR_MARKET, HaganFormula(SABR_MARKET)
    now = model.start()
    step = 1e-3
    slope = model.correlation * model.vol_of_vol / 100.0**0.6

    def along(s):
        moved = dataclasses.replace(now, prices=now.prices + s, factors=now.factors + slope * s)
        return float(pricer.price(CALL, moved))

    expected = (along(step) - along(-step)) / (2 * step)
    policy = BartlettDelta.under(model, CALL)
    assert float(policy.observe(now)[0]) == pytest.approx(expected, abs=1e-8)
    assert expected < float(model_delta(pricer, CALL, now)[0])


def observed(policies, pricer, paths):
    """Errors of each policy over each step, V - V_before - delta (S - S_before)."""

    @jax.jit
    def run(paths):
        def one(now):
            deltas = [policy.observe(now)[0] for policy in policies]
            return pricer.price(CALL, now), now.prices[0], jnp.stack(deltas)

        return jax.lax.map(jax.vmap(one), paths.snapshots())

    value, spot, deltas = (np.asarray(x) for x in run(paths))
    return np.diff(value)[..., None] - deltas[:, :-1] * np.diff(spot)[..., None]


def gains(correlation, n_paths=150):
    """Hull and White's gain of their delta and of the model's own, and its standard error."""
    model = heston(correlation)
    pricer = Fourier(model, n_terms=96)
    times = time_grid(MATURITY, 63)[:50]
    past, fresh = (
        simulate(model, times, n_paths, key=key) for key in jax.random.split(jax.random.key(3))
    )
    fitted = HullWhiteDelta.fit(CALL, pricer, past)
    policies = [
        PractitionerDelta(CALL, pricer),
        fitted,
        MinimumVarianceDelta(CALL, pricer, model),
        DeltaHedge(CALL, pricer),
    ]
    squares = np.sum(observed(policies, pricer, fresh) ** 2, axis=1)
    base = squares[:, 0].sum()
    found = 1.0 - squares[:, 1:].sum(axis=0) / base
    influence = (squares[:, 1:] - (1.0 - found) * squares[:, :1]) / squares[:, 0].mean()
    return fitted, found, influence.std(axis=0) / math.sqrt(n_paths)


@pytest.mark.slow
def test_hull_and_whites_gain_is_positive_with_leverage():
    fitted, (gain, best, plain), (error, _, _) = gains(-0.7)
    assert error < 0.03
    assert gain > 4 * error
    # Near the best there is, rho^2 of what the volatility adds, and far above the model's delta,
    # which takes the skew for a move the other way.
    assert gain == pytest.approx(best, abs=0.04)
    assert plain < -4 * error
    # As in the paper, volatility falls when the price rises.
    delta = 0.5
    slope = float(fitted.level + fitted.linear * delta + fitted.quadratic * delta**2)
    assert slope < -0.1


@pytest.mark.slow
def test_hull_and_whites_gain_is_nothing_without_leverage():
    _, (gain, best, _), (error, best_error, _) = gains(0.0)
    assert error < 0.01
    assert abs(gain) < 4 * error
    assert abs(best) < 4 * best_error
    assert best_error < 0.01


def pnl(market, policy, n_steps, n_paths=4000):
    problem = HedgingProblem(market, CALL, NoCost(), time_grid(MATURITY, n_steps), close_out=False)
    return np.asarray(sample(problem, policy, n_paths, key=jax.random.key(9), keep=pnl_only))


@pytest.mark.slow
def test_local_quadratic_hedging_is_delta_hedging_in_a_complete_market():
    market = BlackScholes(spot=100.0, vol=0.2, rate=0.02)
    formula = BlackScholesFormula(vol=0.2, rate=0.02)
    n_steps = 12
    policy = LocalQuadratic.create(
        market, CALL, time_grid(MATURITY, n_steps), n_paths=8192, key=jax.random.key(1)
    )
    price = float(formula.price(CALL, market.start()))
    # The regression removes nearly all of the noise of 8192 payoffs (0.065).
    assert float(policy.price) == pytest.approx(price, abs=0.05)
    regression, delta = (pnl(market, p, n_steps) for p in (policy, DeltaHedge(CALL, formula)))
    assert regression.std() < 1.05 * delta.std()


@pytest.mark.slow
def test_local_quadratic_hedging_beats_the_models_delta_with_leverage():
    market, n_steps = heston(-0.7), 24
    policy = LocalQuadratic.create(
        market, CALL, time_grid(MATURITY, n_steps), n_paths=16384, key=jax.random.key(1)
    )
    pricer = Fourier(market, n_terms=96)
    regression, delta, best = (
        pnl(market, p, n_steps).std()
        for p in (
            policy,
            DeltaHedge(CALL, pricer),
            MinimumVarianceDelta(CALL, pricer, market),
        )
    )
    assert regression < 0.9 * delta
    assert regression < 1.05 * best


def listed_twice(n_paths, n_steps, ridge=1e-3):
    """Black and Scholes' market with an option that is listed twice, and the hedge fitted to it."""
    option = Put(strike=97.0, maturity=2.0 * MATURITY)
    market = ListedModel(BlackScholes(spot=100.0, vol=0.2), (option, option))
    times = time_grid(MATURITY, n_steps)
    made = {"degree": 2, "n_paths": n_paths, "ridge": ridge, "key": jax.random.key(4)}
    return market, LocalQuadratic.create(market, CALL, times, **made)


@pytest.mark.slow
def test_two_listings_of_one_option_are_held_in_equal_parts():
    _, policy = listed_twice(256, 2)
    assert policy.means.shape == (2, 1)  # the stock alone tells all prices
    scale = np.max(np.abs(policy.hedges))
    assert 0.0 < scale < 10.0
    np.testing.assert_allclose(policy.hedges[:, 1], policy.hedges[:, 2], atol=1e-9 * scale)


@pytest.mark.slow
def test_listed_options_take_gamma_out_of_a_local_quadratic_hedge():
    """Without a ridge the two listings, and an option beside the stock, make it singular."""
    market, policy = listed_twice(8192, 12)
    formula = BlackScholesFormula(vol=0.2)
    left = pnl(market, policy, 12).std()
    assert left < 0.5 * pnl(market.market, DeltaHedge(CALL, formula), 12).std()
    path = simulate(market, time_grid(MATURITY, 12), 64, key=jax.random.key(5))
    held = jax.vmap(lambda p: jax.vmap(policy.observe)(p.snapshots())[:-1])(path)
    assert np.max(np.abs(held)) < 10.0


@pytest.mark.parametrize("ridge", [0.0, -1.0, math.nan])
def test_a_regression_needs_a_ridge(ridge):
    with pytest.raises(ValueError, match="`ridge` must be positive"):
        listed_twice(16, 1, ridge)
