"""Drawing many paths: batches, draws and replays change nothing but the numbers drawn."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import Call
from deephedge.costs import ProportionalCost
from deephedge.markets import BlackScholes, simulate
from deephedge.numerics.draws import antithetic, pseudo, sobol
from deephedge.policies import DeltaHedge, NoHedge
from deephedge.policies.base import AbstractTargetPolicy
from deephedge.pricing import BlackScholesFormula
from deephedge.rollout import HedgingProblem, pnl_only, replay, sample, sample_each, time_grid
from deephedge.rollout.sample import at_once

KEY = jax.random.key(7)
CALL = Call(strike=100.0, maturity=0.25)
MARKET = BlackScholes(spot=100.0, vol=0.2, rate=0.02)
HEDGE = DeltaHedge(CALL, BlackScholesFormula(vol=0.2, rate=0.02))
PROBLEM = HedgingProblem(
    MARKET, CALL, ProportionalCost(0.001), time_grid(0.25, 5), 4.0, close_out=True
)
DRAWS = pytest.mark.parametrize("draws", [pseudo, antithetic, sobol], ids=lambda d: d.__name__)


def same(a, b):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-12), a, b)


@pytest.mark.parametrize(
    "draws", [antithetic, *(pytest.param(d, marks=pytest.mark.slow) for d in (pseudo, sobol))]
)
@pytest.mark.parametrize(
    "batch_size", [7, *(pytest.param(n, marks=pytest.mark.slow) for n in (32, 1000))]
)
def test_batches_change_nothing(draws, batch_size):
    whole = sample(PROBLEM, HEDGE, 64, key=KEY, draws=draws, batch_size=64)
    same(sample(PROBLEM, HEDGE, 64, key=KEY, draws=draws, batch_size=batch_size), whole)


@pytest.mark.parametrize(("n_steps", "paths"), [(1, 16_384), (30, 16_384), (1008, 520)])
def test_more_dates_are_fewer_paths_at_once(n_steps, paths):
    problem = eqx.tree_at(lambda p: p.times, PROBLEM, time_grid(0.25, n_steps))
    assert at_once(problem, 100_000, None) == paths
    assert at_once(problem, 100, None) == 100
    assert at_once(problem, 100_000, 4096) == 4096


@pytest.mark.parametrize("draws", [pseudo, pytest.param(sobol, marks=pytest.mark.slow)])
def test_policies_on_paths_drawn_once_do_what_each_does_alone(draws):
    policies, done = {"hedged": HEDGE, "bare": NoHedge()}, []
    drawn = {"key": KEY, "draws": draws, "batch_size": 16}
    # 50 paths in batches of 13: the last is not full.
    together = sample_each(PROBLEM, policies, 50, report=done.append, **drawn)
    assert done == ["hedged", "bare"]
    same(together, {name: sample(PROBLEM, p, 50, **drawn) for name, p in policies.items()})


@DRAWS
def test_a_path_does_not_depend_on_how_many_are_drawn(draws):
    few = sample(PROBLEM, HEDGE, 16, key=KEY, draws=draws, keep=pnl_only)
    many = sample(PROBLEM, HEDGE, 50, key=KEY, draws=draws, keep=pnl_only)
    same(many[:16], few)


@DRAWS
def test_replaying_simulated_paths_is_sampling(draws):
    paths = simulate(MARKET, PROBLEM.times, 20, key=KEY, draws=draws)
    same(replay(PROBLEM, HEDGE, paths), sample(PROBLEM, HEDGE, 20, key=KEY, draws=draws))


class Clock(AbstractTargetPolicy):
    """Holds the date, and counts how often it is worked out."""

    looks: list = eqx.field(static=True)

    def observe(self, now):
        def look(time):
            self.looks.append(float(time))
            return time

        date = jax.pure_callback(look, now.time, now.time, vmap_method="sequential")
        return jnp.full_like(now.prices, date)


def test_dates_that_paths_share_are_worked_out_once_and_others_for_every_path():
    paths, looks = simulate(MARKET, PROBLEM.times, 3, key=KEY), []
    shared = replay(PROBLEM, Clock(looks), paths).holdings
    assert sorted(looks) == pytest.approx(np.asarray(PROBLEM.times[:-1]))
    later = paths.time.at[1].add(0.01)
    own = replay(PROBLEM, Clock(looks), eqx.tree_at(lambda p: p.time, paths, later)).holdings
    assert len(looks) == 4 * PROBLEM.n_steps
    np.testing.assert_array_equal(own[::2], shared[::2])
    np.testing.assert_allclose(own[1], shared[1] + 0.01)


@pytest.mark.slow
def test_antithetic_paths_mirror_each_other():
    source = antithetic(KEY, 8, 5, 1, jnp.dtype("float64"))
    normals = jax.vmap(source)(jnp.arange(8))
    np.testing.assert_array_equal(normals[1::2], -normals[::2])
    logs = np.log(np.asarray(simulate(MARKET, PROBLEM.times, 8, key=KEY, draws=antithetic).prices))
    drift = np.asarray((0.02 - 0.5 * 0.2**2) * PROBLEM.times)[:, None]
    middle = np.broadcast_to(np.log(100.0) + drift, logs[::2].shape)
    np.testing.assert_allclose(0.5 * (logs[::2] + logs[1::2]), middle, rtol=1e-12)


def test_sobol_points_are_normal_and_better_spread():
    source = sobol(KEY, 1024, 5, 2, jnp.dtype("float64"))
    normals = np.asarray(jax.vmap(source)(jnp.arange(1024)))
    assert normals.shape == (1024, 5, 2)
    # The error of a mean of 1024 independent normals is 0.03.
    assert np.max(np.abs(normals.mean(0))) < 0.003
    assert np.max(np.abs((normals**2).mean(0) - 1.0)) < 0.02


def test_different_keys_give_different_paths():
    one, other = (sample(PROBLEM, HEDGE, 8, key=jax.random.key(k), keep=pnl_only) for k in (0, 1))
    assert not np.any(np.asarray(one) == np.asarray(other))


def test_new_values_do_not_compile_again():
    traced = []

    def counted(ledger):
        traced.append(1)
        return ledger.pnl

    for vol in (0.1, 0.2, 0.3):
        market = BlackScholes(spot=100.0, vol=vol, rate=0.02)
        hedge = DeltaHedge(CALL, BlackScholesFormula(vol=vol))
        changed = HedgingProblem(
            market, CALL, ProportionalCost(vol / 100), PROBLEM.times, vol, close_out=True
        )
        sample(changed, hedge, 8, key=KEY, keep=counted)
    # lax.map traces the body once for the batches.
    assert len(traced) == 1


@pytest.mark.parametrize(
    ("n_paths", "paths_dates", "message"),
    [(0, 5, "`n_paths` must be at least 1, got 0"), (4, 6, "must have the problem's 6 dates")],
)
def test_impossible_requests_are_refused(n_paths, paths_dates, message):
    paths = simulate(MARKET, time_grid(0.25, paths_dates), 4, key=KEY)
    with pytest.raises(ValueError, match=message):
        if n_paths == 0:
            sample(PROBLEM, HEDGE, n_paths, key=KEY)
        replay(PROBLEM, HEDGE, paths)
