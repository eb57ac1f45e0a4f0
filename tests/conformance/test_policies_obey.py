"""What every policy must be."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from family_finder import members

import deephedge.policies
from deephedge.claims import Call
from deephedge.costs import ProportionalCost
from deephedge.markets import BlackScholes, Heston, simulate
from deephedge.policies import (
    AbstractPolicy,
    AbstractStaticProtection,
    Account,
    GreekNeutralHedge,
    MinimumVarianceDelta,
    ScaledProtection,
    TailHedge,
)
from deephedge.pricing import ListedModel
from deephedge.rollout import HedgingProblem, pnl_only, replay, rollout, time_grid

POLICIES = [c.example() for c in members(deephedge.policies, AbstractPolicy)]
pytestmark = pytest.mark.parametrize("policy", POLICIES, ids=lambda p: type(p).__name__)


def problem_in(market):
    return HedgingProblem(
        market,
        Call.example(),
        ProportionalCost(0.001),
        time_grid(0.25, 5),
        premium=100.0,
        close_out=True,
    )


PROBLEMS = {
    name: problem_in(market)
    for name, market in {
        "usual": BlackScholes.example(),
        "Heston": Heston.example(),
        "listed": ListedModel.example(),
        "rolled": TailHedge.example().market,
    }.items()
}
PATHS = {
    name: simulate(problem.market, problem.times, 6, key=jax.random.key(1))
    for name, problem in PROBLEMS.items()
}


def where(policy):
    """The market whose factors the policy reads, or whose options it holds."""
    if isinstance(policy, GreekNeutralHedge):
        return "listed"
    if isinstance(policy, AbstractStaticProtection | ScaledProtection | TailHedge):
        return "rolled"
    return "Heston" if isinstance(policy, MinimumVarianceDelta) else "usual"


def test_a_step_gives_units_of_each_asset_and_keeps_its_memory(policy):
    now = PROBLEMS[where(policy)].market.start()
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
        return rollout(PROBLEMS[where(policy)], policy, path).holdings

    known = 3
    path = jax.tree.map(lambda x: x[0], PATHS[where(policy)])
    changed = dataclasses.replace(
        path,
        prices=path.prices.at[known:].multiply(1.2),
        factors=path.factors.at[known:].multiply(1.3),
        discount=path.discount.at[known:].multiply(0.9),
    )
    np.testing.assert_array_equal(holdings(changed)[:known], holdings(path)[:known])


def test_new_values_do_not_compile_again_and_slopes_are_finite(policy):
    problem, paths, traced = PROBLEMS[where(policy)], PATHS[where(policy)], []

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
