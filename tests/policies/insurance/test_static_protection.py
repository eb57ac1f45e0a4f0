"""Protection bought with options meets its terminal law path by path."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import Call, EuropeanPortfolio, NoClaim, Put
from deephedge.costs import NoCost
from deephedge.markets import BlackScholes, Heston, simulate
from deephedge.policies import Collar, ProtectivePut, PutSpreadCollar, zero_cost_call
from deephedge.pricing import BlackScholesFormula, ListedModel
from deephedge.rollout import HedgingProblem, replay, time_grid

END, WEALTH = 0.5, 1000.0
PUT, LOWER, CALL = 95.0, 80.0, 108.0
OPTIONS = (Put(strike=PUT, maturity=END), Put(strike=LOWER, maturity=END), Call(CALL, END))
POLICIES = {
    "put": ProtectivePut(put=1),
    "collar": Collar(put=1, call=3),
    "spread": PutSpreadCollar(put=1, lower_put=2, call=3),
    "half": ProtectivePut(put=1, cover=0.5),
}
HESTON = dataclasses.replace(
    Heston.example(), rate=jnp.asarray(0.03), dividend=jnp.asarray(0.0), drift=jnp.asarray(0.08)
)


def laws(spot):
    """What one package is worth at the options' expiry."""
    floored = np.maximum(spot, PUT)
    capped = np.minimum(floored, CALL)
    return {
        "put": floored,
        "collar": capped,
        "spread": capped - np.maximum(LOWER - spot, 0.0),
        "half": spot + 0.5 * np.maximum(PUT - spot, 0.0),
    }


@pytest.fixture(scope="module")
def hedged():
    """Under stochastic volatility and real-world drift, at whatever price options are sold."""
    # A volatile world, so that every strike is crossed by some of few paths.
    model = dataclasses.replace(HESTON, variance=jnp.asarray(0.25))
    market = ListedModel(model, OPTIONS, BlackScholesFormula(vol=0.3, rate=0.03))
    times = time_grid(END, 4)
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
        "half": start[0] + 0.5 * start[1],
    }[name]
    wealth = np.asarray(found[name].wealth[:, -1]) / float(discount)
    np.testing.assert_allclose(wealth, WEALTH / cost * laws(spot)[name], rtol=1e-10)
    np.testing.assert_array_equal(found[name].trades[:, 1:-1], 0.0)


def test_the_call_that_pays_for_a_put_costs_the_same():
    pricer = BlackScholesFormula(vol=0.2, rate=0.03, dividend=0.01)
    now = BlackScholes.example().start()
    put = Put(strike=92.0, maturity=0.5)
    spread = EuropeanPortfolio((put, Put(strike=80.0, maturity=0.5)), (1.0, -1.0))

    @jax.jit
    def found(vol):
        priced = dataclasses.replace(pricer, vol=vol)
        strikes = [zero_cost_call(priced, bought, now) for bought in (put, spread)]
        calls = [priced.price(Call(strike=k, maturity=0.5), now) for k in strikes]
        return strikes, calls, [priced.price(put, now), priced.price(spread, now)]

    (level, slope) = jax.jvp(found, (jnp.asarray(0.2),), (jnp.asarray(1.0),))
    strikes, calls, prices = level
    np.testing.assert_allclose(calls, prices, rtol=1e-12)
    assert 92.0 < float(strikes[0]) < float(strikes[1])
    # The equality holds at every volatility, so its two sides have the same slope.
    np.testing.assert_allclose(slope[1], slope[2], rtol=1e-10)
    # A put struck at the forward is paid for by the call at the forward: parity.
    forward = float(now.prices[0]) * np.exp(0.02 * 0.5)
    at_forward = zero_cost_call(pricer, Put(strike=forward, maturity=0.5), now)
    assert float(at_forward) == pytest.approx(forward, rel=1e-12)


def test_columns_that_do_not_exist_are_refused():
    with pytest.raises(ValueError, match="different numbers"):
        Collar(put=1, call=1)
    with pytest.raises(ValueError, match="columns of the prices"):
        Collar(put=1, call=5).observe(ListedModel(BlackScholes.example(), OPTIONS).start())
