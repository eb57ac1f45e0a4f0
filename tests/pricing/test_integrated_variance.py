"""The idealised variance swap is a martingale, pays the integral, and hedges Heston's variance."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import Call
from deephedge.markets import Heston, simulate
from deephedge.policies import GreekNeutralHedge, StateGrid, TabulatedHoldings
from deephedge.pricing import Fourier, IntegratedVariance, ListedModel
from deephedge.rollout import time_grid

MODEL = Heston(
    spot=100.0,
    variance=0.04,
    mean_reversion=1.0,
    long_variance=0.06,
    vol_of_variance=0.5,
    correlation=-0.7,
    rate=0.03,
)
SWAP = IntegratedVariance(maturity=0.25, notional=1000.0)
MARKET = ListedModel(MODEL, (SWAP,))
TIMES = time_grid(0.375, 24)


@pytest.fixture(scope="module")
def paths():
    return jax.jit(lambda: simulate(MARKET, TIMES, 4096, key=jax.random.key(3)))()


def test_its_first_price_is_the_expected_integral():
    mean = 0.06 * 0.25 + (0.04 - 0.06) * -np.expm1(-0.25)
    price = 1000.0 * np.exp(-0.03 * 0.25) * mean
    np.testing.assert_allclose(MARKET.start().prices[1], price, rtol=1e-12)


def test_it_pays_the_integral_and_is_cash_afterwards(paths):
    variance = np.asarray(paths.factors[:, :17, 0])
    integral = np.trapezoid(variance, np.asarray(TIMES[:17]), axis=1)
    np.testing.assert_allclose(paths.prices[:, 16, 1], 1000.0 * integral, rtol=1e-10)
    cash = np.asarray(paths.discount * paths.prices[..., 1])[:, 16:]
    np.testing.assert_allclose(cash, np.broadcast_to(cash[:, :1], cash.shape), rtol=1e-12)


def test_its_discounted_price_is_a_martingale(paths):
    gains = np.diff(np.asarray(paths.discount * paths.prices[..., 1])[:, :17], axis=1)
    error = gains.std(axis=0, ddof=1) / np.sqrt(len(gains))
    assert np.all(error < 0.05)  # half a percent of its price
    assert np.all(np.abs(gains.mean(axis=0)) < 4.0 * error)


@pytest.mark.slow
def test_a_path_that_starts_again_goes_on():
    normals = jax.random.normal(jax.random.key(5), (24, 2))
    whole = MARKET.path(TIMES, normals)
    rest = MARKET.at(whole.at(8)).path(TIMES[8:], normals[8:])
    np.testing.assert_allclose(rest.prices, whole.prices[8:], rtol=1e-10)
    np.testing.assert_allclose(rest.factors, whole.factors[8:], rtol=1e-10)


@pytest.mark.slow
def test_the_neutral_hedge_is_that_of_the_paper_and_a_table_of_it_is_near():
    """Buehler and others (2019), section 5.2: shares of u_s, swaps of u_v / L_v; without rates."""
    model = dataclasses.replace(MODEL, rate=jnp.asarray(0.0))
    market, claim = ListedModel(model, (SWAP,)), Call(strike=100.0, maturity=0.25)
    pricer = Fourier(model, n_terms=64)
    hedge = GreekNeutralHedge(claim, pricer, market, neutral=("vega",))
    now = dataclasses.replace(market.start(), time=jnp.asarray(0.125))

    def price(spot, variance):
        start = dataclasses.replace(model.start(), time=now.time)
        moved = dataclasses.replace(start, prices=spot[None], factors=variance[None])
        return pricer.price(claim, moved)

    shares, slope = jax.jit(jax.grad(price, (0, 1)))(now.prices[0], now.factors[0])
    swaps = slope / (1000.0 * -np.expm1(-0.125))
    neutral = jax.jit(lambda now: hedge.observe(now))(now)
    np.testing.assert_allclose(neutral, [shares, swaps], rtol=1e-9)
    x, roots = jnp.linspace(-0.4, 0.4, 81), jnp.linspace(0.05, 0.6, 12)
    times = jnp.asarray([0.0, 0.125])
    grid = StateGrid(times, jnp.full_like(times, 100.0), x, roots)
    table = TabulatedHoldings.of(hedge, market, grid)
    np.testing.assert_allclose(table.observe(now), [shares, swaps], rtol=1e-3)
