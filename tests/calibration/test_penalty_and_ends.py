"""Smoothness of local volatilities, and parameters whose best value is an end of their domain."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.calibration import (
    ByForwardEquation,
    Quotes,
    calibrate,
    calibrate_sabr,
    fit_surface,
    local_volatility,
)
from deephedge.calibration.forward_equation import second_differences
from deephedge.calibration.standard_errors import standard_errors
from deephedge.data import spy_chain
from deephedge.markets import SABR, LocalVolatility
from deephedge.pricing import hagan_vol


def test_second_differences_are_those_of_even_nodes_and_none_of_a_line():
    values = np.random.default_rng(0).normal(size=(6, 2))
    even = second_differences(jnp.linspace(-1.0, 1.5, 6), jnp.asarray(values))
    np.testing.assert_allclose(even, np.diff(values, n=2, axis=0), rtol=1e-12, atol=1e-12)
    nodes = jnp.asarray([-2.0, -0.3, 0.0, 0.1, 1.7])
    line = jnp.stack([3.0 - 2.0 * nodes, 0.5 + nodes], axis=1)
    np.testing.assert_allclose(second_differences(nodes, line), 0.0, atol=1e-12)


def test_a_surface_that_is_linear_in_both_directions_costs_nothing():
    k, dates = np.array([-0.4, -0.1, 0.0, 0.3]), np.array([0.1, 0.2, 0.7])
    model = LocalVolatility(100.0, 0.2 - 0.1 * k[None] + 0.05 * dates[:, None], dates, k)
    np.testing.assert_allclose(ByForwardEquation().roughness(model), 0.0, atol=1e-15)
    bent = dataclasses.replace(model, vols=model.vols.at[1, 1].add(0.01))
    terms = ByForwardEquation(smoothness=0.04).roughness(bent)
    # Two bends along each of 3 dates, one along each of 4 strikes; one node is part of three.
    assert terms.shape == (10,) and int(jnp.sum(jnp.abs(terms) > 1e-9)) == 3
    assert ByForwardEquation(smoothness=0.0).roughness(model).shape == (0,)
    with pytest.raises(ValueError, match="`smoothness` must be zero or positive, got -1"):
        ByForwardEquation(smoothness=-1.0)


def test_with_a_penalty_the_errors_are_those_of_a_belief():
    rng = np.random.default_rng(1)
    design, penalty = rng.normal(size=(40, 3)), np.array([[0.0, 0.0, 2.0]])
    errors = rng.normal(size=40)
    names = ["a", "b", "c"]
    precision = design.T @ design + penalty.T @ penalty
    spent = np.trace(design @ np.linalg.solve(precision, design.T))
    assert 2.0 < spent < 3.0
    exact = np.sqrt(np.diag(np.linalg.inv(precision)) * (errors @ errors) / (40 - spent))
    got = standard_errors(names, design, errors, penalty)
    np.testing.assert_allclose([got[n] for n in names], exact, rtol=1e-12)
    plain, none = (standard_errors(names, design, errors, p) for p in (None, penalty[:0]))
    np.testing.assert_allclose([plain[n] for n in names], [none[n] for n in names], rtol=1e-12)
    # A parameter that no quote sees is known as well as the penalty knows it.
    unseen = design * np.array([1.0, 1.0, 0.0])
    assert math.isinf(standard_errors(names, unseen, errors)["c"])
    assert 0.0 < standard_errors(names, unseen, errors, penalty)["c"] < 1.0


@pytest.mark.slow
def test_a_smile_too_concave_for_any_correlation_is_fitted_at_the_end_of_the_domain():
    strikes, maturity = np.linspace(85.0, 112.0, 12), 0.1
    truth = SABR(spot=100.0, alpha=0.2, exponent=1.0, vol_of_vol=1.2, correlation=-0.99)
    fields = {
        name: jnp.asarray(vars(truth)[name], float)
        for name in ("alpha", "exponent", "vol_of_vol", "correlation")
    }
    vols = jax.vmap(
        lambda k: hagan_vol(forward=truth.spot, strike=k, tau=jnp.asarray(maturity), **fields)
    )(jnp.asarray(strikes))
    concave = np.asarray(vols) - np.log(strikes / 100.0) ** 2
    quotes = Quotes.from_vols(
        strikes, maturity, bid=concave - 1e-3, ask=concave + 1e-3, forward=100.0
    )
    start = dataclasses.replace(truth, correlation=-0.5)
    found = calibrate(start, quotes, free=("alpha", "vol_of_vol", "correlation"))
    assert found.converged and "`correlation` has run to the end" in found.message
    assert found.parameters["correlation"] < -0.9999
    assert math.isnan(found.standard_errors["correlation"])
    inside = dataclasses.replace(found.model, correlation=-0.98)
    held = calibrate(inside, quotes, free=("alpha", "vol_of_vol"))
    assert held.converged and held.cost > found.cost
    # Given the correlation, the others are as uncertain as if it had never been free.
    assert held.standard_errors["alpha"] == pytest.approx(found.standard_errors["alpha"], rel=0.2)


def chain():
    pytest.importorskip("stochvolmodels")
    return Quotes.from_vols(**spy_chain().columns(), allow_arbitrage=True)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the package with the quotes warns as it is imported
def test_sabr_at_21_days_of_the_real_chain_is_best_at_a_correlation_of_minus_one():
    quotes = chain()
    first = np.unique(quotes.maturity)[0]
    smile = quotes.where(quotes.maturity == first)
    (found,) = calibrate_sabr(smile, weight="spread").values()
    assert found.converged and found.parameters["correlation"] < -0.9999
    costs = [found.cost]
    for correlation in (-0.99, -0.9, -0.8):
        start = dataclasses.replace(found.model, correlation=correlation)
        held = calibrate(start, smile, free=("alpha", "vol_of_vol"), weight="spread")
        assert held.converged
        costs.append(held.cost)
    assert np.all(np.diff(costs) > 0)
    np.testing.assert_allclose(costs, [2585.0, 2598.0, 2848.0, 3594.0], atol=0.5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_penalty_tames_the_far_nodes_of_the_real_chain():
    quotes = chain()
    start = local_volatility(
        fit_surface(quotes),
        spot=381.0,
        maturities=np.array([0.03, 0.1, 0.2, 0.43]),
        log_moneyness=np.array([-0.35, -0.2, -0.1, -0.03, 0.03, 0.1, 0.2]),
    )
    smooth = calibrate(start, quotes, weight="spread", max_steps=60)
    assert smooth.converged and smooth.message == "converged."
    assert 100.0 * smooth.rmse == pytest.approx(0.160, abs=5e-4)
    assert smooth.inside == pytest.approx(0.20, abs=5e-3)
    assert max(smooth.standard_errors.values()) < 0.05
    method = ByForwardEquation(smoothness=0.0)
    free = calibrate(start, quotes, weight="spread", method=method, max_steps=60)
    # A slightly better fit, bought with volatilities of 480 % that no quote tells.
    assert not free.converged and free.cost < smooth.cost
    assert 100.0 * free.rmse == pytest.approx(0.137, abs=5e-4)
    assert free.inside == pytest.approx(0.24, abs=5e-3)
    assert free.parameters["vols[0, 6]"] > 4.0 > 0.2 > smooth.parameters["vols[0, 6]"]
    assert free.standard_errors["vols[0, 6]"] > 1.0
