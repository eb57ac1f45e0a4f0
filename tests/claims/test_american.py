"""What claims with early exercise pay along a path, and how they stand to European ones."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import AmericanCall, AmericanPut, BermudanPut
from deephedge.markets import BlackScholes, Path
from deephedge.pricing import FiniteDifference, MonteCarlo

RATE = 0.1


def path(prices, times):
    times = jnp.asarray(times)
    ones = jnp.ones_like(times)
    prices = jnp.asarray(prices, dtype=float)[:, None]
    empty = jnp.zeros((times.shape[0], 0))
    return Path(times, prices, empty, jnp.exp(-RATE * times), ones[:, None], empty)


FALL = path([100.0, 92.0, 84.0, 95.0, 103.0], [0.0, 0.25, 0.5, 0.75, 1.0])


def test_cash_of_the_first_exercise_waits_with_interest():
    put = AmericanPut(100.0, 1.0, boundary=[90.0, 90.0])
    assert float(put.payoff(FALL)) == pytest.approx(16.0 * np.exp(RATE * 0.5), rel=1e-12)
    progress = np.asarray(put.progress(FALL))[:, 0]
    cash = 16.0 * np.exp(-RATE * 0.5)
    np.testing.assert_allclose(progress, [0.0, 0.0, cash, cash, cash], rtol=1e-12)


def test_a_boundary_is_joined_by_straight_lines():
    rising = AmericanPut(100.0, 1.0, boundary=[92.0, 96.0])
    assert float(rising.payoff(FALL)) == pytest.approx(8.0 * np.exp(RATE * 0.75), rel=1e-12)


def test_a_holder_who_waited_exercises_at_maturity_what_is_worth_it():
    call = AmericanCall(98.0, 1.0, boundary=[150.0, 150.0])
    assert float(call.payoff(FALL)) == pytest.approx(5.0, rel=1e-12)
    assert float(AmericanPut(100.0, 1.0, boundary=[1.0, 1.0]).payoff(FALL)) == 0.0


def test_bermudan_exercise_is_on_its_dates_only():
    put = BermudanPut(strike=100.0, exercise_dates=[0.25, 0.75, 1.0], boundary=[90.0, 96.0, 100.0])
    assert float(put.payoff(FALL)) == pytest.approx(5.0 * np.exp(RATE * 0.25), rel=1e-12)


def test_without_a_boundary_a_path_cannot_say_what_is_owed():
    with pytest.raises(ValueError, match=r"`boundary` must say .* AmericanPut .*exercised"):
        AmericanPut(100.0, 1.0).payoff(FALL)


@pytest.mark.parametrize(
    ("dates", "boundary", "message"),
    [
        ([0.5, 0.25], None, "`exercise_dates` must be a list that increases"),
        ([0.25, 0.5], [90.0], "`boundary` must have a price for each of the 2 exercise dates"),
    ],
)
def test_bad_dates_are_refused(dates, boundary, message):
    with pytest.raises(ValueError, match=message):
        BermudanPut(strike=100.0, exercise_dates=dates, boundary=boundary)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("claim", "dividend"),
    [
        (AmericanPut(40.0, 1.0), 0.0),
        (BermudanPut(strike=40.0, exercise_dates=[0.25, 0.5, 0.75, 1.0]), 0.0),
        (AmericanCall(40.0, 1.0), 0.1),
    ],
    ids=lambda x: type(x).__name__,
)
def test_the_optimal_boundary_earns_the_price_on_simulated_paths(claim, dividend):
    market = BlackScholes(spot=38.0, vol=0.3, rate=0.06, dividend=dividend)
    pricer = FiniteDifference(vol=0.3, rate=0.06, dividend=dividend, n_prices=401)
    exercised = pricer.exercised(claim)
    price = float(pricer.price(claim, market.start()))
    simulation = MonteCarlo(market, n_paths=20_000, n_steps=48, key=jax.random.key(1))
    value, error = simulation.estimate(exercised, market.start())
    # 48 dates where the price has all of them: less by about a tenth of a percent.
    assert float(error) < 0.03
    assert abs(float(value) - price) < 4.0 * float(error) + 2e-3 * price
    # A worse rule earns less, beyond doubt.
    late = dataclasses.replace(exercised, boundary=exercised.boundary[:1] * jnp.ones(4))
    early = jnp.full_like(late.boundary, 39.9 if dividend == 0.0 else 40.1)
    worse, _ = simulation.estimate(dataclasses.replace(late, boundary=early), market.start())
    assert float(worse) < price - 0.05
