"""Variance-optimal hedging against closed formulas, and the policy against what it promises."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.signal import fftconvolve
from scipy.stats import norm

from deephedge.claims import Call, Forward, Put
from deephedge.costs import NoCost
from deephedge.markets import BlackScholes, Heston, HestonEuler, Kou, Merton, VarianceGamma
from deephedge.optimum import mean_variance, quadratic_hedge
from deephedge.optimum.quadratic_solver import solve
from deephedge.policies import LocalQuadratic
from deephedge.pricing import pricer_for
from deephedge.rollout import HedgingProblem, pnl_only, sample, time_grid

STRIKE, MATURITY = 105.0, 0.5
CALL = Call(strike=STRIKE, maturity=MATURITY)
DRIFTING = BlackScholes(spot=100.0, vol=0.2, rate=0.03, dividend=0.01, drift=0.1)
JUMPING = dataclasses.replace(Kou.example(), drift=0.1)
MARKETS = {
    "drifting": DRIFTING,
    "jumping": JUMPING,
    # Without dividends and at the rate of interest: compiled as the one above.
    "martingale": dataclasses.replace(JUMPING, drift=JUMPING.rate - JUMPING.dividend),
}


def hedge_of(market, claim=CALL, n_steps=4, n_points=1024):
    return quadratic_hedge(market, claim, time_grid(MATURITY, n_steps), n_points=n_points)


@functools.cache
def solved(name):
    return hedge_of(MARKETS[name])


def one_step_moments():
    """E[H R^j] and E[H^2] of a call's discounted payoff over one normal step, R = X'/X."""
    vol, rate = 0.2 * np.sqrt(MATURITY), 0.03
    discount, shares = np.exp(-rate * MATURITY), np.exp(0.01 * MATURITY)
    growth = (0.1 - 0.03 + 0.01) * MATURITY
    edge = np.log(STRIKE * discount * shares / 100.0)

    def above(power):
        """E[R^power 1{S > K}]."""
        mean = growth - 0.5 * vol**2
        whole = np.exp(power * mean + 0.5 * (power * vol) ** 2)
        return whole * norm.cdf((mean + power * vol**2 - edge) / vol)

    share, cash = 100.0 / shares, STRIKE * discount
    payoff = [share * above(j + 1) - cash * above(j) for j in (0, 1)]
    squared = share**2 * above(2) - 2.0 * share * cash * above(1) + cash**2 * above(0)
    return payoff, squared, [1.0, np.exp(growth), np.exp(2.0 * growth + vol**2)]


def test_one_step_is_the_regression_of_the_payoff_on_the_price():
    (h0, h1), hh, (_, r1, r2) = one_step_moments()
    slope = (h1 - h0 * r1) / (r2 - r1**2)
    found = solve(DRIFTING, CALL, time_grid(MATURITY, 1), n_points=1024, n_factors=1)
    capital = h0 - slope * (r1 - 1.0)
    np.testing.assert_allclose(found.capital, capital, rtol=1e-9)
    squared = hh - h0**2 - slope**2 * (r2 - r1**2)
    np.testing.assert_allclose(found.squared_error, squared, rtol=1e-6)
    np.testing.assert_allclose(found.opportunity, 1 - (r1 - 1) ** 2 / (r2 - 2 * r1 + 1), rtol=1e-12)
    value, held, _ = found.tables.read(DRIFTING.start())
    np.testing.assert_allclose(held, slope / 100.0, rtol=1e-9)
    np.testing.assert_allclose(value, capital, rtol=1e-9)


def printed_formulas(market, n_steps):
    """Capital and error by Hubalek, Kallsen and Krawczyk's sums over pairs of powers y, z."""
    dt, spacing = MATURITY / n_steps, 0.125
    z = 0.5 + 1j * np.arange(-1000.0, 1000.0 + 1e-9, spacing)
    both = 1.0 + 1j * np.arange(-2000.0, 2000.0 + 1e-9, spacing)
    excess = float(market.drift - market.rate + market.dividend) * dt

    def m(z):
        found = market.log_characteristic(jnp.asarray(-1j * z), jnp.asarray(dt), jnp.zeros(0))
        return np.exp(np.asarray(found) + z * excess)

    m1, m2 = m(np.array([1.0 + 0j, 2.0 + 0j])).real
    square = m2 - 2.0 * m1 + 1.0
    tilt, least = (m1 - 1.0) / square, 1.0 - (m1 - 1.0) ** 2 / square
    mz, gain, total = m(z), m(z + 1.0) - m(z), m(both)
    h = (mz - tilt * gain) / least
    g = (gain - h * (m1 - 1.0)) / square
    # The call is the share less the smaller of share and strike, whose weights these are.
    strike = STRIKE * np.exp(-float(market.rate) * MATURITY)
    share = 100.0 * np.exp(-float(market.dividend) * MATURITY)
    weights = strike ** (1.0 - z) / (z * (1.0 - z)) * share**z * spacing / (2.0 * np.pi)
    squared = 0.0
    for k in range(n_steps):
        p = weights * h ** (n_steps - 1 - k)
        # Sums over all pairs with the same y + z are convolutions.
        pairs = total * fftconvolve(p, p)
        pairs -= fftconvolve(p * mz, p * h) + fftconvolve(p * gain, p * g)
        squared += least ** (n_steps - 1 - k) * np.sum(total**k * pairs).real
    return share - np.sum(weights * h**n_steps).real, squared


