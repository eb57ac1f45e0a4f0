"""Overlays do what they say, date by date, beside slow and readable copies of their rules."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import Call, NoClaim
from deephedge.costs import NoCost, ProportionalCost
from deephedge.markets import BlackScholes, Heston
from deephedge.policies import (
    EWMA,
    HAR,
    DeltaHedge,
    GarchFilter,
    KnownVol,
    LeverageLimit,
    LossLimit,
    PositionLimit,
    RealisedVol,
    RebalanceAtOptimum,
    RebalanceEvery,
    RebalanceOnDrift,
    RebalanceOnGamma,
    RebalanceOnMove,
    RebalanceOnVolMove,
    ScheduledEvents,
    StaticHedge,
    WithForecast,
    model_delta,
    model_delta_gamma,
)
from deephedge.pricing import BlackScholesFormula, QuotedBlackScholes
from deephedge.rollout import HedgingProblem, rollout, sample, time_grid

MATURITY, VOL = 0.25, 0.2
CALL = Call(strike=100.0, maturity=MATURITY)
FORMULA = BlackScholesFormula(vol=VOL)
DELTA = DeltaHedge(CALL, FORMULA)
MARKET = BlackScholes(spot=100.0, vol=VOL)
N = 63
PROBLEM = HedgingProblem(
    MARKET, CALL, NoCost(), time_grid(MATURITY, N), premium=4.0, close_out=False
)
DT = MATURITY / N


@jax.jit
def all_of_them(normals):
    policies = {
        "delta": DELTA,
        "move": RebalanceOnMove(DELTA, move=0.02),
        "vol_move": RebalanceOnVolMove(DELTA, EWMA(VOL), deviations=1.5, interval=DT),
        "drift": RebalanceOnDrift(DELTA, tolerance=0.1),
        "gamma": RebalanceOnGamma(DELTA, CALL, FORMULA, move=0.02),
        "position": PositionLimit(DELTA, limit=0.6),
        "leverage": LeverageLimit(DELTA, limit=10.0),
        "loss": LossLimit(StaticHedge(1.0), loss=1.0),
        "drawdown": LossLimit(StaticHedge(1.0), loss=3.0, from_peak=True),
        "events": ScheduledEvents(DELTA, starts=[0.05, 0.2], ends=[0.1, 0.21], factor=1.5),
    }
    path = MARKET.path(PROBLEM.times, normals)
    _, gammas = jax.vmap(lambda now: model_delta_gamma(FORMULA, CALL, now))(path.snapshots())
    ledgers = {name: rollout(PROBLEM, policy, path) for name, policy in policies.items()}
    held = {name: x.holdings[:, 0] for name, x in ledgers.items()}
    wealth = {name: x.wealth[:-1] for name, x in ledgers.items()}
    return path.prices[:-1, 0], gammas[:-1, 0], held, wealth


@pytest.fixture(scope="module")
def run():
    found = all_of_them(jax.random.normal(jax.random.key(8), (N, 1)))
    return jax.tree.map(np.asarray, found)


def test_rebalancing_on_a_move_of_the_price(run):
    prices, _, held, _ = run
    last, holding, expected = None, 0.0, []
    for price, delta in zip(prices, held["delta"], strict=True):
        if last is None or abs(price / last - 1) > 0.02:
            last, holding = price, delta
        expected.append(holding)
    assert 3 < np.count_nonzero(np.diff(held["move"])) < N / 2
    np.testing.assert_array_equal(held["move"], expected)


def test_rebalancing_on_a_move_that_is_large_for_the_forecast(run):
    prices, _, held, _ = run
    last, before, variance, expected = None, None, VOL**2, []
    for price, delta in zip(prices, held["delta"], strict=True):
        if before is not None:
            variance = 0.94 * variance + 0.06 * math.log(price / before) ** 2 / DT
        if last is None or abs(math.log(price / last)) > 1.5 * math.sqrt(variance * DT):
            last, holding = price, delta
        before = price
        expected.append(holding)
    assert 3 < np.count_nonzero(np.diff(held["vol_move"])) < N / 1.5
    np.testing.assert_array_equal(held["vol_move"], expected)


@pytest.mark.parametrize("name", ["drift", "gamma"])
def test_rebalancing_on_a_drift_of_delta(run, name):
    prices, gammas, held, _ = run
    limits = np.full(N, 0.1) if name == "drift" else np.abs(gammas) * prices * 0.02
    holding, expected = None, []
    for delta, limit in zip(held["delta"], limits, strict=True):
        if holding is None or abs(delta - holding) > limit:
            holding = delta
        expected.append(holding)
    assert 1 < np.count_nonzero(np.diff(held[name])) < N / 2
    np.testing.assert_array_equal(held[name], expected)


def test_limits_cut_what_the_policy_asks_for(run):
    prices, _, held, wealth = run
    np.testing.assert_array_equal(held["position"], np.clip(held["delta"], -0.6, 0.6))
    room = 10.0 * np.maximum(wealth["leverage"], 0.0)
    assert np.any(held["delta"] * prices > room)
    expected = np.minimum(held["delta"], room / prices)
    np.testing.assert_allclose(held["leverage"], expected, rtol=1e-12)


@pytest.mark.parametrize("name", ["loss", "drawdown"])
def test_a_loss_limit_flattens_for_good(run, name):
    _, _, held, wealth = run
    mark = wealth[name][0] if name == "loss" else np.maximum.accumulate(wealth[name])
    hit = wealth[name] < mark - (1.0 if name == "loss" else 3.0)
    assert hit.any()
    first = int(np.argmax(hit))
    assert first > 0
    assert np.all(held[name][:first] == 1.0)
    assert np.all(held[name][first:] == 0.0)


def test_scheduled_events_raise_the_hedge_between_their_dates(run):
    _, _, held, _ = run
    times = np.asarray(PROBLEM.times)[:-1]
    during = ((times >= 0.05) & (times <= 0.1)) | ((times >= 0.2) & (times <= 0.21))
    assert during.any()
    assert not during[0]
    np.testing.assert_array_equal(held["events"], held["delta"] * np.where(during, 1.5, 1.0))
    with pytest.raises(ValueError, match="`ends` must have one date for each of the 2 starts"):
        ScheduledEvents(DELTA, starts=[0.1, 0.2], ends=[0.2], factor=1.5)


@pytest.mark.slow
def test_the_optimal_interval_is_the_least_of_cost_and_risk():
    policy = RebalanceAtOptimum(DELTA, CALL, FORMULA, KnownVol(VOL), cost_rate=1e-3, aversion=0.1)
    now = MARKET.start()
    _, gamma = model_delta_gamma(FORMULA, CALL, now)
    dollar = abs(float(gamma[0])) * 100.0**2

    def burden(h):
        cost = 1e-3 * dollar * VOL * math.sqrt(2 / (math.pi * h))
        return cost + 0.5 * 0.1 * 0.5 * (dollar * VOL**2) ** 2 * h

    best = float(policy.interval(now, jnp.asarray(VOL)))
    assert MATURITY / 500 < best < MATURITY
    for factor in (0.99, 1.01):
        assert burden(best) < burden(best * factor)


@pytest.mark.slow
def test_the_optimal_frequency_does_better_than_the_best_fixed_one_found_by_trial():
    rate, aversion, n_steps = 2e-4, 1.0, 512
    problem = HedgingProblem(
        MARKET, CALL, ProportionalCost(rate), time_grid(MATURITY, n_steps), close_out=False
    )

    def pnl_and_cost(ledger):
        return ledger.pnl, jnp.sum(ledger.costs)

    def burdens(policy):
        pnl, cost = sample(problem, policy, 5_000, key=jax.random.key(1), keep=pnl_and_cost)
        pnl, cost = np.asarray(pnl), np.asarray(cost)
        return cost + 0.5 * aversion * (pnl - pnl.mean()) ** 2

    optimal = burdens(
        RebalanceAtOptimum(DELTA, CALL, FORMULA, KnownVol(VOL), cost_rate=rate, aversion=aversion)
    )
    fixed = [burdens(RebalanceEvery(DELTA, every=n)) for n in (1, 2, 3, 4, 5, 6, 8, 16)]
    best = min(fixed, key=np.mean)
    excess = optimal - best
    error = excess.std() / math.sqrt(excess.size)
    assert error < 0.02 * best.mean()
    assert excess.mean() < 4 * error
    assert optimal.mean() < best.mean()
    assert optimal.mean() < 0.85 * min(fixed[0].mean(), fixed[-1].mean())


FORECASTS = {
    "realised": RealisedVol(window=10, start=0.25),
    "ewma": EWMA(start=0.25, decay=0.9),
    "garch": GarchFilter(start=0.25, base=0.002, news=0.05, memory=0.85, leverage=0.1),
    "har": HAR(start=0.25, base=0.005, daily=0.2, weekly=0.3, monthly=0.35),
    "known": KnownVol(0.25),
}


def slow_forecast(name, returns):
    """The forecast before each date and after the last, from the definitions."""
    squared = [0.25**2] * 22 + [r**2 / DT for r in returns]
    known = [squared[: 22 + k] for k in range(len(returns) + 1)]
    if name == "realised":
        return [math.sqrt(np.mean(x[-10:])) for x in known]
    if name == "har":
        means = [[np.mean(x[-n:]) for n in (1, 5, 22)] for x in known]
        return [math.sqrt(0.005 + 0.2 * d + 0.3 * w + 0.35 * m) for d, w, m in means]
    if name == "known":
        return [0.25] * len(known)
    variances = [0.25**2]
    for r in returns:
        if name == "ewma":
            variances.append(0.9 * variances[-1] + 0.1 * r**2 / DT)
        else:
            news = 0.05 + (0.1 if r < 0 else 0.0)
            variances.append(0.002 + news * r**2 / DT + 0.85 * variances[-1])
    return list(np.sqrt(variances))


def test_forecasts_follow_their_definitions_and_a_policy_sees_them():
    normals = jax.random.normal(jax.random.key(8), (N, 1))
    path = MARKET.path(PROBLEM.times, normals)
    returns = np.diff(np.log(np.asarray(path.prices[:, 0])))
    vols = {name: slow_forecast(name, returns)[:N] for name in FORECASTS}

    @jax.jit
    def both(vols):
        held, expected = {}, {}
        policy = DeltaHedge(CALL, QuotedBlackScholes())
        dates = jax.tree.map(lambda x: x[:-1], path.snapshots())
        for name, forecast in FORECASTS.items():
            held[name] = rollout(PROBLEM, WithForecast(policy, forecast), path).holdings
            expected[name] = jax.vmap(
                lambda now, vol: model_delta(BlackScholesFormula(vol=vol), CALL, now)
            )(dates, vols[name])
        return held, expected

    held, expected = both({name: jnp.asarray(x) for name, x in vols.items()})
    for name in FORECASTS:
        np.testing.assert_allclose(held[name], expected[name], rtol=1e-9, err_msg=name)
    assert np.ptp(vols["har"]) > 0.01


def test_har_is_fitted_to_the_variance_that_follows():
    market = Heston(
        spot=100.0,
        variance=0.04,
        mean_reversion=4.0,
        long_variance=0.04,
        vol_of_variance=0.6,
        correlation=0.0,
    )
    times = time_grid(16.0, 4000)
    path = jax.jit(lambda z: market.path(times, z))(jax.random.normal(jax.random.key(2), (4000, 2)))
    returns = np.diff(np.log(np.asarray(path.prices[:, 0])))
    model = HAR.fit(returns[:3000], interval=1 / 250)
    persistence = float(model.daily + model.weekly + model.monthly)
    assert 0.5 < persistence < 1.0
    # Out of sample it is nearer to the true variance than the best constant.
    squared = returns**2 * 250
    known = [squared[k - 22 : k][::-1] for k in range(3000, 4000)]
    memory = jnp.asarray(np.stack(known))
    forecast = np.asarray(jax.vmap(model.vol)(memory)) ** 2
    truth = np.asarray(path.factors[3000:4000, 0])
    assert np.mean((forecast - truth) ** 2) < 0.7 * np.var(truth)
    with pytest.raises(ValueError, match="at least 66 numbers"):
        HAR.fit(returns[:50], interval=1 / 250)


def test_a_loss_limit_holds_a_portfolio_to_its_loss():
    problem = HedgingProblem(
        MARKET,
        NoClaim(1.0),
        NoCost(),
        time_grid(1.0, 250),
        premium=100.0,
        close_out=False,
    )
    wealth = sample(
        problem, LossLimit(StaticHedge(1.0), loss=10.0), 500, key=jax.random.key(0)
    ).wealth
    # A step is about 1.3; four of them beyond the limit do not happen in one.
    assert float(jnp.min(wealth)) > 90.0 - 4 * 1.3
