"""Portfolio insurance against the laws that the literature derives for it."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from deephedge.claims import NoClaim
from deephedge.costs import NoCost, ProportionalCost
from deephedge.markets import BlackScholes, Heston, Kou, Merton
from deephedge.policies import (
    CPPI,
    EWMA,
    TIPP,
    Account,
    GarchFilter,
    KnownVol,
    StopLoss,
    SyntheticPut,
    VolatilityTarget,
)
from deephedge.rollout import HedgingProblem, rollout, sample, time_grid

WEALTH = 1000.0
RATE = 0.03


def problem(market, *, maturity=1.0, n_steps=250, cost=None):
    times = time_grid(maturity, n_steps)
    cost = NoCost() if cost is None else cost
    return HedgingProblem(
        market, NoClaim(maturity), cost, times, premium=WEALTH, close_out=cost is not None
    )


def final_wealth(ledger):
    return ledger.wealth[-1]


def run(market, policy, n_paths, *, keep, seed=3, **terms):
    return np.asarray(
        sample(problem(market, **terms), policy, n_paths, key=jax.random.key(seed), keep=keep)
    )


@jax.jit
def cppi_against_its_formula(zero):
    """Terminal wealth of a CPPI and its limit, on the same prices, at four refinements."""
    vol, m, floor, drift = 0.2, 3.0, 0.8, 0.09
    market = BlackScholes(spot=100.0, vol=vol, rate=RATE, drift=drift)
    policy = CPPI(multiplier=m, floor=floor, leverage=1e6)
    finest = 4096
    normals = jax.random.normal(jax.random.key(5), (64, finest, 1)) + zero

    def errors(n_steps):
        coarse = normals.reshape(64, n_steps, -1).sum(axis=2)[..., None] * math.sqrt(
            n_steps / finest
        )
        task = problem(market, n_steps=n_steps)

        def one(z):
            path = market.path(task.times, z)
            wealth = rollout(task, policy, path).wealth
            exponent = RATE - m * (RATE - 0.5 * vol**2) - 0.5 * m**2 * vol**2
            growth = math.exp(exponent) * (path.prices[-1, 0] / path.prices[0, 0]) ** m
            limit = floor * WEALTH + (1.0 - floor) * WEALTH * growth * path.discount[-1]
            return wealth[-1] - limit, jnp.min(wealth)

        error, lowest = jax.vmap(one)(coarse)
        return jnp.sqrt(jnp.mean(error**2)), jnp.min(lowest)

    return [errors(n) for n in (64, 256, 1024, 4096)]


def test_cppi_meets_its_terminal_value_and_never_breaches_in_the_fine_step_limit():
    # Black and Perold (1992); Bertrand and Prigent (2005).
    found = cppi_against_its_formula(jnp.asarray(0.0))
    errors = [float(e) for e, _ in found]
    order = np.polyfit(np.log([64, 256, 1024, 4096]), np.log(errors), 1)[0]
    assert order == pytest.approx(-0.5, abs=0.1)
    assert errors[-1] < 2e-3 * WEALTH
    for _, lowest in found:
        assert float(lowest) > 0.8 * WEALTH


JUMPS = {
    "Kou": Kou(
        spot=100.0,
        vol=0.1,
        intensity=2.0,
        up_probability=0.4,
        up_size=0.05,
        down_size=0.1,
        rate=RATE,
    ),
    "Merton": Merton(spot=100.0, vol=0.1, intensity=2.0, jump_mean=-0.1, jump_vol=0.1, rate=RATE),
}


def mass_below(market, level):
    """Jumps a year that take the price below `level` times itself."""
    if isinstance(market, Kou):
        share = level ** (1 / float(market.down_size))
        return float(market.intensity) * (1 - float(market.up_probability)) * share
    z = (math.log(level) - float(market.jump_mean)) / float(market.jump_vol)
    return float(market.intensity) * norm.cdf(z)


def loss_at_breach(market, m):
    r"""$-\int_{x < -1/m} (1 + m x)\,\nu(dx)$ by quadrature over the log-size."""
    level = 1 - 1 / m
    grid = np.linspace(-8.0, math.log(level), 200_001)
    if isinstance(market, Kou):
        eta = 1 / float(market.down_size)
        density = (1 - float(market.up_probability)) * eta * np.exp(eta * grid)
    else:
        mean, deviation = float(market.jump_mean), float(market.jump_vol)
        density = norm.pdf(grid, mean, deviation)
    values = -(1 + m * np.expm1(grid)) * density
    return float(market.intensity) * np.trapezoid(values, grid)


def cushion_growth(market, m):
    r"""$\int_{x > -1/m} m x\,\nu(dx)$ less the compensator: growth of the cushion until a breach.

    Discounted prices are a martingale: the drift of the cushion but for large falls is minus
    m times the mean of these.
    """
    level = 1 - 1 / m
    grid = np.linspace(-8.0, math.log(level), 200_001)
    if isinstance(market, Kou):
        eta = 1 / float(market.down_size)
        density = (1 - float(market.up_probability)) * eta * np.exp(eta * grid)
    else:
        density = norm.pdf(grid, float(market.jump_mean), float(market.jump_vol))
    return -m * float(market.intensity) * np.trapezoid(np.expm1(grid) * density, grid)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "n_paths"), [("Merton", 10_000), ("Kou", 40_000)])
def test_gap_risk_with_jumps_meets_cont_and_tankov(name, n_paths):
    # Cont and Tankov (2009): P(loss) = 1 - exp(-T nu(-inf, -1/m)); the expected loss is the mean
    # cushion at the breach times the mean overshoot, in today's money, with the discounted
    # cushion growing at the rate `growth` until then.
    market, m, maturity = JUMPS[name], 4.0, 1.0
    policy = CPPI(multiplier=m, floor=0.8, leverage=1e6)
    wealth = run(market, policy, n_paths, keep=final_wealth, n_steps=252, seed=11)
    floor, cushion = 0.8 * WEALTH, 0.2 * WEALTH

    breach = wealth < floor
    rate = mass_below(market, 1 - 1 / m)
    probability = 1 - math.exp(-rate * maturity)
    error = math.sqrt(probability * (1 - probability) / wealth.size)
    assert error < 0.005
    assert abs(breach.mean() - probability) < 4 * error

    loss = np.maximum(floor - wealth, 0.0)
    growth = cushion_growth(market, m) - rate
    expected = cushion * loss_at_breach(market, m) * math.expm1(growth * maturity) / growth
    error = loss.std() / math.sqrt(loss.size)
    assert error < 0.02 * cushion
    assert abs(loss.mean() - expected) < 4 * error


@pytest.mark.slow
def test_synthetic_put_meets_the_law_of_the_better_of_stock_and_strike():
    vol, floor, maturity = 0.2, 0.95, 1.0
    market = BlackScholes(spot=100.0, vol=vol, rate=RATE, drift=0.08)
    policy = SyntheticPut(floor=floor, vol=vol, maturity=maturity, rate=RATE)
    strike = float(policy.strike)
    scale = floor / strike
    # The package costs what there is: Black-Scholes put-call parity by hand.
    d1 = (-math.log(strike) + (RATE + 0.5 * vol**2)) / vol
    put = strike * math.exp(-RATE) * norm.cdf(vol - d1) - norm.cdf(-d1)
    assert scale * (1.0 + put) == pytest.approx(1.0, rel=1e-12)

    task = problem(market, n_steps=1000)

    @jax.jit
    def misses(key):
        def one(z):
            path = market.path(task.times, z)
            wealth = rollout(task, policy, path).wealth[-1] / path.discount[-1]
            law = scale * WEALTH * jnp.maximum(path.prices[-1, 0] / 100.0, strike)
            return wealth - law

        return jax.vmap(one)(jax.random.normal(key, (200, 1000, 1)))

    error = np.asarray(misses(jax.random.key(2)))
    # Derman and Kamal: about sqrt(pi/4) vega vol / sqrt(n) of the scaled option.
    vega = scale * WEALTH * norm.pdf(d1)
    assert error.std() < 1.5 * math.sqrt(math.pi / 4) * vega * vol / math.sqrt(1000)
    assert abs(error.mean()) < 4 * error.std() / math.sqrt(error.size)


def test_a_floor_that_cash_cannot_guarantee_is_refused():
    with pytest.raises(ValueError, match="`floor` must be below what cash alone guarantees"):
        SyntheticPut(floor=1.05, vol=0.2, maturity=1.0, rate=RATE)
    with pytest.raises(ValueError, match="`weights` must be shares that add up to 1"):
        CPPI(multiplier=3.0, floor=0.8, weights=[0.5, 0.6])


def realised(ledger):
    """Volatility per year of the portfolio over days, after the first month."""
    growth = jnp.diff(jnp.log(ledger.wealth))[21:]
    return jnp.sqrt(jnp.mean(growth**2) * 252)


def test_a_volatility_target_is_met_exactly_when_the_volatility_is_known():
    market = BlackScholes(spot=100.0, vol=0.25, rate=0.0)
    policy = VolatilityTarget(target=0.1, forecast=KnownVol(0.25))
    vols = run(market, policy, 200, keep=realised, n_steps=504, maturity=2.0, seed=1)
    # Of a mean of n squared normals the relative deviation is sqrt(2 / n).
    error = 0.1 * math.sqrt(0.5 / (vols.size * 483))
    assert abs(vols.mean() - 0.1) < 4 * error + 1e-4


def test_a_volatility_target_is_met_within_the_forecasts_error():
    # Under Black and Scholes an EWMA forecast has relative variance of its square
    # 2 (1 - decay) / (1 + decay): the mean of vol^2 / forecast^2 is about 1 plus that.
    decay, vol, target = 0.97, 0.25, 0.1
    market = BlackScholes(spot=100.0, vol=vol, rate=0.0)
    policy = VolatilityTarget(target=target, forecast=EWMA(start=vol, decay=decay), leverage=5.0)
    terms = {"n_steps": 504, "maturity": 2.0}
    vols = run(market, policy, 200, keep=realised, seed=1, **terms)
    excess = (vols**2).mean() / target**2 - 1.0
    assert excess == pytest.approx(2 * (1 - decay) / (1 + decay), abs=0.012)


@pytest.mark.slow
def test_a_volatility_target_misses_by_its_forecasts_error_in_hestons_market():
    market = Heston(
        spot=100.0,
        variance=0.04,
        mean_reversion=2.0,
        long_variance=0.04,
        vol_of_variance=0.5,
        correlation=-0.7,
    )
    news, memory = 0.06, 0.932
    base = 0.04 * (1 - news - memory)
    forecast = GarchFilter(start=0.2, base=base, news=news, memory=memory)
    policies = [
        VolatilityTarget(target=0.1, forecast=kind, leverage=5.0)
        for kind in (forecast, KnownVol(0.2))
    ]
    task = problem(market, n_steps=252)

    @jax.jit
    def hedged(normals):
        def one(z):
            path = market.path(task.times, z)
            vols = [realised(rollout(task, policy, path)) for policy in policies]
            return jnp.diff(jnp.log(path.prices[:, 0])), jnp.stack(vols)

        return jax.vmap(one)(normals)

    returns, vols = jax.tree.map(
        np.asarray, hedged(jax.random.normal(jax.random.key(4), (400, 252, 2)))
    )
    managed, constant = vols.T
    # The recursion again, slow and readable: r^2 / (dt h) is what the forecast h missed.
    squared, h = returns**2 * 252, np.full(400, 0.04)
    ratios = np.empty((400, 252))
    for day in range(252):
        ratios[:, day] = squared[:, day] / h
        h = base + news * squared[:, day] + memory * h
    missed = ratios[:, 21:].mean()
    assert (managed**2).mean() == pytest.approx(0.1**2 * missed, rel=0.01)
    assert missed == pytest.approx(1.0, abs=0.15)
    assert managed.std() < 0.5 * constant.std()


def test_tipp_never_falls_below_its_share_of_the_peak():
    market = BlackScholes(spot=100.0, vol=0.2, rate=0.0)
    policy = TIPP(multiplier=4.0, floor=0.9)

    def worst(ledger):
        return jnp.min(ledger.wealth / jax.lax.cummax(ledger.wealth))

    assert run(market, policy, 500, keep=worst).min() > 0.9


def test_the_stop_loss_is_out_below_the_floor_and_pays_for_coming_back():
    market = BlackScholes(spot=100.0, vol=0.2, rate=0.0)
    task = problem(market)
    ledger = sample(task, StopLoss(floor=0.95), 2000, key=jax.random.key(6))
    prices = np.asarray(ledger.holdings[..., 0])
    crossings = np.abs(np.diff(prices > 0, axis=1)).sum(axis=1)
    final = np.asarray(ledger.wealth[:, -1])
    # Out at the end: below the floor by about the sum of what each crossing lost.
    out = prices[:, -1] == 0
    assert final[out].max() < 0.95 * WEALTH * 1.001
    assert np.corrcoef(crossings[out], final[out])[0, 1] < -0.5
    # No free put: the mean is the martingale's.
    error = final.std() / math.sqrt(final.size)
    assert error < 0.006 * WEALTH
    assert abs(final.mean() - WEALTH) < 4 * error


def test_exposure_stays_within_its_limits_and_moves_to_the_edge_of_its_band():
    market = BlackScholes(spot=[50.0, 200.0], vol=[0.2, 0.3], rate=0.01)
    task = problem(market, cost=ProportionalCost(0.001), n_steps=60)
    policy = CPPI(multiplier=6.0, floor=0.8, weights=[0.7, 0.3], leverage=1.5, band=0.1)

    @jax.jit
    def hedged(z):
        path = market.path(task.times, z)
        return path, rollout(task, policy, path)

    path, ledger = hedged(jax.random.normal(jax.random.key(0), (60, 2)))
    held = np.asarray(ledger.holdings * path.prices[:-1]).sum(axis=1)
    wealth = np.asarray(ledger.wealth[:-1] / path.discount[:-1])
    floor = 0.8 * WEALTH / np.asarray(path.discount[:-1])
    wanted = np.clip(6.0 * (wealth - floor), 0.0, 1.5 * wealth)
    assert np.all(held <= 1.5 * wealth + 1e-9)
    assert np.all(np.abs(held - wanted) <= 0.1 * wealth + 1e-9)
    traded = np.abs(np.asarray(ledger.trades[:-1])).sum(axis=1) > 0
    assert 0 < traded.sum() < 40
    at_edge = np.abs(np.abs(held - wanted) - 0.1 * wealth) < 1e-9
    capped = np.abs(held - 1.5 * wealth) < 1e-9
    assert np.all(at_edge[traded] | capped[traded])
    shares = np.asarray(ledger.holdings * path.prices[:-1])[traded]
    np.testing.assert_allclose(shares[:, 0] / shares.sum(axis=1), 0.7, rtol=1e-12)


def test_weights_must_fit_the_assets():
    policy = CPPI(multiplier=3.0, floor=0.8, weights=[0.5, 0.5])
    now = BlackScholes.example().start()
    account = Account(holdings=jnp.zeros(1), wealth=jnp.asarray(1.0))
    with pytest.raises(ValueError, match="one share for each of the 1 assets"):
        policy.step(now, account, policy.init())