@pytest.mark.slow
def test_independent_returns_agree_with_the_printed_sums():
    capital, squared = printed_formulas(JUMPING, 4)
    found = solved("jumping")
    np.testing.assert_allclose(found.capital, capital, rtol=1e-7)
    np.testing.assert_allclose(found.squared_error, squared, rtol=2e-5)
    assert found.squared_error_uncertainty < 1e-4 * found.squared_error


@pytest.mark.slow
def test_without_a_drift_the_capital_is_the_price_and_the_hedge_forgets_its_wealth():
    market = MARKETS["martingale"]
    found = solved("martingale")
    price = pricer_for(market, CALL).price(CALL, market.start())
    np.testing.assert_allclose(found.capital, price, rtol=1e-6)
    np.testing.assert_allclose(found.opportunity, 1.0, rtol=1e-12)
    assert np.max(np.abs(found.policy.tables.feedback)) < 1e-12


def test_what_is_static_costs_no_error():
    call = solved("jumping")
    put = hedge_of(JUMPING, Put(strike=STRIKE, maturity=MATURITY))
    np.testing.assert_allclose(put.squared_error, call.squared_error, rtol=1e-10)
    forward = hedge_of(JUMPING, Forward(strike=STRIKE, maturity=MATURITY))
    np.testing.assert_allclose(call.capital - put.capital, forward.capital, rtol=1e-10)
    assert abs(float(forward.squared_error)) < 1e-12


def sampled(policy, premium):
    problem = HedgingProblem(
        JUMPING, CALL, NoCost(), time_grid(MATURITY, 4), premium=premium, close_out=False
    )
    return np.asarray(sample(problem, policy, 16_384, key=jax.random.key(0), keep=pnl_only))


def test_from_any_wealth_the_policy_attains_the_stated_error():
    found = solved("jumping")
    capital = found.capital + 6.0
    pnl = sampled(found.policy, capital)
    error = np.std(pnl**2) / 128.0
    stated = found.squared_error_from(capital)
    assert error < 0.03 * stated
    assert abs(np.mean(pnl**2) - stated) < 4.0 * error


def test_the_least_mean_variance_risk_is_attained_and_another_bet_is_worse():
    aversion, premium = 0.3, jnp.asarray(4.0)
    found = mean_variance(solved("jumping"), jnp.asarray(aversion), premium)
    assert found.variance > solved("jumping").squared_error
    pnl = sampled(found.policy, premium)
    centred = pnl - np.mean(pnl)
    influence = -pnl + 0.5 * aversion * centred**2
    risk = -np.mean(pnl) + 0.5 * aversion * np.var(pnl)
    error = np.std(influence) / 128.0
    assert error < 0.02 * float(found.risk)
    assert abs(risk + 4.0 - found.risk) < 4.0 * error
    least = solved("jumping")
    capital, worse = float(least.capital), []
    for bet in (0.5, 2.0):
        # The hedge from another pretended capital c: mean and mean square are known.
        c = capital - bet / (aversion * float(least.opportunity))
        mean = float(least.opportunity) * (c - capital) - c
        square = float(least.squared_error_from(jnp.asarray(c))) - (mean + c) ** 2
        worse.append(-mean + 0.5 * aversion * square)
    assert min(worse) > found.risk


@pytest.mark.slow
def test_steady_variance_is_black_and_scholes():
    market = Heston(
        spot=100.0, variance=0.04, mean_reversion=1.0, long_variance=0.04,
        vol_of_variance=1e-3, correlation=0.0, rate=0.03, dividend=0.01, drift=0.1,
    )  # fmt: skip
    found = solve(market, CALL, time_grid(MATURITY, 4), n_points=512, n_factors=8)
    wanted = solved("drifting")
    np.testing.assert_allclose(found.capital, wanted.capital, rtol=1e-5)
    np.testing.assert_allclose(found.squared_error, wanted.squared_error, rtol=3e-4)
    np.testing.assert_allclose(found.opportunity, wanted.opportunity, rtol=1e-5)


