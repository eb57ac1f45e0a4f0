import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import Call, VarianceSwap
from deephedge.costs import CashSpread, CostSum, FixedCost, ProportionalCost
from deephedge.markets import BlackScholes, Heston, Historical
from deephedge.numerics import normal
from deephedge.optimum import certificate
from deephedge.optimum.certificate_chain import Chain
from deephedge.optimum.certificate_dual import Width
from deephedge.optimum.certificate_shadow import SOFTNESS, ramp
from deephedge.optimum.tilt import Nodes, gauss_hermite
from deephedge.policies import Zakamouline
from deephedge.pricing import BlackScholesFormula, Held, ListedModel
from deephedge.risk import Entropic, ExpectedShortfall
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


def test_a_chain_goes_where_the_market_goes_and_only_proportional_costs_make_its_spread():
    market = BlackScholes(spot=[100.0, 50.0], vol=[0.2, 0.3], rate=0.03, dividend=0.01, drift=0.2)
    chain = Chain.of(problem(market))
    normals = jnp.array([[0.3, -1.0], [1.2, 0.4], [-0.5, 0.1]])
    path = market.path(chain.times, normals)

    @jax.jit
    def walked(normals):
        now = chain.start()
        width = chain.half_width(now)
        for k in range(3):
            now = chain.after(k, now, normals[k])
        return width, now

    width, end = walked(normals)
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
    with pytest.raises(ValueError, match="must be Entropic"):
        certificate(problem(flat), ExpectedShortfall(0.1), key=jax.random.key(0))


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
    assert found.gap(OPTIMUM) < 0.02
    assert found.slack_share < 1e-3


@pytest.mark.slow
def test_one_step_without_costs_against_the_best_single_holding():
    """The optimum over one number, by quadrature; the bound of a tilt is at most that."""
    aversion, vol = 0.5, 0.2 * MATURITY**0.5
    nodes = gauss_hermite(200, 1, jnp.dtype(float))
    z = np.asarray(nodes.points[:, 0])
    moves = 100.0 * np.exp(0.5 * MATURITY - 0.5 * vol**2 + vol * z) - 100.0
    losses = [np.maximum(moves, 0.0) - h * moves for h in np.linspace(-0.5, 1.5, 2001)]
    risks = [np.log(nodes.weights @ np.exp(aversion * x)) / aversion for x in losses]
    drifted = problem(BlackScholes(spot=100.0, vol=0.2, drift=0.5), ProportionalCost(0.0), 1)
    found = certificate(
        drifted,
        Entropic(aversion),
        key=jax.random.key(1),
        n_steps=200,
        evaluation_paths=65_536,
    )
    assert found.standard_error < 5e-3 * min(risks)
    assert found.bound < min(risks) + 4 * found.standard_error
    assert found.gap(min(risks)) < 0.15
    assert found.slack_share < 1.0
