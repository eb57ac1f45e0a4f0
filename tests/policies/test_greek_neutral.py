"""Hedges that are neutral in more than delta, with listed options."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from deephedge.claims import Call, Put
from deephedge.costs import NoCost
from deephedge.markets import BlackScholes, Heston
from deephedge.policies import DeltaHedge, GreekNeutralHedge, least_cost
from deephedge.pricing import (
    BlackScholesFormula,
    Fourier,
    Held,
    ListedModel,
    Rolled,
    RolledFuture,
    greeks,
)
from deephedge.rollout import HedgingProblem, pnl_only, sample, time_grid

FLAT = BlackScholes(spot=100.0, vol=0.2, rate=0.02, dividend=0.01)
FORMULA = BlackScholesFormula(vol=0.2, rate=0.02, dividend=0.01)
CLAIM = Call(strike=100.0, maturity=0.25)
OPTIONS = (
    Held(Call(strike=105.0, maturity=0.5)),
    Rolled(0.97, 0.25, 0.1, put=True),
    RolledFuture(0.3),
)
TIMES = jnp.asarray(np.linspace(0.0, 0.25, 6))


def greeks_of_the_book(policy, now, names=("delta", "gamma", "vega")):
    """Greeks of the hedge less those of the claim, from the pricers directly."""
    market = policy.market
    units, assets = policy.observe(now), market.assets_at(now)
    book = {name: -value for name, value in greeks(policy.pricer, CLAIM, assets, names).items()}
    book["delta"] = book["delta"] + units[0]
    held, rolled = market.own_factors(now)[:2]
    del held
    contracts = (OPTIONS[0].claim, Put(strike=rolled[0], maturity=rolled[1]))
    for x, contract in zip(units[1:], contracts, strict=False):
        for name, value in greeks(FORMULA, contract, assets, names).items():
            book[name] = book[name] + x * value
    return book


@pytest.mark.parametrize(
    "neutral", [("gamma",), pytest.param(("gamma", "vega"), marks=pytest.mark.slow)]
)
def test_the_book_is_neutral_at_every_date(neutral):
    market = ListedModel(FLAT, OPTIONS[:2])
    policy = GreekNeutralHedge(CLAIM, FORMULA, market, neutral)

    @jax.jit
    def books(normals):
        path = market.path(TIMES, normals)
        return [greeks_of_the_book(policy, path.at(k)) for k in (0, 2, 4)]

    for book in books(jax.random.normal(jax.random.key(0), (5, 1))):
        for name in ("delta", *neutral):
            assert abs(float(book[name])) < 1e-10, (name, book)


def test_bounds_hold_and_delta_is_neutral_within_them():
    market = ListedModel(FLAT, OPTIONS[:2])
    policy = GreekNeutralHedge(
        CLAIM, FORMULA, market, ("gamma", "vega"), lower=0.0, upper=[0.4, 0.3]
    )

    @jax.jit
    def found(normals):
        now = market.path(TIMES, normals).at(2)
        return policy.observe(now), greeks_of_the_book(policy, now)["delta"]

    holdings, delta = found(jax.random.normal(jax.random.key(0), (5, 1)))
    assert np.all(np.asarray(holdings[1:]) >= 0.0)
    assert np.all(np.asarray(holdings[1:]) <= np.array([0.4, 0.3]))
    assert abs(float(delta)) < 1e-10


def test_the_least_cost_is_that_of_a_general_solver():
    rng = np.random.default_rng(0)
    solve = jax.jit(
        lambda a, b, w, u: least_cost(a, b, weights=w, lower=jnp.zeros_like(u), upper=u)
    )
    free = jax.jit(lambda a, b, w: least_cost(a, b, weights=w))
    for _ in range(20):
        a, w, upper = rng.uniform(0.2, 2.0, (1, 2)), rng.uniform(0.5, 3.0, 2), np.full(2, 0.8)
        b = a @ rng.uniform(0.0, 0.8, 2)
        args = [jnp.asarray(x) for x in (a, b, w)]
        # By Lagrange: x proportional to a / w.
        expected = (a[0] / w) * b[0] / np.sum(a[0] ** 2 / w)
        np.testing.assert_allclose(free(*args), expected, rtol=1e-12)
        answer = minimize(
            lambda x: 0.5 * np.sum(w * x**2),  # noqa: B023
            np.full(2, 0.4),
            jac=lambda x: w * x,  # noqa: B023
            bounds=[(0.0, u) for u in upper],
            constraints={"type": "eq", "fun": lambda x: a @ x - b},  # noqa: B023
            method="SLSQP",
            options={"ftol": 1e-14},
        )
        got = np.asarray(solve(*args, jnp.asarray(upper)))
        np.testing.assert_allclose(a @ got, b, rtol=1e-12)
        np.testing.assert_allclose(got, answer.x, atol=1e-6)


@pytest.mark.slow
def test_a_target_out_of_reach_is_approached_as_far_as_the_bounds_let():
    a, b = jnp.asarray([[1.0, 2.0]]), jnp.asarray([10.0])
    upper = jnp.asarray([1.0, 3.0])
    ones = jnp.ones(2)
    got = least_cost(a, b, weights=ones, lower=0.0 * upper, upper=upper)
    np.testing.assert_allclose(got, upper, rtol=1e-12)
    # No instrument has the Greek: nothing is held.
    none = least_cost(0.0 * a, b, weights=ones)
    np.testing.assert_array_equal(none, 0.0)


@pytest.mark.slow
def test_its_slope_is_that_of_central_differences():
    a = jnp.asarray([[1.0, 0.5, 0.8], [0.2, 0.9, 0.4]])
    w, upper = jnp.asarray([1.0, 2.0, 1.5]), jnp.asarray([0.3, 9.0, 9.0])

    @jax.jit
    def units(b):
        return least_cost(a, b, weights=w, lower=-upper, upper=upper)

    b, step = jnp.asarray([0.9, 0.5]), 1e-5
    assert float(units(b)[0]) == 0.3
    slope = jax.jit(jax.jacrev(units))(b)
    for j in range(2):
        e = step * jnp.eye(2)[j]
        quotient = (units(b + e) - units(b - e)) / (2 * step)
        np.testing.assert_allclose(slope[:, j], quotient, atol=1e-8)


def deviation(market, policy, n_steps, n_paths=1024):
    problem = HedgingProblem(
        market, CLAIM, NoCost(), time_grid(0.25, n_steps), policy.pricer, close_out=False
    )
    pnl = sample(problem, policy, n_paths, key=jax.random.key(7), keep=pnl_only)
    return float(np.std(np.asarray(pnl)))


@pytest.mark.slow
def test_delta_gamma_errors_are_smaller_and_of_a_higher_order_in_the_step():
    """On equal steps the kink of a call keeps delta-gamma from the order 1 of smooth payoffs.

    That the rate depends on the payoff's smoothness and on where the dates are is the subject of
    Gobet and Makhlouf (2012), The tracking error rate of the delta-gamma hedging strategy.
    """
    market = ListedModel(FLAT, (Held(Call(strike=100.0, maturity=0.75)),))
    steps = (13, 52)
    gamma = GreekNeutralHedge(CLAIM, FORMULA, market)
    plain = [deviation(market, DeltaHedge(CLAIM, FORMULA), n, 4096) for n in steps]
    better = [deviation(market, gamma, n, 4096) for n in steps]
    assert better[0] < 0.35 * plain[0]
    orders = [np.log(x[0] / x[1]) / np.log(steps[1] / steps[0]) for x in (plain, better)]
    assert 0.45 < orders[0] < 0.55, orders
    assert orders[0] + 0.08 < orders[1] < 0.85, orders


@pytest.mark.slow
def test_delta_vega_beats_delta_under_stochastic_volatility():
    model = dataclasses.replace(Heston.example(), vol_of_variance=jnp.asarray(0.8))
    market, pricer = (
        ListedModel(model, (Held(Call(strike=100.0, maturity=0.5)),)),
        Fourier(model, n_terms=64),
    )
    plain = deviation(market, DeltaHedge(CLAIM, pricer), 13, 512)
    vega = deviation(market, GreekNeutralHedge(CLAIM, pricer, market, "vega"), 13, 512)
    assert vega < 0.7 * plain


def test_bad_choices_are_refused():
    market = ListedModel(FLAT, OPTIONS)
    with pytest.raises(ValueError, match="`neutral` must be"):
        GreekNeutralHedge(CLAIM, FORMULA, market, ("delta",))
    with pytest.raises(ValueError, match="`weights` must be one number"):
        GreekNeutralHedge(CLAIM, FORMULA, market, weights=[1.0, 2.0])
    many = ListedModel(FLAT, tuple(Held(Call(strike=90.0 + k, maturity=0.5)) for k in range(7)))
    with pytest.raises(ValueError, match="must be left out with more than"):
        GreekNeutralHedge(CLAIM, FORMULA, many, upper=1.0)


def test_float32_stays_float32():
    policy = GreekNeutralHedge.example()
    small = jax.tree.map(lambda x: x.astype(jnp.float32) if eqx.is_inexact_array(x) else x, policy)
    holdings = jax.jit(lambda p: p.observe(p.market.start()))(small)
    assert holdings.dtype == jnp.float32
    assert np.all(np.isfinite(np.asarray(holdings)))
