"""Greeks of the risk of a hedge, against common random numbers, closed forms and repetition."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import Call, ExchangeOption
from deephedge.costs import NoCost, ProportionalCost
from deephedge.markets import BlackScholes
from deephedge.numerics.draws import antithetic
from deephedge.policies import (
    DeltaBand,
    NoHedge,
    NoTransactionBand,
    StaticHedge,
    WhalleyWilmott,
)
from deephedge.pricing import BlackScholesFormula, MargrabeFormula, sensitivity
from deephedge.risk import Entropic, ExpectedShortfall
from deephedge.rollout import (
    HedgingProblem,
    pnl_only,
    risk_sensitivities,
    sample,
    time_grid,
)
from deephedge.training import train

MATURITY = 30 / 365
CLAIM = Call(strike=100.0, maturity=MATURITY)
FORMULA = BlackScholesFormula(vol=0.2)


def reference_problem(n_steps=30):
    """That of the reference problem of the experiments."""
    market = BlackScholes(spot=100.0, vol=0.2)
    return HedgingProblem(
        market, CLAIM, ProportionalCost(0.001), time_grid(MATURITY, n_steps), close_out=False
    )


def band(problem, base):
    return NoTransactionBand.create(
        problem.market, CLAIM, problem.times, base=base, width=8, depth=2, key=jax.random.key(0)
    )


def market_vol(problem):
    """One function for all calls: another one would compile anew."""
    return problem.market.vol


def by_differences(problem, policy, risk, n_paths, where, h):
    """Central differences of the risk on the same draws."""

    def value(step):
        moved = eqx.tree_at(where, problem, replace_fn=lambda x: x + step)
        return risk(sample(moved, policy, n_paths, key=jax.random.key(5), keep=pnl_only))

    return float(value(h) - value(-h)) / (2.0 * h)


@pytest.mark.slow
def test_of_a_trained_band_in_the_reference_problem():
    problem, risk = reference_problem(), Entropic(aversion=1.0)
    policy = train(
        problem,
        band(problem, WhalleyWilmott(CLAIM, FORMULA, cost_rate=0.001, aversion=1.0)),
        risk,
        key=jax.random.key(1),
        n_steps=40,
        n_paths=1024,
        validation_paths=4096,
        validate_every=40,
    ).policy
    found = risk_sensitivities(problem, policy, risk, 20_000, key=jax.random.key(5))
    (market, cost), (market_error, cost_error) = found.slopes, found.errors
    for where, slope, error, h in (
        (lambda p: p.market.vol, market.vol[0], market_error.vol[0], 1e-6),
        (lambda p: p.market.spot, market.spot[0], market_error.spot[0], 1e-5),
        (lambda p: p.cost.rate, cost.rate[0], cost_error.rate[0], 1e-7),
    ):
        difference = by_differences(problem, policy, risk, 20_000, where, h)
        np.testing.assert_allclose(slope, difference, rtol=2e-4)
        assert 0.0 < float(error) < 0.1 * abs(float(slope))
    # A wrong vol costs about the vega of the claim, a dearer trade what is turned over.
    assert float(market.vol[0]) > 8.0
    assert float(cost.rate[0]) > 50.0


@pytest.mark.slow
def test_of_an_untrained_band_with_few_steps():
    problem, risk = reference_problem(5), Entropic(aversion=1.0)
    policy = band(problem, DeltaBand(CLAIM, FORMULA, half_width=0.05))
    found = risk_sensitivities(problem, policy, risk, 2000, key=jax.random.key(5))
    market, cost = found.slopes
    difference = by_differences(problem, policy, risk, 2000, lambda p: p.market.vol, 1e-6)
    np.testing.assert_allclose(market.vol[0], difference, rtol=1e-4)
    difference = by_differences(problem, policy, risk, 2000, lambda p: p.cost.rate, 1e-7)
    np.testing.assert_allclose(cost.rate[0], difference, rtol=1e-4)


@pytest.mark.slow
def test_without_a_hedge_the_mean_loss_has_the_greeks_of_the_claim():
    # Entropic risk of hardly any aversion is the mean loss: without interest, the price.
    market = BlackScholes(spot=100.0, vol=0.2)
    problem = HedgingProblem(market, CLAIM, NoCost(), time_grid(MATURITY, 1), close_out=False)
    found = risk_sensitivities(
        problem,
        NoHedge(),
        Entropic(aversion=1e-7),
        40_000,
        key=jax.random.key(2),
        where=lambda p: (p.market.vol, p.market.spot, p.claim.strike),
        draws=antithetic,
    )
    pricer, now = BlackScholesFormula(vol=0.2), market.start()
    delta = sensitivity(pricer, CLAIM, now, "spot")
    by_strike = jax.grad(lambda k: pricer.price(dataclasses.replace(CLAIM, strike=k), now))
    exact = (sensitivity(pricer, CLAIM, now, "vol"), delta, by_strike(CLAIM.strike))
    bounds = (0.1, 5e-3, 5e-3)
    for slope, error, truth, bound in zip(found.slopes, found.errors, exact, bounds, strict=True):
        slope, error = float(jnp.squeeze(slope)), float(jnp.squeeze(error))
        assert error < bound
        assert abs(slope - float(truth)) < 4.0 * error


@pytest.mark.slow
def test_by_the_correlation_of_two_assets():
    market = BlackScholes(spot=[100.0, 95.0], vol=[0.3, 0.2], correlation=[[1.0, 0.4], [0.4, 1.0]])
    claim = ExchangeOption(maturity=0.5)
    problem = HedgingProblem(market, claim, NoCost(), time_grid(0.5, 1), close_out=False)
    found = risk_sensitivities(
        problem,
        StaticHedge(units=[0.5, -0.5]),
        Entropic(aversion=1e-7),
        40_000,
        key=jax.random.key(3),
        where=lambda p: p.market.correlation,
    )

    def price(rho):
        pricer = MargrabeFormula(vol=[0.3, 0.2], correlation=[[1.0, rho], [rho, 1.0]])
        return float(pricer.price(claim, market.start()))

    exact = (price(0.4 + 1e-5) - price(0.4 - 1e-5)) / 2e-5
    np.testing.assert_allclose(found.slopes[0, 1], found.slopes[1, 0], rtol=1e-9)
    # The two estimates are one, so their errors add up.
    slope, error = 2.0 * float(found.slopes[0, 1]), 2.0 * float(found.errors[0, 1])
    assert error < 0.1
    assert abs(slope - exact) < 4.0 * error


# A static hedge leaves a deviation of 1.7: at aversion 1 a few paths of 2000 would carry the risk,
# and no standard error could be trusted.
@pytest.mark.parametrize("risk", [Entropic(aversion=0.2), ExpectedShortfall(tail=0.1)])
@pytest.mark.slow
def test_the_standard_error_is_the_spread_of_repeated_estimates(risk):
    problem, policy = reference_problem(2), StaticHedge(units=[0.5])

    def one(key):
        found = risk_sensitivities(problem, policy, risk, 2000, key=key, where=market_vol)
        return float(found.slopes[0]), float(found.errors[0])

    repeats = np.array([one(key) for key in jax.random.split(jax.random.key(4), 60)])
    # The spread of 60 repeats is itself known to 9 %.
    ratio = repeats[:, 0].std(ddof=1) / repeats[:, 1].mean()
    assert 0.7 < ratio < 1.4, ratio


def test_no_paths_are_refused():
    with pytest.raises(ValueError, match="`n_paths` must be at least 1, got 0"):
        risk_sensitivities(reference_problem(2), NoHedge(), Entropic(1.0), 0, key=jax.random.key(0))
