"""Correlated parts: their own laws, the correlation between them, and what is refused."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.markets import (
    BlackScholes,
    Correlated,
    Garch,
    Heston,
    Merton,
    VasicekRates,
    simulate,
)

DAY = 1.0 / 252
BLACK, HESTON, MERTON = BlackScholes.example(), Heston.example(), Merton.example()
MIXED = Correlated((MERTON, HESTON, BLACK), [[1.0, 0.3, -0.6], [0.3, 1.0, 0.2], [-0.6, 0.2, 1.0]])


_path = eqx.filter_jit(lambda model, times, normals: model.path(times, normals))


def _moves(model, dt=DAY, n_paths=16_384):
    paths = simulate(model, jnp.asarray([0.0, dt]), n_paths, key=jax.random.key(0))
    return np.diff(np.log(np.asarray(paths.prices)), axis=1)[:, 0]


def _assert_correlation(moves, truth):
    found = np.corrcoef(moves.T)[0, 1]
    assert abs(found - truth) < 4.0 * (1.0 - truth**2) / np.sqrt(len(moves)), (found, truth)


@pytest.mark.parametrize("truth", [-0.9, 0.0, 0.6])
def test_log_returns_have_the_stated_correlation(truth):
    model = Correlated((BLACK, dataclasses.replace(BLACK, vol=[0.4])), [[1.0, truth], [truth, 1.0]])
    _assert_correlation(_moves(model, dt=1.0), truth)


def test_garch_returns_have_the_stated_correlation_over_a_day():
    model = Correlated((BLACK, Garch.example()), [[1.0, 0.6], [0.6, 1.0]])
    _assert_correlation(_moves(model), 0.6)


def test_the_variance_s_share_of_a_price_s_shock_is_not_correlated():
    # Log-return of a short step: rho from the variance, the rest from the price's own normal.
    other = dataclasses.replace(HESTON, correlation=0.5)
    model = Correlated((HESTON, other), [[1.0, 0.8], [0.8, 1.0]])
    _assert_correlation(_moves(model), 0.8 * np.sqrt(1.0 - 0.49) * np.sqrt(1.0 - 0.25))


def test_black_scholes_parts_are_black_scholes_of_several_assets():
    rho = np.array([[1.0, 0.4], [0.4, 1.0]])
    together = BlackScholes(
        spot=[100.0, 50.0], vol=[0.2, 0.3], rate=0.02, dividend=0.01, correlation=rho
    )
    second = dataclasses.replace(BLACK, spot=[50.0], vol=[0.3])
    times = jnp.asarray([0.0, 0.3, 1.0])
    normals = jax.random.normal(jax.random.key(1), (2, 2))
    one, other = (_path(m, times, normals) for m in (together, Correlated((BLACK, second), rho)))
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.slow
def test_each_part_moves_as_it_would_alone():
    times = jnp.asarray([0.0, 0.1, 0.5])
    normals = jax.random.normal(jax.random.key(2), (2, 6))
    path = _path(MIXED, times, normals)
    own = np.asarray(normals[:, :3]) @ np.linalg.cholesky(np.asarray(MIXED.correlation)).T
    alone = [np.hstack([own[:, :1], normals[:, 3:5]]), np.hstack([own[:, 1:2], normals[:, 5:]])]
    for j, (part, z) in enumerate(zip((MERTON, HESTON), alone, strict=True)):
        same = _path(part, times, jnp.asarray(z))
        np.testing.assert_allclose(path.prices[:, j], same.prices[:, 0], rtol=1e-12)
    np.testing.assert_allclose(path.factors, same.factors, rtol=1e-12)
    np.testing.assert_allclose(path.discount, same.discount, rtol=1e-12)


def test_restarting_and_shifting_reach_every_part():
    path = _path(MIXED, jnp.asarray([0.0, 0.5]), jax.random.normal(jax.random.key(3), (1, 6)))
    now = path.at(1)
    model, moved = MIXED.at(now).shifted(now, vol=jnp.asarray(0.01), rate=jnp.asarray(0.002))
    np.testing.assert_allclose(model.parts[0].vol, 0.16, rtol=1e-12)
    np.testing.assert_allclose(model.parts[2].vol, [0.21], rtol=1e-12)
    np.testing.assert_allclose(jnp.sqrt(moved.factors), jnp.sqrt(now.factors) + 0.01, rtol=1e-12)
    np.testing.assert_allclose([float(part.rate) for part in model.parts], 0.022, rtol=1e-12)
    np.testing.assert_array_equal(model.start().prices, now.prices)


def test_it_can_be_built_under_jit():
    @eqx.filter_jit
    def last(rho):
        rows = jnp.stack([jnp.stack([1.0 + 0.0 * rho, rho]), jnp.stack([rho, 1.0 + 0.0 * rho])])
        model = Correlated((BLACK, HESTON), rows)
        return model.path(jnp.asarray([0.0, 1.0]), jnp.ones((1, 3))).prices[-1]

    exact = Correlated((BLACK, HESTON), [[1.0, 0.3], [0.3, 1.0]])
    path = _path(exact, jnp.asarray([0.0, 1.0]), jnp.ones((1, 3)))
    np.testing.assert_allclose(last(jnp.asarray(0.3)), path.prices[-1], rtol=1e-12)


@pytest.mark.parametrize(
    ("parts", "rho", "message"),
    [
        ((BLACK, dataclasses.replace(BLACK, rate=0.05)), 0.1, "rates over the first year of 0.02,"),
        ((BLACK, VasicekRates.example()), 0.1, "the same constant interest rate"),
        ((BLACK,), 0.1, "`correlation` must be 1 x 1"),
        ((BLACK, BLACK), 1.1, "positive definite"),
        ((BLACK, dataclasses.replace(BLACK, spot=[1.0, 2.0], vol=[0.1, 0.1])), 0.1, "one-asset"),
    ],
)
def test_parts_that_do_not_fit_are_refused(parts, rho, message):
    with pytest.raises(ValueError, match=message):
        Correlated(parts, [[1.0, rho], [rho, 1.0]])