def test_what_it_cannot_solve_is_refused_with_the_cure():
    times = time_grid(MATURITY, 4)
    with pytest.raises(ValueError, match="time_grid"):
        quadratic_hedge(DRIFTING, CALL, times**2 * 2.0)
    with pytest.raises(ValueError, match="n_points=128"):
        quadratic_hedge(DRIFTING, CALL, times, n_points=100)
    wild = dataclasses.replace(JUMPING, up_size=0.7)
    with pytest.raises(ValueError, match="second moment"):
        quadratic_hedge(wild, CALL, times, n_points=128)
    with pytest.raises(TypeError, match="LocalQuadratic"):
        quadratic_hedge(BlackScholes(spot=[1.0, 2.0], vol=[0.1, 0.2]), CALL, times)


@pytest.mark.slow
def test_often_rebalanced_the_error_is_that_of_gamma():
    """The first order in the step: half of dt times the mean of (vol^2 S^2 gamma)^2 over time.

    Reference: Bertsimas, Kogan and Lo (2000), When is time continuous.
    """
    vol, spot = 0.2, 100.0
    market = BlackScholes(spot=spot, vol=vol)
    # Time left is MATURITY u^2: gamma's mean square grows like one over its root.
    u, weight = np.polynomial.legendre.leggauss(200)
    u, weight = 0.5 * (1.0 + u), 0.5 * weight
    rest, past = (vol**2 * MATURITY * x for x in (u**2, 1.0 - u**2))
    # E[(S^2 gamma)^2] of a lognormal price: the normal densities of two squares and a power.
    k = np.log(STRIKE / spot)
    near = norm.pdf(k - 0.5 * rest - 1.5 * past, scale=np.sqrt(past + 0.5 * rest))
    inside = spot**2 * np.exp(past) * near / (2.0 * np.sqrt(np.pi * rest))
    limit = 0.5 * vol**4 * np.sum(weight * 2.0 * MATURITY * u * inside)
    missing = [
        1.0 - float(hedge_of(market, n_steps=n, n_points=2048).squared_error) * n / MATURITY / limit
        for n in (50, 200)
    ]
    # The kink at maturity makes the rest of order one half: twice less at a quarter of the step.
    assert 1.8 < missing[0] / missing[1] < 2.2
    assert abs(2.0 * missing[1] - missing[0]) < 5e-3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("market", "n_paths"),
    [
        # The squares of losses from jumps have heavy tails.
        pytest.param(Merton.example(), 2**19, id="Merton"),
        pytest.param(VarianceGamma.example(), 2**16, id="VarianceGamma"),
        pytest.param(Heston.example(), 2**16, id="Heston"),
        pytest.param(HestonEuler.example(), 2**16, id="HestonEuler"),
    ],
)
def test_the_policy_attains_the_error_in_every_market(market, n_paths):
    market = dataclasses.replace(market, drift=0.08)
    found = hedge_of(market, n_steps=12)
    capital = found.capital - 4.0
    problem = HedgingProblem(
        market, CALL, NoCost(), time_grid(MATURITY, 12), premium=capital, close_out=False
    )
    pnl = np.asarray(sample(problem, found.policy, n_paths, key=jax.random.key(3), keep=pnl_only))
    error = np.std(pnl**2) / np.sqrt(n_paths)
    stated = found.squared_error_from(capital)
    assert error < 0.03 * stated
    assert abs(np.mean(pnl**2) - stated) < 4.0 * error


@pytest.mark.slow
def test_local_regression_finds_the_same_hedge_of_a_martingale():
    market = dataclasses.replace(Heston.example(), drift=None)
    times = time_grid(MATURITY, 6)
    found = hedge_of(market, n_steps=6)
    local = LocalQuadratic.create(
        market, CALL, times, n_paths=65_536, degree=5, key=jax.random.key(1)
    )
    problem = HedgingProblem(market, CALL, NoCost(), times, premium=found.capital, close_out=False)
    key = jax.random.key(2)
    own = np.asarray(sample(problem, found.policy, 65_536, key=key, keep=pnl_only))
    other = np.asarray(sample(problem, local, 65_536, key=key, keep=pnl_only))
    excess = other**2 - own**2
    error = np.std(excess) / 256.0
    assert error < 0.01 * found.squared_error
    assert -4.0 * error < np.mean(excess) < 0.01 * float(found.squared_error) + 4.0 * error
    price = pricer_for(market, CALL).price(CALL, market.start())
    np.testing.assert_allclose(found.capital, price, rtol=2e-3)
