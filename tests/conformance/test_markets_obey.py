"""What every market must be."""

import dataclasses
import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from family_finder import example, members

import deephedge.markets
from deephedge.markets import AbstractMarket, AbstractModel, HestonEuler, simulate
from deephedge.numerics.draws import antithetic

MARKETS = members(deephedge.markets, AbstractMarket)
MADE_OF_OTHERS = ("Mixture", "OrderFlow")
"""Met under `slow`: the markets that they are made of always are."""
every = pytest.mark.parametrize(
    "market",
    [
        pytest.param(
            c, marks=pytest.mark.slow if c.__name__ in MADE_OF_OTHERS else (), id=c.__name__
        )
        for c in MARKETS
    ],
    indirect=True,
)
models = pytest.mark.parametrize(
    "market",
    [c for c in MARKETS if issubclass(c, AbstractModel)],
    ids=lambda c: c.__name__,
    indirect=True,
)
TIMES = jnp.asarray([0.0, 0.02, 0.05, 0.06, 0.1, 0.3, 0.5, 0.6, 1.0])
N_PATHS = 16_384


@pytest.fixture
def market(request):
    return example(request.param)


@functools.cache
def drawn(kind):
    """Paths of the example under the pricing measure, for all tests that only look at them."""
    market = example(kind)
    market = market.at(market.start()) if isinstance(market, AbstractModel) else market
    return simulate(market, TIMES, N_PATHS, key=jax.random.key(5), draws=antithetic)


def twenty_paths(kind):
    """The first of them."""
    return jax.tree.map(lambda x: x[:20], drawn(kind))


@every
def test_paths_start_at_the_start_and_have_the_shapes_they_say(market):
    paths, start = twenty_paths(type(market)), market.start()
    n_assets, n_factors = start.prices.shape[0], start.factors.shape[0]
    assert paths.prices.shape == paths.accrual.shape == (20, 9, n_assets)
    assert paths.factors.shape == (20, 9, n_factors)
    assert paths.time.shape == paths.discount.shape == (20, 9)
    assert paths.progress.shape == (20, 9, 0)
    for leaf in jax.tree.leaves(paths):
        assert np.all(np.isfinite(np.asarray(leaf)))
    assert np.all(np.asarray(paths.prices) > 0.0)
    np.testing.assert_array_equal(paths.discount[:, 0], 1.0)
    np.testing.assert_array_equal(paths.accrual[:, 0], 1.0)


@models
def test_a_model_starts_where_it_says(market):
    paths, start = twenty_paths(type(market)), market.start()
    first = jax.tree.map(lambda x: x[:, 0], paths)
    for got, stated in (
        (first.time, start.time),
        (first.prices, start.prices),
        (first.factors, start.factors),
    ):
        expected = np.broadcast_to(np.asarray(stated), got.shape)
        np.testing.assert_allclose(got, expected, rtol=1e-12)


@models
def test_discounted_prices_with_dividends_are_martingales(market):
    paths = drawn(type(market))
    value = paths.discount[:, :, None] * paths.prices * paths.accrual
    relative = np.asarray(value / value[:, :1])[:, 1:]
    pairs = relative.reshape(-1, 2, *relative.shape[1:]).mean(1)
    error = pairs.std(axis=0, ddof=1) / np.sqrt(pairs.shape[0])
    assert np.all(error < 2e-3)
    assert np.all(np.abs(pairs.mean(0) - 1.0) < 4.0 * error + 1e-12)


@models
def test_restarting_from_a_date_keeps_the_state(market):
    later = jax.tree.map(lambda x: x[0], twenty_paths(type(market))).at(2)
    again = market.at(later).start()
    np.testing.assert_allclose(again.prices, later.prices, rtol=1e-12)
    np.testing.assert_allclose(again.factors, later.factors, rtol=1e-12)


@pytest.mark.slow
@models
def test_a_path_is_the_chain_of_its_steps(market):
    if isinstance(market, HestonEuler):
        pytest.skip("its variance goes below zero, which the factor does not show")
    times = jnp.asarray([0.1, 0.15, 0.3, 0.35])
    market = market.at(dataclasses.replace(market.start(), time=times[0]))
    normals = jax.random.normal(jax.random.key(4), (64, 3, market.normals_per_step))

    @jax.jit
    @jax.vmap
    def both(normals):
        whole = market.path(times, normals)
        ends = [
            market.at(whole.at(k)).path(times[k : k + 2], normals[k : k + 1]).at(1)
            for k in range(3)
        ]
        stepwise = jax.tree.map(lambda *x: jnp.stack(x), *ends)
        return (whole.prices[1:], whole.factors[1:]), (stepwise.prices, stepwise.factors)

    for whole, stepwise in zip(*both(normals), strict=True):
        # Where one is 0 the other may be a rounding of the parts that cancel.
        np.testing.assert_allclose(stepwise, whole, rtol=1e-9, atol=1e-16)


LONG = (
    "Bates",
    "CIRRates",
    "ConditionalFlow",
    "Correlated",
    "CounterpartyRisk",
    "DoubleHeston",
    "HullWhite",
    "Kou",
    "LiftedHeston",
    "LocalVolatility",
    "RegimeSwitching",
    "VarianceGamma",
    "VasicekRates",
)
"""Whose slopes take long to compile."""


@pytest.mark.parametrize(
    "market",
    [
        pytest.param(
            c,
            marks=pytest.mark.slow if c.__name__ in (*LONG, *MADE_OF_OTHERS) else (),
            id=c.__name__,
        )
        for c in MARKETS
    ],
    indirect=True,
)
def test_float32_stays_float32_and_paths_are_differentiable_in_the_parameters(market):
    small = jax.tree.map(lambda x: x.astype(jnp.float32) if eqx.is_inexact_array(x) else x, market)
    arrays, rest = eqx.partition(small, eqx.is_inexact_array)
    times = TIMES.astype(jnp.float32)

    @eqx.filter_jit
    @eqx.filter_value_and_grad(has_aux=True)
    def slope(arrays):
        paths = simulate(eqx.combine(arrays, rest), times, 20, key=jax.random.key(2))
        return jnp.mean(paths.prices[:, -1]), paths

    (_, paths), slopes = slope(arrays)
    for leaf in jax.tree.leaves((paths, slopes)):
        assert leaf.dtype == jnp.float32
        assert np.all(np.isfinite(np.asarray(leaf)))
