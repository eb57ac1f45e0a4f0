"""Simulated Greeks of payoffs that jump, against closed forms and quadrature."""

import equinox as eqx
import jax
import numpy as np
import pytest
from by_quadrature import backward, slopes

from deephedge.claims import Autocallable, BarrierOption, DigitalCall
from deephedge.markets import BlackScholes
from deephedge.pricing import BlackScholesFormula, MonteCarlo, greeks

VOL, RATE, DIVIDEND = 0.2, 0.02, 0.01
MODEL = BlackScholes(spot=100.0, vol=VOL, rate=RATE, dividend=DIVIDEND)
NOW = MODEL.start()


def estimates(claim, n_steps, names, n_paths=20_000):
    monte_carlo = MonteCarlo(MODEL, n_paths=n_paths, n_steps=n_steps, key=jax.random.key(1))
    values = eqx.filter_jit(monte_carlo.estimate_greeks)(claim, NOW, names)
    return {name: (float(value), float(error)) for name, (value, error) in values.items()}


def agree(got, exact, bounds):
    for name, (value, error) in got.items():
        assert 0 < error < bounds[name], (name, error)
        assert abs(value - exact[name]) < 4 * error, (name, value, error, exact[name])


@pytest.mark.slow
@pytest.mark.parametrize("n_steps", [1, pytest.param(4, marks=pytest.mark.slow)])
def test_digital(n_steps):
    claim = DigitalCall(strike=103.0, maturity=0.5)
    bounds = {"delta": 6e-4, "gamma": 9e-5}
    if n_steps > 1:
        bounds |= {"vega": 0.03, "rho": 0.03}
    got = estimates(claim, n_steps, tuple(bounds))
    formula = BlackScholesFormula(vol=VOL, rate=RATE, dividend=DIVIDEND)
    agree(got, greeks(formula, claim, NOW, tuple(bounds)), bounds)


def barrier_price(claim, n_steps, spot=100.0, vol=VOL):
    def alive(s):
        return s < float(claim.barrier) if claim.up else s > float(claim.barrier)

    def end(s):
        return alive(s) * np.maximum(s - float(claim.strike), 0.0)

    dts = np.full(n_steps, float(claim.maturity) / n_steps)
    cuts = (float(claim.barrier), float(claim.strike))
    return backward(
        spot,
        dts,
        cuts,
        lambda s, k: vol,
        RATE - DIVIDEND,
        RATE,
        end,
        lambda s, k, value: alive(s) * value,
    )


@pytest.mark.slow
@pytest.mark.parametrize("up", [True, False])
def test_knock_out_watched_at_dates(up):
    barrier = 120.0 if up else 92.0
    claim = BarrierOption(100.0, barrier, 0.5, call=True, up=up, knock_in=False)
    bounds = {"delta": 0.02, "gamma": 4e-3, "vega": 2.0}
    got = estimates(claim, 6, tuple(bounds))
    delta, gamma = slopes(lambda s: barrier_price(claim, 6, spot=s), 100.0, 0.5)
    vega, _ = slopes(lambda v: barrier_price(claim, 6, vol=v), VOL, 2e-3)
    agree(got, {"delta": delta, "gamma": gamma, "vega": vega}, bounds)


def autocallable_price(claim, spot=100.0, vol=VOL):
    """Value by the number of coupons missed before, along the leading axis."""
    n, size = claim.n_observations, float(claim.notional)
    coupon, called = float(claim.coupon_level), float(claim.call_level)
    protected = float(claim.protection_level)
    dt = float(claim.maturity) / n

    def observed(s, value):
        """Value after an observation from the values of going on, [missed, price]."""
        rows = []
        for missed in range(n):
            paid = np.where(s >= coupon, size * float(claim.coupon) * (missed + 1), 0.0)
            on = np.where(s >= coupon, value[0], value[min(missed + 1, n - 1)])
            rows.append(paid + np.where(s >= called, size, on))
        return np.stack(rows)

    def end(s):
        last = np.where(s >= protected, size, size * s / float(claim.initial))
        return observed(s, np.stack([last] * n))

    cuts = (coupon, called, protected)
    return backward(
        spot,
        np.full(n, dt),
        cuts,
        lambda s, k: vol,
        RATE - DIVIDEND,
        RATE,
        end,
        lambda s, k, value: observed(s, value),
    )


@pytest.mark.slow
def test_autocallable():
    claim = Autocallable.example()
    bounds = {"delta": 0.02, "vega": 1.2}
    got = estimates(claim, claim.n_observations, tuple(bounds))
    delta, _ = slopes(lambda s: autocallable_price(claim, spot=s), 100.0, 0.25)
    vega, _ = slopes(lambda v: autocallable_price(claim, vol=v), VOL, 2e-3)
    agree(got, {"delta": delta, "vega": vega}, bounds)
