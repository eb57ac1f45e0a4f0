import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import Call, VarianceSwap
from deephedge.costs import CashSpread, CostSum, FixedCost, NoCost, ProportionalCost
from deephedge.markets import BlackScholes, Heston, Historical
from deephedge.numerics import normal
from deephedge.optimum import certificate, shortfall_hedge
from deephedge.optimum.certificate_chain import Chain
from deephedge.optimum.certificate_penalty import penalty_of
from deephedge.optimum.certificate_shadow import SOFTNESS, Choice, ramp
from deephedge.optimum.certificate_step import Step, Width
from deephedge.optimum.tilt import Nodes, Tilt, gauss_hermite
from deephedge.policies import DeltaHedge, Zakamouline
from deephedge.pricing import BlackScholesFormula, Held, ListedModel
from deephedge.risk import (
    Entropic,
    ExpectedShortfall,
    Expectile,
    OptimisedCertaintyEquivalent,
    QuadraticUtility,
)
from deephedge.rollout import HedgingProblem, time_grid

MATURITY = 30 / 365
CALL = Call(strike=100.0, maturity=MATURITY)
COSTS = CostSum((ProportionalCost(0.001), CashSpread(0.02), FixedCost(5.0)))


def problem(market, cost=COSTS, n_steps=3, **terms):
    return HedgingProblem(
        market, CALL, cost, time_grid(MATURITY, n_steps), **{"close_out": False, **terms}
    )


def test_the_mean_of_a_position_in_the_spread_is_that_of_a_fine_quadrature():
    curvature = jnp.array([[[0.03, -0.02], [-0.02, 0.05]]])
    width = Width(jnp.array([0.2]), jnp.array([[0.03, -0.1]]), curvature)
    level, slope, shift = jnp.array([0.4]), jnp.array([[1.0, 0.5]]), jnp.array([0.2, -0.1])
    z = jnp.linspace(-8.0, 8.0, 81)
    one = normal.pdf(z) * (z[1] - z[0])
    nodes = Nodes(
        jnp.stack(jnp.meshgrid(z, z), axis=-1).reshape(-1, 2), jnp.outer(one, one).ravel()
    )

    @jax.jit
    def both(nodes):
        moved = nodes.points + shift[None]
        place = ramp(level[0] + moved @ slope[0], SOFTNESS).value
        return width.mean(level, slope, shift), nodes.weights @ (
            jax.vmap(width)(moved)[:, 0] * place
        )

    ours, theirs = both(nodes)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)
    # A ramp is a number cut off at -1 and 1, but for its softness.
    np.testing.assert_allclose(ramp(jnp.array([-3.0, 0.0, 3.0]), 0.1).value, [-1, 0, 1], atol=1e-12)


def test_penalties_are_those_of_a_normal_law_that_is_moved():
    """L = exp(d x - d^2 / 2) has E_P[L log L] = d^2 / 2 and E_P[(L - 1)^2] = exp(d^2) - 1."""
    nodes, shift = gauss_hermite(40, 1, jnp.dtype(float)), 0.6
    logs = shift * nodes.points[:, 0] - 0.5 * shift**2
    weights = nodes.weights * jnp.exp(logs)
    entropy, square = (
        weights @ jax.vmap(penalty_of(risk))(logs)
        for risk in (Entropic(0.5), OptimisedCertaintyEquivalent(QuadraticUtility(0.25)))
    )
    np.testing.assert_allclose(entropy, 0.5 * shift**2 / 0.5, rtol=1e-12)
    np.testing.assert_allclose(square, np.expm1(shift**2) / 0.5, rtol=1e-12)


def test_a_chain_goes_where_the_market_goes_and_its_moves_limit_those_in_the_spread():
    market = BlackScholes(spot=[100.0, 50.0], vol=[0.2, 0.3], rate=0.03, dividend=0.01, drift=0.2)
    chain = Chain.of(problem(market))
    normals = jnp.array([[0.3, -1.0], [1.2, 0.4], [-0.5, 0.1]])
    path = market.path(chain.times, normals)

    choice = Choice(
        jnp.array([0.5, -2.0]),
        jnp.ones((2, 2)),
        Tilt(jnp.array([0.1, 0.2]), jnp.array([[2.0, 0.0], [0.3, 0.5]])),
        jnp.zeros(2),
    )
    dear = dataclasses.replace(chain, cost=ProportionalCost(0.5))
    place = jnp.array([-0.4, 1.0])

    @jax.jit
    def walked(normals):
        now = chain.start()
        width = chain.half_width(now)
        eases = [
            Step(x, choice, now, jnp.asarray(0), jnp.asarray(1.0), jnp.asarray(0.0)).ease()
            for x in (chain, dear)
        ]
        stays, goes = (choice.eased(place, jnp.asarray(ease)) for ease in (0.0, 1.0))
        for k in range(3):
            now = chain.after(k, now, normals[k])
        return width, now, eases, stays, goes

    width, end, eases, stays, goes = walked(normals)
    # Edge to edge is 100 on a price whose normal moves it so much: most of all for the first asset.
    dt = MATURITY / 3
    move = 100.0 * 0.2 * dt**0.5 * np.exp((0.2 - 0.03 + 0.01 - 0.5 * 0.2**2) * dt)
    np.testing.assert_allclose(eases, [1.0, 0.75 * move / 100.0], rtol=1e-12)
    for ours, theirs in (
        (stays.level, place),
        (stays.slope, np.zeros((2, 2))),
        (stays.tilt.normals(normals[0]), normals[0]),
        (goes.level, choice.level),
        (goes.tilt.normals(normals[0]), choice.tilt.normals(normals[0])),
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-15)
    np.testing.assert_allclose(width, [0.12, 0.07], rtol=1e-12)
    np.testing.assert_allclose(end.prices, path.prices[-1], rtol=1e-12)
    np.testing.assert_allclose(end.discount, path.discount[-1], rtol=1e-12)
    np.testing.assert_allclose(end.accrual, path.accrual[-1], rtol=1e-12)


