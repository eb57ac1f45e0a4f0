"""The parts of a P&L add up, and each is what it says."""

import functools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import Call, LookbackCall, NoClaim
from deephedge.costs import (
    CashSpread,
    Commission,
    CostSum,
    Execution,
    Financing,
    PermanentImpact,
    PowerImpact,
)
from deephedge.markets import BlackScholes, Snapshot
from deephedge.policies import AbstractTargetPolicy
from deephedge.pricing import (
    BlackScholesFormula,
    Held,
    Listed,
    LookbackFormula,
    QuotedBlackScholes,
    Rolled,
    RolledFuture,
)
from deephedge.reports import (
    Book,
    attribute,
    attribute_step,
)
from deephedge.rollout import HedgingProblem, rollout, time_grid

KEY = jax.random.key(5)
CALL = Call(strike=100.0, maturity=0.25)
PRICER = BlackScholesFormula(vol=0.25, rate=0.03, dividend=0.01)
FRICTIONS = {
    "cost": CostSum((CashSpread(0.01), Commission(0.05, minimum=0.02), PowerImpact(0.001))),
    "close_out": True,
    "impact": PermanentImpact(0.002),
    "financing": Financing.example(),
    "execution": Execution(lot=0.125, delay=True, slippage=0.002, mean_slippage=0.0005),
    "premium": 5.0,
}


class Swinging(AbstractTargetPolicy):
    """Long and short of every column, by the date."""

    def observe(self, now):
        phase = jnp.arange(now.prices.shape[0], dtype=now.time.dtype)
        return 2.0 * jnp.sin(17.0 * now.time + phase)


LISTED = Listed(
    BlackScholes(spot=[100.0, 40.0], vol=[0.2, 0.3], rate=0.03, dividend=0.01),
    (Held(Call(strike=95.0, maturity=0.1)), Rolled(1.0, tenor=0.1, every=0.05), RolledFuture(0.1)),
    PRICER,
)
PROBLEMS = {
    "assets": (BlackScholes(spot=[100.0, 40.0], vol=[0.2, 0.3], rate=0.03), CALL, PRICER),
    "listed": (LISTED, CALL, PRICER),
    "portfolio": (LISTED, NoClaim(maturity=0.25), PRICER),
    "remembers": (
        BlackScholes(spot=100.0, vol=0.2, rate=0.03),
        LookbackCall(strike=100.0, maturity=0.25),
        LookbackFormula(vol=0.2, rate=0.03),
    ),
}


@eqx.filter_jit
def hedged(problem, pricer, normals):
    """Ledgers and parts of as many paths as there are normals."""

    def one(normals):
        own = problem.market.normals_per_step
        path = problem.market.path(problem.times, normals[:, :own])
        ledger = rollout(problem, Swinging(), path, problem.slips(normals[:, own:]))
        return ledger, attribute(problem, ledger, path, pricer)

    return jax.vmap(one)(normals)


@pytest.mark.parametrize(
    "name", ["assets", *(pytest.param(n, marks=pytest.mark.slow) for n in list(PROBLEMS)[1:])]
)
def test_the_parts_add_up_to_the_pnl_with_every_friction_on(name):
    market, claim, pricer = PROBLEMS[name]
    problem = HedgingProblem(market, claim, times=time_grid(0.25, 10), **FRICTIONS)
    normals = np.random.default_rng(1).normal(size=(4, 10, problem.normals_per_step))
    ledgers, steps = hedged(problem, pricer, jnp.asarray(normals))
    parts = {name: np.asarray(part) for name, part in vars(steps).items()}
    total = sum(parts.values())
    assert total.shape == (4, 10)
    np.testing.assert_allclose(total.sum(axis=1), np.asarray(ledgers.pnl), rtol=0, atol=1e-10)
    np.testing.assert_allclose(
        parts["cost"].sum(axis=1), -np.asarray(ledgers.costs).sum(axis=1), rtol=1e-12
    )
    np.testing.assert_array_equal(parts["financing"], -np.asarray(ledgers.carry))
    # The Greeks explain the book: what is left is small beside what moved. (A new maximum of a
    # lookback is no Greek.)
    moved = sum(np.abs(parts[x]) for x in ("theta", "delta", "gamma"))
    if name != "remembers":
        assert np.mean(np.abs(parts["residual"])) < 0.1 * np.mean(moved)


def date(time, spot, vol):
    """A market that quotes a volatility, at 3 % interest and 1 % dividends."""
    return Snapshot(
        time=jnp.asarray(time),
        prices=jnp.asarray([spot]),
        factors=jnp.asarray([vol]),
        discount=jnp.exp(-0.03 * jnp.asarray(time)),
        accrual=jnp.exp(0.01 * jnp.asarray([time])),
        progress=jnp.zeros(0),
    )


BOOK = Book(
    jnp.asarray([0.4]),
    (CALL,),
    jnp.asarray([-1.0]),
    (QuotedBlackScholes(rate=0.03, dividend=0.01),),
)
STEP = eqx.filter_jit(attribute_step)


def slopes(time, spot, vol):
    """Delta, gamma, vega and volga of the call, from the textbook."""
    tau = 0.25 - time
    d1 = (np.log(spot / 100.0) + (0.02 + vol**2 / 2) * tau) / (vol * np.sqrt(tau))
    d2 = d1 - vol * np.sqrt(tau)
    density = np.exp(-0.01 * tau - d1**2 / 2) / np.sqrt(2 * np.pi)
    delta = np.exp(-0.01 * tau) * 0.5 * (1 + math.erf(d1 / np.sqrt(2)))
    vega = spot * density * np.sqrt(tau)
    return delta, density / (spot * vol * np.sqrt(tau)), vega, vega * d1 * d2 / vol


def test_each_part_is_its_greek_times_the_move():
    delta, gamma, vega, volga = slopes(0.0, 102.0, 0.25)
    found = STEP(BOOK, date(0.0, 102.0, 0.25), date(0.0, 103.0, 0.27), cost=0.25)
    near = functools.partial(np.testing.assert_allclose, rtol=1e-10)
    near(found.delta, 0.4 - delta)
    near(found.gamma, -0.5 * gamma)
    near(found.vega, -0.02 * vega)
    near(found.volga, -0.5 * 0.02**2 * volga)
    near(found.cost, -0.25)
    assert float(found.theta) == float(found.carry) == float(found.financing) == 0.0
    assert abs(float(found.residual)) < 1e-3


def test_time_alone_earns_the_gamma_bill():
    # The seller whose hedge is the delta earns half of gamma times implied variance.
    delta, gamma, *_ = slopes(0.0, 102.0, 0.25)
    book = eqx.tree_at(lambda b: b.holdings, BOOK, jnp.asarray([delta]))
    before, after = date(0.0, 102.0, 0.25), date(1e-6, 102.0, 0.25)
    found = STEP(book, before, after, cost=0.25)
    bill = 0.5 * gamma * 102.0**2 * 0.25**2 * 1e-6
    np.testing.assert_allclose(found.theta + found.carry, bill, rtol=1e-4)
    assert abs(float(found.residual)) < 100.0 * 1e-6**2  # of second order in time
