"""An escalation beside a slow and readable copy of the protocol, date by date."""

import dataclasses
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import Call
from deephedge.costs import PermanentImpact, ProportionalCost
from deephedge.markets import BlackScholes
from deephedge.policies import (
    EWMA,
    Account,
    BookGreek,
    DeltaHedge,
    Drawdown,
    Escalation,
    Flatten,
    ForecastVol,
    GreekNeutralHedge,
    Halt,
    Halve,
    Jump,
    RebalanceOnDrift,
    Tighten,
    alert_in,
    changes,
    escalation_in,
)
from deephedge.pricing import BlackScholesFormula, ListedModel
from deephedge.rollout import HedgingProblem, replay, time_grid, trace

N, MATURITY, VOL, RATE = 60, 0.25, 0.2, 0.03
DT = MATURITY / N
CALL = Call(strike=100.0, maturity=MATURITY)
FORMULA = BlackScholesFormula(vol=VOL, rate=RATE)
MARKET = BlackScholes(spot=100.0, vol=VOL, rate=RATE)
DELTA = DeltaHedge(CALL, FORMULA)
RULE = RebalanceOnDrift(DELTA, tolerance=0.2)
FORECAST = EWMA(VOL, decay=0.8)
PROBLEM = HedgingProblem(
    MARKET, CALL, ProportionalCost(1e-3), time_grid(MATURITY, N), premium=4.4, close_out=False
)
LIMITS = {"delta": 0.12, "vol": 0.27, "drawdown": 1.2, "jump": 4.5}
CALM = 4


def protocol(limits, halt_calm):
    return Escalation(
        RULE,
        (
            Tighten(BookGreek(CALL, FORMULA, limits["delta"]), DELTA, calm=CALM),
            Halve(ForecastVol(FORECAST, limits["vol"]), calm=CALM),
            Flatten((Drawdown(limits["drawdown"], CALL, FORMULA),), calm=CALM),
            Halt(Jump(FORECAST, limits["jump"]), calm=halt_calm),
        ),
    )


POLICIES = {
    "rule": RULE,
    "infinite": protocol(dict.fromkeys(LIMITS, math.inf), None),
    "for_a_while": protocol(LIMITS, 6),
    "for_good": protocol(LIMITS, None),
}


@pytest.fixture(scope="module")
def run():
    """Paths with fast days and, on some, a jump; worth, delta, the ledger and the memories."""
    normals = jax.random.normal(jax.random.key(5), (24, N, 1))
    normals = normals.at[:, 20:24].multiply(2.5)
    normals = normals.at[::3, 35].set(-8.0)

    @jax.jit
    @jax.vmap
    def paths_of(normals):
        path = MARKET.path(PROBLEM.times, normals)
        worth = jax.vmap(lambda now: FORMULA.price(CALL, now))(path.snapshots())
        return path, worth, jax.vmap(DELTA.observe)(path.snapshots())[:, 0]

    path, worth, delta = paths_of(normals)
    found = {"for_a_while": trace(PROBLEM, POLICIES["for_a_while"], path)}
    return jax.tree.map(np.asarray, (path, worth, delta, found))


def traced(run, name):
    """The ledger and the memories of a policy on the paths of the fixture."""
    path, _, _, found = run
    if name not in found:
        paths = jax.tree.map(jnp.asarray, path)
        found[name] = jax.tree.map(np.asarray, trace(PROBLEM, POLICIES[name], paths))
    return found[name]


def quantities(prices, worth, discount, delta, ledger):
    """What the four triggers measure on each date, from their definitions."""
    held = np.concatenate([[0.0], ledger.holdings[:-1, 0]])
    marked = ledger.wealth[:-1] - discount * worth
    variance, before, vols, jumps = VOL**2, None, [], []
    for price in prices:
        move = 0.0 if before is None else math.log(price / before)
        jumps.append(abs(move) / math.sqrt(variance * DT))
        variance = variance if before is None else 0.8 * variance + 0.2 * move**2 / DT
        vols.append(math.sqrt(variance))
        before = price
    falls = np.maximum.accumulate(marked) - marked
    return np.stack([np.abs(held - delta), vols, falls, jumps], axis=1)


def slow_levels(values, calm):
    """The protocol in plain words."""
    level, quiet, levels = 0, 0, []
    for row in values:
        fired = [k + 1 for k, (x, limit) in enumerate(zip(row, LIMITS.values(), strict=True))
                 if x > limit]  # fmt: skip
        highest = max(fired, default=0)
        if highest > level:
            level, quiet = highest, 0
        elif highest == level:
            quiet = 0
        else:
            quiet += 1
            if calm[level - 1] is not None and quiet >= calm[level - 1]:
                level, quiet = highest, 0
        levels.append(level)
    return levels


def slow_holdings(levels, delta):
    """What each level holds, the wrapped rule going on from what it asked for."""
    held, asked, before, holdings = 0.0, 0.0, 0, []
    for date, (level, target) in enumerate(zip(levels, delta, strict=True)):
        start = asked if before > 1 else held
        asked = target if date == 0 or abs(target - start) > 0.2 else start
        held = [asked, target, 0.5 * asked, 0.0, held][level]
        before = level
        holdings.append(held)
    return holdings


FOR_GOOD = pytest.param("for_good", None, marks=pytest.mark.slow)


