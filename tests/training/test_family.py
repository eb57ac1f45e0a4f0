"""One policy for many problems: what it is told, what it is trained on, and how good it is."""

import dataclasses
import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import Call
from deephedge.costs import ProportionalCost
from deephedge.markets import BlackScholes
from deephedge.numerics.draws import antithetic, pseudo
from deephedge.policies import NoTransactionBand, StaticHedge, WhalleyWilmott
from deephedge.pricing import BlackScholesFormula
from deephedge.risk import Entropic, ExpectedShortfall
from deephedge.rollout import HedgingProblem, time_grid
from deephedge.rollout.sample import hedged
from deephedge.training import Parameter, ProblemFamily, train
from deephedge.training.state import Weights
from deephedge.training.update import Objective

PROBLEM = HedgingProblem(
    BlackScholes(spot=100.0, vol=0.2),
    Call(strike=100.0, maturity=0.1),
    ProportionalCost(0.001),
    time_grid(0.1, 4),
    close_out=False,
)
RISK = Entropic(aversion=1.0)
BASE = WhalleyWilmott(PROBLEM.claim, BlackScholesFormula(vol=0.2), cost_rate=0.001, aversion=1.0)
VOL = Parameter("vol", 0.1, 0.3)
COST = Parameter("cost", 0.0005, 0.005, ("cost.rate", "cost_rate"), log=True)
OTHERS = (
    Parameter("strike", 95.0, 105.0),
    Parameter("maturity", 0.05, 0.15),
    Parameter("aversion", 0.5, 2.0),
)
FAMILY = ProblemFamily(PROBLEM, (VOL, COST, *OTHERS), n_groups=4)


CHEAP = StaticHedge(units=[0.5])


@functools.cache
def band(n_shown):
    return NoTransactionBand.create(
        PROBLEM.market,
        PROBLEM.claim,
        PROBLEM.times,
        base=BASE,
        width=4,
        depth=1,
        n_parameters=n_shown,
        key=jax.random.key(0),
    )


def test_every_place_of_a_parameter_has_its_value():
    point = FAMILY.point(vol=0.3, cost=0.002, strike=95.0, maturity=0.15, aversion=0.5)
    problem, risk = FAMILY.at(PROBLEM, point), FAMILY.at(RISK, point)
    policy = FAMILY.at(band(5), point)
    base, told = policy.base, policy.features
    close = np.testing.assert_allclose
    close(problem.market.vol, [0.3], rtol=1e-12)
    close(base.pricer.vol, 0.3, rtol=1e-12)
    for rate in (problem.cost.rate[0], base.cost_rate):
        close(rate, 0.002, rtol=1e-12)
    for claim in (problem.claim, base.claim):
        close((claim.strike, claim.maturity), (95.0, 0.15), rtol=1e-12)
    close(problem.times, time_grid(0.15, 4), rtol=1e-12)
    close((risk.aversion, base.aversion, told.maturity), (0.5, 0.5, 0.15), rtol=1e-12)
    share = np.log(4.0) / np.log(10.0)
    close(told.parameters, [1.0, 2 * share - 1, -1.0, 1.0, -1.0], rtol=1e-12)
    np.testing.assert_array_equal(policy.network.biases[0], band(5).network.biases[0])
    np.testing.assert_allclose(FAMILY.at(PROBLEM, FAMILY.own_point(RISK)).market.vol, [0.2])


@pytest.mark.slow
def test_what_is_hidden_stays_what_the_policy_believed():
    hidden = ProblemFamily(PROBLEM, (dataclasses.replace(VOL, shown=False), COST))
    point = hidden.point(vol=0.3, cost=0.002)
    policy = hidden.at(band(1), point)
    np.testing.assert_allclose(
        (policy.base.pricer.vol, policy.base.cost_rate), (0.2, 0.002), rtol=1e-12
    )
    assert policy.features.parameters.shape == (1,)
    assert float(hidden.at(PROBLEM, point).market.vol[0]) == pytest.approx(0.3)


def by_hand(family, n, point_of, source):
    """The P&L of n paths, each in its own problem."""

    @jax.jit
    @jax.vmap
    def pnl(index):
        point = point_of(index)
        return hedged(family.at(PROBLEM, point), family.at(CHEAP, point), source(index)).pnl

    return pnl(jnp.arange(n))


