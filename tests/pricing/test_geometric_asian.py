"""Geometric averages: QuantLib at dates and in the limit, parity, and a start in mid-life."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql  # noqa: N813
from quantlib_process import SPOT, TODAY, at, payoff, process

from deephedge.claims import GeometricAsianCall, GeometricAsianPut
from deephedge.markets import BlackScholes
from deephedge.pricing import GeometricAsianFormula, MonteCarlo, greeks

NOW = BlackScholes(spot=SPOT, vol=0.2).start()
price = jax.jit(lambda pricer, claim: pricer.price(claim, NOW))


@pytest.mark.parametrize("kind", [GeometricAsianCall, GeometricAsianPut])
def test_values_equal_those_of_quantlib(kind):
    call = kind is GeometricAsianCall
    for strike, vol, rate, n in itertools.product(
        (80.0, 100.0, 120.0), (0.05, 0.2, 0.9), (0.0, 0.05), (1, 5, 73)
    ):
        dates = [TODAY + 365 * (k + 1) // n for k in range(n)]
        option = ql.DiscreteAveragingAsianOption(
            ql.Average.Geometric, dates, payoff(call, strike), at(365)
        )
        market = process(vol, rate, 0.02)
        option.setPricingEngine(ql.AnalyticDiscreteGeometricAveragePriceAsianEngine(market))
        pricer = GeometricAsianFormula(vol=vol, rate=rate, dividend=0.02, n_dates=n)
        ours = float(price(pricer, kind(strike, 1.0)))
        assert ours == pytest.approx(option.NPV(), rel=1e-10, abs=1e-11)


def test_the_limit_of_many_dates():
    market = process(0.3, 0.05, 0.02)
    option = ql.ContinuousAveragingAsianOption(ql.Average.Geometric, payoff(True, 105.0), at(365))
    option.setPricingEngine(ql.AnalyticContinuousGeometricAveragePriceAsianEngine(market))
    arguments = {"vol": 0.3, "rate": 0.05, "dividend": 0.02}
    claim = GeometricAsianCall(105.0, 1.0)
    limit = float(price(GeometricAsianFormula(**arguments), claim))
    assert limit == pytest.approx(option.NPV(), rel=1e-10)
    gaps = [
        float(price(GeometricAsianFormula(**arguments, n_dates=n), claim)) - limit
        for n in (100, 200)
    ]
    assert gaps[0] / gaps[1] == pytest.approx(2.0, abs=0.02)


@pytest.mark.slow
def test_simulation_agrees_also_in_mid_life():
    model = BlackScholes(spot=SPOT, vol=0.3, rate=0.03, dividend=0.01)
    claim, n = GeometricAsianCall(100.0, 1.0), 6
    now = dataclasses.replace(
        model.start(),
        time=jnp.asarray(0.4),
        progress=jnp.asarray([0.4 * np.log(104.0)]),
        discount=jnp.asarray(np.exp(-0.012)),
    )
    simulated = MonteCarlo(model, n_paths=20_000, n_steps=n, key=jax.random.key(2))
    value, error = simulated.estimate(claim, now)
    exact = GeometricAsianFormula(vol=0.3, rate=0.03, dividend=0.01, n_dates=n).price(claim, now)
    assert float(error) < 0.05
    assert abs(float(value) - float(exact)) < 4 * float(error)


def test_greeks_are_finite_at_expiry_and_without_volatility():
    @jax.jit
    def all_greeks(vol, time):
        now = dataclasses.replace(NOW, time=time)
        pricer = GeometricAsianFormula(vol=vol, rate=0.02, n_dates=12)
        return greeks(pricer, GeometricAsianPut(100.0, 1.0), now, ("delta", "vega", "volga"))

    for vol, time in ((0.0, 0.0), (0.2, 1.0), (0.0, 1.0), (3.0, 0.0)):
        found = all_greeks(jnp.asarray(vol), jnp.asarray(time))
        assert all(np.isfinite(float(x)) for x in found.values()), found