def test_what_has_no_certificate_is_refused():
    flat = BlackScholes(spot=100.0, vol=0.2)
    history = problem(Historical.example(), n_steps=2)
    with pytest.raises(ValueError, match="model that can start again"):
        Chain.of(history)
    swap = Held(VarianceSwap(strike=0.0, maturity=MATURITY / 2))
    with pytest.raises(ValueError, match="as many normals a step as assets, 2, got 1"):
        Chain.of(problem(ListedModel(flat, (swap,))))
    early = ListedModel(Heston.example(), (swap,))
    with pytest.raises(ValueError, match="held to the end"):
        Chain.of(problem(early, n_steps=2))
    with pytest.raises(ValueError, match="its dual is not known"):
        certificate(problem(flat), Expectile.example(), key=jax.random.key(0))


ZAKAMOULINE = Zakamouline(CALL, BlackScholesFormula(vol=0.2), cost_rate=0.001, aversion=1.0)
OPTIMUM = 2.5249


@pytest.mark.slow
def test_the_bound_stays_below_the_known_optimum_and_comes_near_it():
    reference = problem(BlackScholes(spot=100.0, vol=0.2), ProportionalCost(0.001), 30)
    found = certificate(
        reference,
        Entropic(1.0),
        policy=ZAKAMOULINE,
        key=jax.random.key(0),
        n_steps=200,
        evaluation_paths=32_768,
    )
    assert found.standard_error < 2e-3
    assert found.bound < OPTIMUM + 4 * found.standard_error
    assert found.gap(OPTIMUM) < 0.01
    assert found.slack_share < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("risk", "drift"),
    [
        pytest.param(Entropic(0.5), 0.5, id="entropic"),
        # The best density is linear in the move, which an exponential one is near for small drifts.
        pytest.param(OptimisedCertaintyEquivalent(QuadraticUtility(0.1)), 0.1, id="quadratic"),
    ],
)
def test_one_step_without_costs_against_the_best_single_holding(risk, drift):
    """The optimum over one number, by quadrature; the bound of a tilt is at most that."""
    vol = 0.2 * MATURITY**0.5
    nodes = gauss_hermite(200, 1, jnp.dtype(float))
    moves = 100.0 * jnp.exp(drift * MATURITY - 0.5 * vol**2 + vol * nodes.points[:, 0]) - 100.0
    measure = jax.jit(lambda h: risk(h * moves - jnp.maximum(moves, 0.0), nodes.weights))
    least = min(float(measure(h)) for h in np.linspace(-0.5, 1.5, 2001))
    drifted = problem(BlackScholes(spot=100.0, vol=0.2, drift=drift), ProportionalCost(0.0), 1)
    found = certificate(drifted, risk, key=jax.random.key(1), n_steps=200, evaluation_paths=65_536)
    assert found.standard_error < 5e-3 * least
    assert found.bound < least + 4 * found.standard_error
    assert found.gap(least) < 0.15
    assert found.slack_share < 1.0


@pytest.mark.slow
def test_expected_shortfall_stays_below_its_optimum_and_well_above_the_price():
    """The optimum is by dynamic programming over wealth; without a tilt the bound is the price."""
    market, claim, times = BlackScholes(spot=100.0, vol=0.2), Call(100.0, 0.5), time_grid(0.5, 6)
    least = shortfall_hedge(market, claim, times, tail=0.1, n_wealth=129, per_deviation=2)
    found = certificate(
        HedgingProblem(market, claim, NoCost(), times, close_out=False),
        ExpectedShortfall(tail=0.1),
        key=jax.random.key(0),
        policy=DeltaHedge(claim, BlackScholesFormula(vol=0.2)),
        n_steps=100,
        learning_rate=0.02,
        evaluation_paths=16_384,
    )
    print(f"optimum {float(least.risk):.4f} ({float(least.uncertainty):.1e}), {found}")
    assert found.standard_error < 5e-3 * least.risk
    assert found.bound < least.risk + 4 * found.standard_error
    assert found.gap(float(least.risk)) < 0.1
    assert found.slack_share < 1.0
