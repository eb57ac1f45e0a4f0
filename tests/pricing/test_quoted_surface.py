import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import Call, DigitalCall, PowerOption, Put, VarianceSwap
from deephedge.markets import BlackScholes
from deephedge.pricing import (
    AtQuotedVol,
    PowerFormula,
    QuotedSurface,
    black_scholes_price,
    greeks,
)

LEVELS = np.array([0.03, 0.08, 0.12, 0.2, 0.3, 0.5, 0.85, 1.5])
TENORS = np.array([1 / 252, 1 / 12, 0.25, 1.0, 3.0])
SURFACE = QuotedSurface()
START = dataclasses.replace(BlackScholes(spot=100.0, vol=0.2).start(), factors=jnp.asarray([0.2]))


def quoted(level, **changes):
    return dataclasses.replace(START, factors=jnp.atleast_1d(level), **changes)


@pytest.fixture(scope="module")
def chain():
    """Call prices at every level and tenor on even strikes of the forward, on 100."""
    strikes = np.linspace(2.0, 400.0, 400)

    def price(strike, tau, level):
        return SURFACE.price(Call(strike=strike, maturity=tau), quoted(level))

    over_strikes = jax.vmap(price, (0, None, None))
    every = jax.jit(jax.vmap(jax.vmap(over_strikes, (None, 0, None)), (None, None, 0)))
    return strikes, np.asarray(every(strikes, TENORS, LEVELS))


def test_no_butterfly_and_no_call_spread_has_a_negative_price_at_any_level(chain):
    _, prices = chain
    steps = np.diff(prices, axis=-1)
    assert np.all(steps < 1e-12)
    assert np.all(steps > -np.diff(chain[0]) - 1e-12)
    bends = np.diff(steps, axis=-1)
    assert bends.min() > -1e-11
    assert bends.max() > 1e-3


def test_no_calendar_spread_has_a_negative_price_at_any_level(chain):
    # Neither rates nor dividends: a strike is the same share of every forward.
    _, prices = chain
    assert np.diff(prices, axis=1).min() > -1e-12


@pytest.mark.parametrize(("eta", "gamma"), [(2.4, 0.25), (1.6, 0.5), (2.37, 0.01)])
def test_a_shape_with_arbitrage_is_refused(eta, gamma):
    with pytest.raises(ValueError, match="butterfly"):
        QuotedSurface(rho=-0.7, eta=eta, gamma=gamma)


def test_the_smile_has_the_stated_level_slope_and_powers():
    @jax.jit
    def shape(level, tau):
        def vol(k):
            return SURFACE.vol(k, tau, quoted(level))

        return jax.value_and_grad(vol)(jnp.zeros_like(level))

    month, slope = shape(jnp.asarray(0.2), jnp.asarray(1 / 12))
    np.testing.assert_allclose(month, SURFACE.at_the_money * 0.2, rtol=1e-12)
    year, later = shape(jnp.asarray(0.2), jnp.asarray(1.0))
    np.testing.assert_allclose(year / month, 12.0**SURFACE.term, rtol=1e-12)
    # To first order in k, w = theta (1 + rho phi k): the slope is vol rho phi / 2.
    theta = month**2 / 12.0
    phi = SURFACE.eta * theta**-SURFACE.gamma * (1 + theta) ** (SURFACE.gamma - 1)
    np.testing.assert_allclose(slope, 0.5 * month * SURFACE.rho * phi, rtol=1e-12)
    assert slope < later < 0


def test_a_variance_swap_costs_what_its_options_replicate():
    @jax.jit
    def both(level):
        now, tau = quoted(level), jnp.asarray(1 / 12)
        logs = jnp.linspace(-5.0, 2.5, 6001)
        vols = jax.vmap(lambda k: SURFACE.vol(k, tau, now))(logs)

        def option(k, vol):
            strike, terms = jnp.exp(k), {"rate": jnp.zeros(()), "dividend": jnp.zeros(())}
            sides = [
                black_scholes_price(
                    kind(strike=strike, maturity=tau), spot=jnp.ones(()), tau=tau, vol=vol, **terms
                )
                for kind in (Put, Call)
            ]
            return jnp.where(k < 0, *sides)

        worth = jax.vmap(option)(logs, vols) * jnp.exp(-logs)
        # Euler and Maclaurin: the slope of the integrand falls by 1 where puts give way to calls.
        step = logs[1] - logs[0]
        area = jnp.trapezoid(worth, logs) - step**2 / 12.0
        return SURFACE.fair_variance(tau, now), 24.0 * area

    for level in (0.1, 0.25, 0.8):
        fair, replicated = both(jnp.asarray(level))
        np.testing.assert_allclose(fair, replicated, rtol=2e-6)


