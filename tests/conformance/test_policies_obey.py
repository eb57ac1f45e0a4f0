"""What every policy must be."""

import dataclasses
import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from family_finder import members

import deephedge.policies
from deephedge.claims import Call, NoClaim
from deephedge.costs import ProportionalCost
from deephedge.markets import BlackScholes, Heston, MergerMarket, simulate
from deephedge.policies import (
    AbstractPolicy,
    Account,
    CalendarStrip,
    ConvertibleArbitrage,
    GreekNeutralHedge,
    MergerArbitrage,
    MinimumVarianceDelta,
    PutCallSymmetry,
    VarianceStrip,
)
from deephedge.pricing import ListedModel
from deephedge.rollout import HedgingProblem, pnl_only, replay, rollout, time_grid

POLICIES = [c.example() for c in members(deephedge.policies, AbstractPolicy)]
# Every policy is always met but those whose options take long to compile.
LONG = ("CalendarStrip", "ConvertibleArbitrage")
pytestmark = pytest.mark.parametrize(
    "policy",
    [
        pytest.param(
            p, marks=pytest.mark.slow if type(p).__name__ in LONG else (), id=type(p).__name__
        )
        for p in POLICIES
    ],
)


def problem_in(market, claim=None):
    return HedgingProblem(
        market,
        Call.example() if claim is None else claim,
        ProportionalCost(0.001),
        time_grid(0.25, 5),
        premium=100.0,
        close_out=True,
    )


@functools.cache
def problem_of(name):
    """The problem in which a policy stands: the usual one, or one of what it reads and holds."""
    if name == "Heston":
        return problem_in(Heston.example())
    if name == "listed":
        return problem_in(ListedModel.example())
    if name == "merger":
        return problem_in(MergerMarket.example(), NoClaim.example())
    if name == "convertible":
        return problem_in(ConvertibleArbitrage.example().market, NoClaim.example())
    for kind in STRIPS:
        if name == kind.__name__:
            return problem_in(kind.example().market, kind.example().claim)
    return problem_in(BlackScholes.example())


@functools.cache
def paths_of(name):
    problem = problem_of(name)
    return simulate(problem.market, problem.times, 6, key=jax.random.key(1))


STRIPS = (CalendarStrip, PutCallSymmetry, VarianceStrip)


def where(policy):
    """The market whose factors the policy reads, or whose options it holds."""
    if isinstance(policy, GreekNeutralHedge):
        return "listed"
    if isinstance(policy, STRIPS):
        return type(policy).__name__
    if isinstance(policy, ConvertibleArbitrage):
        return "convertible"
    if isinstance(policy, MergerArbitrage):
        return "merger"
    return "Heston" if isinstance(policy, MinimumVarianceDelta) else "usual"


def test_a_step_gives_units_of_each_asset_and_keeps_its_memory(policy):
    path = jax.tree.map(lambda x: x[0], paths_of(where(policy)))
    now = dataclasses.replace(path, progress=problem_of(where(policy)).claim.progress(path)).at(0)
    account = Account(holdings=jnp.zeros_like(now.prices), wealth=jnp.asarray(1.0))
    memory = policy.init()
    holdings, after = policy.step(now, account, memory)
    assert holdings.shape == now.prices.shape
    assert np.all(np.isfinite(np.asarray(holdings)))
    assert jax.tree.structure(after) == jax.tree.structure(memory)
    for new, old in zip(jax.tree.leaves(after), jax.tree.leaves(memory), strict=True):
        assert (new.shape, new.dtype) == (old.shape, old.dtype)


def test_no_trade_depends_on_the_future(policy):
    def holdings(path):
        return rollout(problem_of(where(policy)), policy, path).holdings

    known = 3
    path = jax.tree.map(lambda x: x[0], paths_of(where(policy)))
    changed = dataclasses.replace(
        path,
        prices=path.prices.at[known:].multiply(1.2),
        factors=path.factors.at[known:].multiply(1.3),
        discount=path.discount.at[known:].multiply(0.9),
    )
    np.testing.assert_array_equal(holdings(changed)[:known], holdings(path)[:known])


def test_new_values_do_not_compile_again_and_slopes_are_finite(policy):
    problem, paths, traced = problem_of(where(policy)), paths_of(where(policy)), []

    @eqx.filter_jit
    def risk_and_slope(policy):
        traced.append(1)
        arrays, rest = eqx.partition(policy, eqx.is_inexact_array)

        def mean_square(arrays):
            pnl = replay(problem, eqx.combine(arrays, rest), paths, keep=pnl_only)
            return jnp.mean(pnl**2)

        return jax.value_and_grad(mean_square)(arrays)

    for factor in (1.0, 1.01):
        changed = jax.tree.map(lambda x: x * factor if eqx.is_inexact_array(x) else x, policy)  # noqa: B023
        value, slope = risk_and_slope(changed)
        assert np.isfinite(float(value))
        for leaf in jax.tree.leaves(slope):
            assert np.all(np.isfinite(np.asarray(leaf)))
    assert len(traced) == 1
