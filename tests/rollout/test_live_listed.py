"""Listed contracts as quotes arrive: the engine's ledger on the path that the quotes make."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import Call, Put
from deephedge.costs import HalfSpread
from deephedge.markets import BlackScholes, simulate
from deephedge.policies import StaticHedge
from deephedge.pricing import Rolled, listed_market
from deephedge.rollout import HedgingProblem, Quote, expire, open_book, replay, tick, time_grid
from deephedge.rollout.marks import marked

RATE, DIVIDEND, MATURITY, N = 0.03, jnp.asarray(0.01), 0.25, 10
ASSETS = BlackScholes(spot=100.0, vol=0.2, rate=RATE, dividend=0.01)
PUT, CALL = Put(strike=98.0, maturity=0.125), Call(strike=105.0, maturity=0.5)
POLICY = StaticHedge(jnp.asarray([0.4, 0.3, -0.2]))


def problem():
    market = listed_market(ASSETS, (PUT, CALL))
    claim, cost = Call(strike=100.0, maturity=MATURITY), HalfSpread([2.0, 50.0, 50.0])
    times = time_grid(MATURITY, N)
    return HedgingProblem(market, claim, cost, times, premium=4.2, close_out=True)


step = eqx.filter_jit(tick)


def followed(path, marks, problem, dates=range(N + 1)):
    """Ticks at some dates of a path of the three columns; the last settles the claim."""
    limits, none, quotes = (), jnp.zeros(0), []
    for k in dates:
        quotes.append(Quote(path.time[k], path.prices[k, :1], none, jnp.asarray(RATE), marks[k]))
    holdings, cash = jnp.zeros(3), jnp.asarray(4.2)
    live = eqx.filter_jit(open_book)(
        problem, POLICY, limits, quotes[0], holdings=holdings, cash=cash
    )
    done = []
    for quote in quotes[:-1]:
        live, now = step(problem, POLICY, limits, live, quote, DIVIDEND)
        done.append(now)
    done.append(eqx.filter_jit(expire)(problem, live, quotes[-1], DIVIDEND))
    return done


@pytest.fixture(scope="module")
def setting():
    """A problem, a path whose contracts are quoted away from the model, and which quotes come."""
    hedged = problem()
    path = simulate(hedged.market, hedged.times, 1, key=jax.random.key(2))
    path = jax.tree.map(lambda x: x[0], path)
    come = np.ones((N + 1, 2), bool)
    come[[2, 3, 7], 1] = come[4, 0] = False
    marks = np.where(come, 1.05 * np.asarray(path.prices[:, 1:]), np.asarray(path.prices[:, 1:]))
    put = slice(N // 2, None)
    marks[put, 0] = marks[N // 2, 0] * np.exp(RATE * (np.asarray(path.time)[put] - 0.125))
    quoted = dataclasses.replace(path, prices=path.prices.at[:, 1:].set(marks))
    return hedged, quoted, jnp.asarray(np.where(come, marks, np.nan))


def test_ticks_are_the_ledger_of_the_path_of_the_quotes(setting):
    hedged, path, marks = setting
    done = followed(path, marks, hedged)
    ledger = replay(hedged, POLICY, jax.tree.map(lambda x: x[None], path))
    ledger = jax.tree.map(lambda x: np.asarray(x[0]), ledger)
    for name, expected in (
        ("trade", ledger.trades),
        ("cost", ledger.costs),
        ("gain", np.append(0.0, ledger.gains)),
        ("wealth", np.append(ledger.wealth[:-1] - ledger.costs[:-1], ledger.wealth[-1])),
    ):
        got = np.stack([np.asarray(vars(x)[name]) for x in done])
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)
    # The put has expired when the hedge is closed: letting cash go costs nothing.
    last = np.asarray(path.prices)[-1]
    charged = 1e-4 * (2.0 * 0.4 * last[0] + 50.0 * 0.2 * last[2]) * np.exp(-RATE * MATURITY)
    assert float(done[-1].cost) == pytest.approx(charged, rel=1e-12)


def test_a_contract_that_expires_between_quotes_is_settled_at_the_next(setting):
    hedged, path, marks = setting
    # No quote at the put's expiry, nor of its settlement.
    missing = marks.at[N // 2 + 1, 0].set(jnp.nan)
    done = followed(path, missing, hedged, dates=[k for k in range(N + 1) if k != N // 2])
    spot = float(path.prices[N // 2 + 1, 0])
    settled, later = done[N // 2].now, done[N // 2 + 1].now
    assert spot < 97.0
    assert float(settled.prices[1]) == pytest.approx(98.0 - spot, abs=1e-12)
    kept = settled.discount * settled.prices[1] / later.discount
    assert float(later.prices[1]) == pytest.approx(float(kept), rel=1e-12)


def test_contracts_that_roll_are_refused():
    market = listed_market(ASSETS, (Rolled(moneyness=1.0, tenor=0.1, every=0.05),))
    with pytest.raises(ValueError, match="held to their expiry, got Rolled"):
        marked(market, ASSETS.start(), jnp.zeros(1))