@pytest.mark.parametrize(("name", "halt_calm"), [FOR_GOOD, ("for_a_while", 6)])
def test_levels_and_holdings_follow_the_protocol_date_by_date(run, name, halt_calm):
    path, worth, delta, _ = run
    ledgers, memories = traced(run, name)
    seen = set()
    for i in range(worth.shape[0]):
        ledger = jax.tree.map(lambda x: x[i], ledgers)  # noqa: B023
        values = quantities(
            path.prices[i, :-1, 0], worth[i, :-1], path.discount[i, :-1], delta[i, :-1], ledger
        )
        np.testing.assert_allclose(memories.values[i], values, rtol=1e-9, atol=1e-11)
        levels = slow_levels(values, [CALM, CALM, CALM, halt_calm])
        np.testing.assert_array_equal(memories.level[i], levels)
        expected = slow_holdings(levels, delta[i, :-1])
        np.testing.assert_allclose(ledger.holdings[:, 0], expected, rtol=1e-12)
        seen |= {(int(a), int(b)) for a, b in itertools.pairwise(levels) if a != b}
    assert {(0, 1), (1, 0), (2, 0), (0, 2)} <= seen
    assert any(b == 3 for _, b in seen)
    assert any(a == 3 for a, _ in seen)
    assert any(b == 4 for _, b in seen)
    assert any(a == 4 for a, _ in seen) == (halt_calm is not None)


@pytest.mark.slow
def test_without_a_limit_in_reach_it_is_the_wrapped_policy_exactly(run):
    (plain, _), (wrapped, memories) = traced(run, "rule"), traced(run, "infinite")
    np.testing.assert_array_equal(memories.level, 0)
    for name, value in vars(plain).items():
        np.testing.assert_array_equal(vars(wrapped)[name], value)


def test_the_log_has_every_change_with_the_trigger_that_fired(run):
    _, _, _, found = run
    escalation, names = POLICIES["for_a_while"], set()
    ledgers, memories = found["for_a_while"]
    for i in range(ledgers.wealth.shape[0]):
        alert = jax.tree.map(lambda x: x[i], memories)  # noqa: B023
        log = changes(escalation, alert)
        levels = np.zeros(N, int)
        for line in log:
            assert levels[line.date] == line.before
            levels[line.date :] = line.after
            if line.after > line.before:
                assert line.value > line.limit
                assert line.value == alert.values[line.date, line.after - 1]
            else:
                assert (line.trigger, line.value) == ("calm", 6 if line.before == 4 else CALM)
        np.testing.assert_array_equal(levels, alert.level)
        names |= {line.trigger for line in log}
    assert names == {"delta of the book", "forecast vol", "drawdown", "jump", "calm"}


def test_a_trace_keeps_the_ledger_of_the_same_hedge(run):
    path, _, _, found = run
    ledger, _ = found["for_a_while"]
    value = path.discount * path.prices[:, :, 0]
    cash = np.concatenate([ledger.holdings[:, :1, 0], np.diff(ledger.holdings[:, :, 0])], axis=1)
    np.testing.assert_allclose(ledger.trades[:, :-1, 0], cash, atol=1e-14)
    gains = np.sum(ledger.holdings[:, :, 0] * np.diff(value), axis=1)
    paid = np.sum(1e-3 * np.abs(cash) * value[:, :-1], axis=1)
    np.testing.assert_allclose(ledger.wealth[:, -1], 4.4 + gains - paid, rtol=1e-12)


@pytest.mark.slow
def test_a_trace_under_permanent_impact_is_the_replay(run):
    paths = jax.tree.map(lambda x: jnp.asarray(x[:3]), run[0])
    problem = dataclasses.replace(PROBLEM, impact=PermanentImpact(0.002))
    ledger, memory = trace(problem, POLICIES["for_a_while"], paths)
    again = replay(problem, POLICIES["for_a_while"], paths)
    for one, other in zip(jax.tree.leaves(ledger), jax.tree.leaves(again), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)
    assert memory.level.shape == (3, N)
    assert np.max(memory.level) > 0


def test_at_its_limit_a_trigger_rests_and_what_is_no_number_fires():
    trigger = Drawdown(limit=1.0)
    assert not trigger.fires(jnp.asarray(1.0))
    assert trigger.fires(jnp.asarray(1.0 + 1e-12))
    assert trigger.fires(jnp.asarray(math.nan))
    assert not Drawdown(limit=math.inf).fires(jnp.asarray(1e300))


def test_wrong_protocols_are_refused():
    with pytest.raises(ValueError, match="`limit` must be zero, positive or infinite, got -1"):
        Drawdown(limit=-1.0)
    with pytest.raises(ValueError, match="`calm` must be at least 1, got 0"):
        Flatten(Drawdown(1.0), calm=0)
    with pytest.raises(ValueError, match="`triggers` must be one or more triggers, got"):
        Flatten(())
    with pytest.raises(ValueError, match="`levels` must be one or more levels, got"):
        Escalation(RULE, ())
    two = BlackScholes(spot=[1.0, 1.0], vol=[0.2, 0.2]).start()
    with pytest.raises(ValueError, match="`n_assets` must be 2, the number of the market's prices"):
        POLICIES["for_a_while"].observe(two)


def test_the_escalation_is_found_inside_other_overlays():
    inner = POLICIES["for_a_while"]
    outer = RebalanceOnDrift(inner, tolerance=0.0)
    assert escalation_in(outer) is inner
    assert alert_in(outer.init()).level == 0
    assert escalation_in(RULE) is None


@pytest.mark.slow
def test_listed_options_count_in_the_greeks_of_the_book():
    market = ListedModel.example()
    hedge = GreekNeutralHedge.example()
    now = market.start()
    account = Account(hedge.observe(now), jnp.asarray(1.0))

    def size(greek, holdings):
        trigger = BookGreek(hedge.claim, hedge.pricer, 1.0, greek, market)
        seen = trigger.observe(now)
        return float(trigger.measure(seen, Account(holdings, account.wealth), None)[0])

    for greek in ("delta", "gamma", "vega"):
        assert size(greek, account.holdings) < 1e-10
        assert size(greek, jnp.zeros_like(account.holdings)) > 0.01
