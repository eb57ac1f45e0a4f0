"""Protection bought with options meets its terminal law path by path."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import Call, EuropeanPortfolio, NoClaim, Put
from deephedge.costs import NoCost
from deephedge.markets import BlackScholes, HestonEuler, simulate
from deephedge.policies import Collar, ProtectivePut, PutSpreadCollar, zero_cost_call
from deephedge.pricing import BlackScholesFormula, ListedModel
from deephedge.rollout import HedgingProblem, replay, time_grid

END, WEALTH = 0.5, 1000.0
FLAT = BlackScholes(spot=100.0, vol=0.2)
PUT, LOWER, CALL = 95.0, 80.0, 108.0
OPTIONS = (Put(strike=PUT, maturity=END), Put(strike=LOWER, maturity=END), Call(CALL, END))
POLICIES = {
    "put": ProtectivePut(put=1),
    "collar": Collar(put=1, call=3),
    "spread": PutSpreadCollar(put=1, lower_put=2, call=3),
}
HESTON = dataclasses.replace(
    HestonEuler.example(),
    rate=jnp.asarray(0.03),
    dividend=jnp.asarray(0.0),
    drift=jnp.asarray(0.08),
)


def laws(spot):
    """What one package is worth at the options' expiry."""
    floored = np.maximum(spot, PUT)
    capped = np.minimum(floored, CALL)
    return {
        "put": floored,
        "collar": capped,
        "spread": capped - np.maximum(LOWER - spot, 0.0),
    }


@pytest.fixture(scope="module")
def hedged():
    """Under stochastic volatility and real-world drift, at whatever price options are sold."""
    # A volatile world, so that every strike is crossed by some of few paths.
    model = dataclasses.replace(HESTON, variance=jnp.asarray(0.25))
    market = ListedModel(model, OPTIONS, BlackScholesFormula(vol=0.3, rate=0.03))
    times = time_grid(END, 2)
    task = HedgingProblem(market, NoClaim(END), NoCost(), times, premium=WEALTH, close_out=True)

    @eqx.filter_jit
    def run(policies):
        paths = simulate(market, times, 256, key=jax.random.key(1))
        found = {name: replay(task, policy, paths) for name, policy in policies.items()}
        return paths.prices, paths.discount[0, -1], found

    return run(POLICIES)


@pytest.mark.parametrize("name", POLICIES)
def test_bought_protection_meets_its_terminal_law(hedged, name):
    prices, discount, found = hedged
    spot = np.asarray(prices[:, -1, 0])
    assert np.sum(spot < LOWER) > 5 and np.sum(spot > CALL) > 5
    start = np.asarray(prices[0, 0])
    cost = {
        "put": start[0] + start[1],
        "collar": start[0] + start[1] - start[3],
        "spread": start[0] + start[1] - start[2] - start[3],
    }[name]
    wealth = np.asarray(found[name].wealth[:, -1]) / float(discount)
    np.testing.assert_allclose(wealth, WEALTH / cost * laws(spot)[name], rtol=1e-10)
    np.testing.assert_array_equal(found[name].trades[:, 1:-1], 0.0)


@jax.jit
def paid_for(vol, bought):
    """The strike that pays for a claim, what the call at it costs, and what the claim costs."""
    pricer = BlackScholesFormula(vol=vol, rate=0.03, dividend=0.01)
    now = FLAT.start()
    strike = zero_cost_call(pricer, bought, now)
    call = pricer.price(Call(strike=strike, maturity=bought.maturity), now)
    return strike, call, pricer.price(bought, now)


def spread(strike, lower, weight):
    puts = tuple(Put(strike=k, maturity=0.5) for k in (strike, lower))
    return EuropeanPortfolio(puts, (1.0, -weight))


def test_the_call_that_pays_for_a_put_costs_the_same():
    vol, strikes = jnp.asarray(0.2), []
    for weight in (0.0, 1.0):
        strike, call, price = paid_for(vol, spread(92.0, 80.0, weight))
        assert float(call) == pytest.approx(float(price), rel=1e-12)
        strikes.append(float(strike))
    assert 92.0 < strikes[0] < strikes[1]
    # A put struck at the forward is paid for by the call at the forward: parity.
    forward = 100.0 * np.exp(0.02 * 0.5)
    found = paid_for(vol, spread(forward, 80.0, 0.0))[0]
    assert float(found) == pytest.approx(forward, rel=1e-12)


@pytest.mark.slow
def test_its_slope_is_that_of_the_equality():
    # It holds at every volatility, so its two sides have the same slope.
    bought = spread(92.0, 80.0, 1.0)
    _, slope = jax.jvp(lambda vol: paid_for(vol, bought), (jnp.asarray(0.2),), (jnp.asarray(1.0),))
    np.testing.assert_allclose(slope[1], slope[2], rtol=1e-10)
    assert abs(float(slope[0])) > 0.1


def test_columns_that_do_not_exist_are_refused():
    with pytest.raises(ValueError, match="different numbers"):
        Collar(put=1, call=1)
    with pytest.raises(ValueError, match="columns of the prices"):
        Collar(put=1, call=5).observe(ListedModel(FLAT, OPTIONS).start())
