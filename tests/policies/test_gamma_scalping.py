"""Options owned against the stock: what scalps earn, and the volatility that pays for them."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import Call, NoClaim, Put
from deephedge.costs import FixedCost
from deephedge.markets import BlackScholes
from deephedge.policies import GammaScalping
from deephedge.pricing import BlackScholesFormula, Held, Listed
from deephedge.reports import attribute, break_even_vol, scalped_vol, whole_path
from deephedge.rollout import HedgingProblem, rollout, time_grid

IMPLIED, RATE, EXPIRY, N_STEPS, N_PATHS = 0.2, 0.02, 0.25, 21, 4000
PRICER = BlackScholesFormula(vol=IMPLIED, rate=RATE)


def scalping(vol, fee, horizon=EXPIRY):
    """A straddle marked at `IMPLIED`, in a market of volatility `vol`, scalped every date."""
    options = (Held(Call(strike=100.0, maturity=EXPIRY)), Held(Put(strike=100.0, maturity=EXPIRY)))
    market = Listed(BlackScholes(spot=100.0, vol=vol, rate=RATE), options, PRICER)
    times = time_grid(horizon, N_STEPS)
    cost = FixedCost([fee, 0.0, 0.0])
    problem = HedgingProblem(market, NoClaim(maturity=horizon), cost, times, close_out=True)
    return problem, GammaScalping(market)


@eqx.filter_jit
def split(problem, policy, normals):
    def one(normals):
        path = problem.market.path(problem.times, normals)
        ledger = rollout(problem, policy, path)
        parts = whole_path(attribute(problem, ledger, path, PRICER))
        return ledger.pnl, parts, path.prices, ledger.holdings

    return jax.lax.map(one, normals, batch_size=1000)


NORMALS = jnp.asarray(np.random.default_rng(2).normal(size=(N_PATHS, N_STEPS, 1)))


def cdf(x):
    return 0.5 * (1.0 + math.erf(x / math.sqrt(2.0)))


def straddle(vol):
    """Value of the call and the put of the textbook, at the money."""
    deviation = vol * math.sqrt(EXPIRY)
    d1 = RATE * EXPIRY / deviation + deviation / 2
    call = 100 * cdf(d1) - 100 * math.exp(-RATE * EXPIRY) * cdf(d1 - deviation)
    return 2 * call - 100 + 100 * math.exp(-RATE * EXPIRY)


def vol_worth(value):
    low, high = 0.01, 2.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if straddle(middle) < value else (low, middle)
    return (low + high) / 2


@pytest.mark.slow
def test_nothing_is_earned_on_average_at_the_break_even_vol():
    # A fee of 5 cents at each of 22 dates must be paid by the variance above the implied one.
    fees = sum(0.05 * math.exp(-RATE * EXPIRY * k / N_STEPS) for k in range(N_STEPS + 1))
    needed = vol_worth(straddle(IMPLIED) + fees)
    assert needed > IMPLIED + 0.02
    for vol, fee in ((IMPLIED, 0.0), (needed, 0.05)):
        pnl, parts, *_ = split(*scalping(vol, fee), NORMALS)
        error = float(jnp.std(pnl)) / math.sqrt(N_PATHS)
        assert error < 0.03
        assert abs(float(jnp.mean(pnl))) < 4 * error
    # Far in the money delta stands still at 1 in the end: a few paths save a fee or two.
    assert abs(float(jnp.mean(parts.cost)) + fees) < 0.002
    mean = jax.tree.map(jnp.mean, parts)
    # The sum of gammas finds the volatility of the closed form, but for the size of the steps.
    assert abs(float(break_even_vol(mean, IMPLIED)) - needed) < 0.003
    assert abs(float(scalped_vol(mean, IMPLIED)) - needed) < 0.003
    assert float(break_even_vol(mean, IMPLIED, with_cost=False)) == IMPLIED


@pytest.mark.slow
def test_the_stock_held_is_minus_the_delta_and_gamma_explains_the_pnl():
    pnl, parts, prices, holdings = split(*scalping(0.25, 0.02, horizon=0.2), NORMALS)
    tau = EXPIRY - 0.2 / N_STEPS * np.arange(N_STEPS)
    d1 = (np.log(np.asarray(prices)[:, :-1, 0] / 100) + (RATE + IMPLIED**2 / 2) * tau) / (
        IMPLIED * np.sqrt(tau)
    )
    delta = 2 * np.vectorize(cdf)(d1[:50]) - 1
    np.testing.assert_allclose(np.asarray(holdings)[:50, :, 0], -delta, rtol=0, atol=1e-12)
    assert np.all(np.asarray(holdings)[:, :, 1:] == 1.0)
    # The realised less the implied variance, weighted by gamma, less costs, is the P&L.
    earned = parts.gamma + parts.theta + parts.carry + parts.cost
    missed = float(jnp.sqrt(jnp.mean((pnl - earned) ** 2)))
    assert missed < 0.2 * float(jnp.std(pnl))


def test_a_band_needs_to_know_the_cost():
    with pytest.raises(ValueError, match="`cost_rate` must be given"):
        GammaScalping(scalping(0.2, 0.0)[0].market, aversion=1.0)
    with pytest.raises(ValueError, match="one for each of the 2 instruments"):
        GammaScalping(scalping(0.2, 0.0)[0].market, units=[1.0, 2.0, 3.0])
