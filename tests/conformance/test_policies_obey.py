"""What every policy must be."""

import dataclasses
import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from family_finder import example, members

import deephedge.optimum
import deephedge.policies
from deephedge.claims import Call, NoClaim
from deephedge.costs import ProportionalCost
from deephedge.markets import BlackScholes, Heston, MergerMarket, simulate
from deephedge.policies import (
    AbstractPolicy,
    AbstractStaticProtection,
    Account,
    CalendarStrip,
    ConvertibleArbitrage,
    GammaScalping,
    GreekNeutralHedge,
    MergerArbitrage,
    MinimumVarianceDelta,
    PutCallSymmetry,
    ScaledProtection,
    TailHedge,
    VarianceStrip,
)
from deephedge.pricing import ListedModel
from deephedge.rollout import HedgingProblem, replay, time_grid

STRIPS = (CalendarStrip, PutCallSymmetry, VarianceStrip)
# Every policy is always met but those whose instruments take long to compile.
LONG = (
    "BandFormula",
    "BartlettDelta",
    "CalendarStrip",
    "Collar",
    "ConvertibleArbitrage",
    "DeepSets",
    "Escalation",
    "GreekNeutralHedge",
    "HoggardWhalleyWilmott",
    "HullWhiteDelta",
    "MinimumVarianceDelta",
    "NoTransactionRegion",
    "RebalanceAtOptimum",
    "RebalanceOnGamma",
    "RebalanceOnVolMove",
    "Recalibrated",
    "ScaledProtection",
    "ShortfallOptimal",
    "SyntheticPut",
    "VarianceStrip",
    "VolBand",
    "WithForecast",
    "Zakamouline",
)
pytestmark = pytest.mark.parametrize(
    "policy",
    [
        pytest.param(c, marks=pytest.mark.slow if c.__name__ in LONG else (), id=c.__name__)
        for package in (deephedge.policies, deephedge.optimum)
        for c in members(package, AbstractPolicy)
    ],
    indirect=True,
)


@pytest.fixture
def policy(request):
    return example(request.param)


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
    if name == "rolled":
        return problem_in(TailHedge.example().market)
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


def where(policy):
    """The market whose factors the policy reads, or whose options it holds."""
    if isinstance(policy, GreekNeutralHedge | GammaScalping):
        return "listed"
    if isinstance(policy, STRIPS):
        return type(policy).__name__
    if isinstance(policy, ConvertibleArbitrage):
        return "convertible"
    if isinstance(policy, MergerArbitrage):
        return "merger"
    if isinstance(policy, AbstractStaticProtection | ScaledProtection | TailHedge):
        return "rolled"
    return "Heston" if isinstance(policy, MinimumVarianceDelta) else "usual"


class Compiled:
    """One program for the policies of a kind: the ledgers of paths, or the slope of squared P&L."""

    def __init__(self, problem, slopes):
        self.traced = 0

        def ledgers(policy, paths):
            self.traced += 1
            ledger = replay(problem, policy, paths)
            return ledger.pnl, ledger.holdings

        def slope(policy, paths):
            self.traced += 1
            arrays, rest = eqx.partition(policy, eqx.is_inexact_array)

            def mean_square(arrays):
                return jnp.mean(replay(problem, eqx.combine(arrays, rest), paths).pnl ** 2)

            return jax.value_and_grad(mean_square)(arrays)

        self.run = eqx.filter_jit(slope if slopes else ledgers)


@functools.cache
def compiled(kind, problem, slopes=False):
    """One compilation serves all that is asked of a policy."""
    return Compiled(problem_of(problem), slopes)


def changed_by(policy, factor):
    """The policy with every number multiplied."""
    return jax.tree.map(lambda x: x * factor if eqx.is_inexact_array(x) else x, policy)


def test_a_step_gives_units_of_each_asset_and_keeps_its_memory(policy):
    path = jax.tree.map(lambda x: x[0], paths_of(where(policy)))
    now = dataclasses.replace(path, progress=problem_of(where(policy)).claim.progress(path)).at(0)
    account = Account(holdings=jnp.zeros_like(now.prices), wealth=jnp.asarray(1.0))
    memory = policy.init()
    holdings, after = eqx.filter_eval_shape(policy.step, now, account, memory)
    assert holdings.shape == now.prices.shape
    assert jax.tree.structure(after) == jax.tree.structure(memory)
    for new, old in zip(jax.tree.leaves(after), jax.tree.leaves(memory), strict=True):
        assert (new.shape, new.dtype) == (old.shape, old.dtype)


def test_no_trade_depends_on_the_future(policy):
    run, paths = compiled(type(policy), where(policy)).run, paths_of(where(policy))
    known = 3

    @jax.vmap
    def changed(path):
        return dataclasses.replace(
            path,
            prices=path.prices.at[known:].multiply(1.2),
            factors=path.factors.at[known:].multiply(1.3),
            discount=path.discount.at[known:].multiply(0.9),
        )

    pnl, holdings = run(policy, paths)
    _, others = run(policy, changed(paths))
    assert np.all(np.isfinite(pnl)) and np.all(np.isfinite(holdings))
    np.testing.assert_array_equal(others[:, :known], holdings[:, :known])


def test_new_values_do_not_compile_again(policy):
    one, paths = compiled(type(policy), where(policy)), paths_of(where(policy))
    for factor in (1.0, 1.01):
        pnl, _ = one.run(changed_by(policy, factor), paths)
        assert np.all(np.isfinite(pnl))
    assert one.traced == 1


@pytest.mark.slow
def test_slopes_are_finite(policy):
    one, paths = compiled(type(policy), where(policy), slopes=True), paths_of(where(policy))
    for factor in (1.0, 1.01):
        value, slope = one.run(changed_by(policy, factor), paths)
        assert np.isfinite(float(value))
        for leaf in jax.tree.leaves(slope):
            assert np.all(np.isfinite(np.asarray(leaf)))
    assert one.traced == 1