def test_the_level_is_the_volatility_of_the_swap_where_the_shape_was_fitted():
    swap = VarianceSwap(strike=0.0, maturity=1 / 12)
    fair = jax.jit(lambda q: SURFACE.price(swap, quoted(q)))
    # A quote of 24.3 %: what the fit found for its day.
    assert float(fair(0.2431)) ** 0.5 == pytest.approx(0.2431, abs=2e-4)


def test_a_swap_in_mid_life_is_worth_what_is_realised_and_what_is_to_come():
    swap = VarianceSwap(strike=0.04, maturity=0.25, notional=100.0)

    @jax.jit
    def values(known):
        now = quoted(0.2, time=jnp.asarray(0.2), progress=known[None])
        end = quoted(0.2, time=jnp.asarray(0.25), progress=known[None])
        return (
            SURFACE.price(swap, now),
            SURFACE.fair_variance(known + 0.02, now),
            SURFACE.price(swap, end),
        )

    value, fair, paid = values(jnp.asarray(0.03))
    np.testing.assert_allclose(value, 100.0 * (0.03 + 0.2 * fair - 0.04), rtol=1e-10)
    np.testing.assert_allclose(paid, -1.0, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_and_slopes_are_finite_at_expiry_and_without_volatility(dtype):
    surface = jax.tree.map(lambda x: x.astype(dtype), SURFACE)

    @jax.jit
    def slopes(time, level):
        def price(inputs):
            time, level, spot = inputs
            now = quoted(level, time=time, prices=spot[None])
            now = jax.tree.map(lambda x: x.astype(dtype), now)
            put = jax.tree.map(lambda x: x.astype(dtype), Put(strike=75.0, maturity=0.25))
            return surface.price(put, now)

        return jax.value_and_grad(price)((time, level, jnp.full((), 80.0, dtype)))

    for time, level in ((0.25, 0.2), (0.1, 0.0), (0.25, 0.0), (0.0, 0.2)):
        value, found = slopes(jnp.asarray(time, dtype), jnp.asarray(level, dtype))
        assert value.dtype == dtype
        assert np.all(np.isfinite([value, *found]))


def test_vega_is_the_slope_by_the_quoted_level_and_delta_moves_the_smile():
    put, step = Put(strike=90.0, maturity=0.25), 1e-5
    found = jax.jit(lambda now: greeks(SURFACE, put, now, ("delta", "vega", "gamma")))(START)
    price = jax.jit(lambda level, spot: SURFACE.price(put, quoted(level, prices=spot[None])))
    spot, level = jnp.asarray(100.0), jnp.asarray(0.2)
    vega = (price(level + step, spot) - price(level - step, spot)) / (2 * step)
    delta = (price(level, spot + 1e-3) - price(level, spot - 1e-3)) / 2e-3
    np.testing.assert_allclose(found["vega"], vega, rtol=1e-7)
    np.testing.assert_allclose(found["delta"], delta, rtol=1e-7)


def test_other_claims_are_refused_by_name():
    with pytest.raises(TypeError, match="DigitalCall"):
        SURFACE.price(DigitalCall.example(), START)


def test_a_formula_at_the_quoted_volatility_is_the_formula_at_it():
    claim = PowerOption.example()
    quoted_formula = AtQuotedVol(PowerFormula(vol=0.7, rate=0.01))
    names = ("price", "vega")

    @jax.jit
    def both(now):
        there = PowerFormula(vol=now.factors[0], rate=0.01)
        return greeks(quoted_formula, claim, now, names), greeks(there, claim, now, names)

    ours, theirs = both(START)
    for name in names:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-12)