@pytest.mark.slow
def test_the_risk_over_a_family_is_the_mean_over_its_groups():
    source = FAMILY.source(pseudo, jax.random.key(3), 16)

    def at(group):
        return jnp.sin(0.5 * jnp.pi * source.point(group)) ** 2

    pnl = np.asarray(by_hand(FAMILY, 16, lambda i: at(i // 4), source)).reshape(4, 4)
    points = np.asarray(jax.jit(jax.vmap(at))(jnp.arange(4)))
    a = 0.5 + 1.5 * points[:, 4]
    risks = np.log(np.mean(np.exp(-a[:, None] * pnl), axis=1)) / a
    found = eqx.filter_jit(ProblemFamily.risk)(FAMILY, CHEAP, RISK, source, 16)
    np.testing.assert_allclose(found, np.mean(risks), rtol=1e-12)
    with pytest.raises(ValueError, match="multiple of 4 groups, got 6"):
        FAMILY.risk(CHEAP, RISK, source, 6)


@pytest.mark.slow
def test_a_curriculum_scales_the_cost_of_every_problem_of_a_family():
    low, high = 0.5 * COST.low, 0.5 * COST.high
    halved = dataclasses.replace(
        FAMILY, parameters=(VOL, dataclasses.replace(COST, low=low, high=high), *OTHERS)
    )
    source = FAMILY.source(pseudo, jax.random.key(6), 16)
    numbers, rest = eqx.partition(CHEAP, eqx.is_array)
    objective = Objective(FAMILY, RISK, jnp.asarray(0.5), 16, "full", None)
    found = eqx.filter_jit(objective)(Weights(numbers, None), rest, None, source)
    wanted = eqx.filter_jit(ProblemFamily.risk)(halved, CHEAP, RISK, source, 16)
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    whole = eqx.filter_jit(ProblemFamily.risk)(FAMILY, CHEAP, RISK, source, 16)
    assert abs(found - whole) > 1e-3


@pytest.mark.slow
def test_a_trained_threshold_is_refused_over_a_family():
    with pytest.raises(ValueError, match='must be "solved" over a family'):
        train(FAMILY, band(5), ExpectedShortfall(0.1), key=jax.random.key(1), threshold="trained")


@pytest.mark.slow
def test_numbers_that_are_drawn_for_each_path_are_part_of_one_risk():
    family = ProblemFamily(PROBLEM, (dataclasses.replace(VOL, shown=False),), n_groups=None)
    source = family.source(pseudo, jax.random.key(4), 16)
    found = eqx.filter_jit(ProblemFamily.risk)(family, CHEAP, RISK, source, 16)
    np.testing.assert_allclose(found, RISK(by_hand(family, 16, source.point, source)), rtol=1e-12)


def test_points_fill_the_box_evenly():
    """The mean of x y over n points of the unit square is 1/4 to O(log n / n), not 1/sqrt(n)."""
    family = ProblemFamily(PROBLEM, (VOL, COST))
    source = family.source(antithetic, jax.random.key(5), 2)
    points = np.asarray(jax.jit(jax.vmap(source.point))(jnp.arange(4096)))
    assert np.all((points >= 0) & (points < 1))
    # Independent points would have a standard error of 0.0034.
    assert abs(np.mean(points[:, 0] * points[:, 1]) - 0.25) < 0.0005


def test_wrong_ranges_are_refused():
    with pytest.raises(ValueError, match="`vol` must have a `low` below its `high`"):
        Parameter("vol", 0.3, 0.1)
    with pytest.raises(ValueError, match="`point` knows cost, vol"):
        ProblemFamily(PROBLEM, (VOL, COST)).point(strike=1.0)
    with pytest.raises(ValueError, match="no field of the problem or the measure is `skew`"):
        ProblemFamily(PROBLEM, (Parameter("skew", 0.0, 1.0),)).own_point(RISK)


def test_a_policy_that_was_not_made_for_what_the_family_shows_is_refused():
    with pytest.raises(ValueError, match=f"must be the {FAMILY.n_shown} numbers.*created with 1"):
        FAMILY.at(band(1), FAMILY.point())
    assert FAMILY.at(band(0), FAMILY.point()).features.parameters.size == 0


@pytest.mark.slow
def test_training_on_a_family_lowers_its_risk_on_fresh_draws():
    policy = band(5)
    trained = train(
        FAMILY, policy, RISK, key=jax.random.key(1), n_steps=40, n_paths=512, validation_paths=4096
    ).policy
    source = FAMILY.source(antithetic, jax.random.key(9), 32_768)
    family = dataclasses.replace(FAMILY, n_groups=64)
    risk = eqx.filter_jit(ProblemFamily.risk)
    before, after = (float(risk(family, p, RISK, source, 32_768)) for p in (policy, trained))
    assert after < before - 0.002
