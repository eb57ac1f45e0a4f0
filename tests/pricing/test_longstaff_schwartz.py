"""Least squares Monte Carlo and its dual bound hold the true price between them."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import AmericanCall, AmericanPut, BermudanPut, Call
from deephedge.markets import BlackScholes, Heston
from deephedge.pricing import (
    BlackScholesFormula,
    FiniteDifference,
    LongstaffSchwartz,
    dual_bound,
    pricer_for,
    sensitivity,
)

PUT = BermudanPut(strike=40.0, exercise_dates=np.arange(1, 11) / 10)
MODEL = BlackScholes(spot=36.0, vol=0.2, rate=0.06)


def simulation(model=MODEL, n_paths=8_000, **settings):
    return LongstaffSchwartz(model, jax.random.key(3), n_paths=n_paths, **settings)


@pytest.mark.slow
def test_the_price_lies_between_the_rule_and_the_dual_bound():
    now = MODEL.start()
    exact = float(FiniteDifference(vol=0.2, rate=0.06, n_prices=401).price(PUT, now))
    low, low_error = eqx.filter_jit(simulation().estimate)(PUT, now)
    formula = BlackScholesFormula(vol=0.2, rate=0.06)
    high, high_error = eqx.filter_jit(dual_bound)(
        simulation(), PUT, now, formula, key=jax.random.key(4)
    )
    assert float(low_error) < 0.025
    assert float(high_error) < 0.003
    assert exact - 0.03 - 4.0 * float(low_error) < float(low) < exact + 4.0 * float(low_error)
    assert exact - 4.0 * float(high_error) < float(high) < 1.02 * exact


@pytest.mark.slow
def test_delta_is_that_of_the_grid():
    now = MODEL.start()
    grid = sensitivity(FiniteDifference(vol=0.2, rate=0.06), PUT, now, "spot")
    ours = sensitivity(simulation(n_paths=20_000), PUT, now, "spot")
    assert float(ours) == pytest.approx(float(grid), abs=0.02)


def test_deep_in_the_money_an_american_put_is_exercised_at_once():
    now = BlackScholes(spot=20.0, vol=0.2, rate=0.06).start()
    rule = simulation(n_paths=500, n_steps=5)
    price, _ = eqx.filter_jit(rule.estimate)(AmericanPut(40.0, 1.0), now)
    assert float(price) == 20.0


@pytest.mark.slow
def test_a_call_without_dividends_is_worth_its_european_price():
    model = BlackScholes(spot=40.0, vol=0.2, rate=0.06)
    rule = simulation(model, n_paths=20_000, n_steps=5)
    price, error = eqx.filter_jit(rule.estimate)(AmericanCall(40.0, 1.0), model.start())
    european = float(pricer_for(model).price(Call(40.0, 1.0), model.start()))
    assert float(error) < 0.05
    assert abs(float(price) - european) < 4.0 * float(error)


@pytest.mark.slow
def test_stochastic_variance_has_bounds_on_either_side():
    model = Heston.example()
    put = BermudanPut(strike=105.0, exercise_dates=np.arange(1, 6) / 10)
    now = model.start()
    european = float(pricer_for(model).price(put.european(), now))
    low, low_error = simulation(model, n_paths=20_000).estimate(put, now)
    high, high_error = dual_bound(
        simulation(model, n_paths=4_000), put, now, pricer_for(model), key=jax.random.key(4)
    )
    assert european < float(low) + 4.0 * float(low_error)
    assert float(low) - 4.0 * float(low_error) < float(high) + 4.0 * float(high_error)
    assert float(high) < 1.03 * float(low)


def test_at_maturity_the_intrinsic_value_is_left():
    now = eqx.tree_at(lambda n: n.time, MODEL.start(), jnp.asarray(1.0))
    price, error = eqx.filter_jit(simulation(n_paths=100).estimate)(PUT, now)
    assert (float(price), float(error)) == (4.0, 0.0)


def test_a_european_claim_is_refused_by_name():
    with pytest.raises(TypeError, match=r"Call; use `MonteCarlo"):
        simulation().price(Call(40.0, 1.0), MODEL.start())


def test_an_odd_number_of_paths_is_refused():
    with pytest.raises(ValueError, match=r"`n_paths` must be even.*n_paths=102"):
        simulation(n_paths=101)
