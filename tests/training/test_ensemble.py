"""Seeds trained side by side are what each would be alone, and differ only where they may."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from deephedge.claims import Call
from deephedge.costs import ProportionalCost
from deephedge.markets import BlackScholes
from deephedge.policies import NoTransactionBand, WhalleyWilmott
from deephedge.pricing import BlackScholesFormula
from deephedge.risk import Entropic
from deephedge.rollout import HedgingProblem, time_grid
from deephedge.training import default_optimizer, split_trainable, train, train_ensemble

MATURITY = 30 / 365
CLAIM = Call(strike=100.0, maturity=MATURITY)
MARKET = BlackScholes(spot=100.0, vol=0.2)
RISK = Entropic(aversion=1.0)
PROBLEM = HedgingProblem(
    MARKET, CLAIM, ProportionalCost(0.001), time_grid(MATURITY, 3), close_out=False
)
QUICK = dict(n_steps=3, n_paths=64, validation_paths=128, validate_every=1)


def band(seed):
    base = WhalleyWilmott(CLAIM, BlackScholesFormula(vol=0.2), cost_rate=0.001, aversion=1.0)
    return NoTransactionBand.create(
        MARKET,
        CLAIM,
        PROBLEM.times,
        base=base,
        width=4,
        depth=1,
        key=jax.random.key(seed),
    )


def weights(policy):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(split_trainable(policy)[0])]


@pytest.mark.slow
def test_each_member_goes_its_own_way():
    # A rate of zero leaves a member where it was; one that is not a number ends it.
    made = [band(i) for i in range(3)]
    ensemble = train_ensemble(
        PROBLEM,
        made,
        RISK,
        key=jax.random.key(1),
        rates=(1.0, 0.0, math.nan),
        optimizer=optax.adam(0.05),
        **QUICK,
    )
    moved, still, broken = ensemble.members
    assert (moved.stopped, still.stopped, broken.stopped) == ("finished", "finished", "nan")
    assert (moved.steps, broken.steps) == (3, 1)
    for trained, before in ((still, made[1]), (broken, made[2])):
        for x, y in zip(weights(trained.policy), weights(before), strict=True):
            np.testing.assert_array_equal(x, y)
    assert any(np.any(x != y) for x, y in zip(weights(moved.policy), weights(made[0]), strict=True))
    assert len({row["validation"] for row in still.history}) == 1
    least = [min(row["validation"] for row in trained.history) for trained in ensemble.members]
    assert ensemble.validation.mean == pytest.approx(np.mean(least), rel=1e-12)
    assert ensemble.best is ensemble.members[int(np.argmin(least))]


@pytest.mark.slow
def test_a_member_is_what_train_makes_of_it():
    made, key = [band(i) for i in range(3)], jax.random.key(5)
    settings = dict(optimizer=optax.adam(0.05), averaging=0.9, **QUICK)
    ensemble = train_ensemble(PROBLEM, made, RISK, key=key, **settings)
    for i, own in enumerate(jax.random.split(key, 3)):
        alone = train(PROBLEM, made[i], RISK, key=own, **settings)
        rows = zip(alone.history, ensemble.members[i].history, strict=True)
        for one, other in rows:
            assert one["validation"] == pytest.approx(other["validation"], rel=1e-9)
        for x, y in zip(weights(alone.policy), weights(ensemble.policies[i]), strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-7, atol=1e-10)


@pytest.mark.slow
def test_an_ensemble_is_resumed_with_the_same_weights(tmp_path):
    made, key = [band(i) for i in range(2)], jax.random.key(5)
    settings = dict(optimizer=optax.adam(0.05), **QUICK)
    whole = train_ensemble(PROBLEM, made, RISK, key=key, **settings)
    file = tmp_path / "state.eqx"
    train_ensemble(PROBLEM, made, RISK, key=key, checkpoint=file, **(settings | {"n_steps": 2}))
    resumed = train_ensemble(PROBLEM, made, RISK, key=key, checkpoint=file, resume=True, **settings)
    for i in range(2):
        same = zip(weights(whole.policies[i]), weights(resumed.policies[i]), strict=True)
        assert all(np.array_equal(x, y) for x, y in same)


def test_policies_of_two_sizes_are_refused():
    wide = eqx.tree_at(lambda p: p.network.biases, band(0), (jnp.zeros(2),))
    with pytest.raises(ValueError, match="`policies` must be of one kind and size"):
        train_ensemble(PROBLEM, [band(0), wide], RISK, key=jax.random.key(0), **QUICK)


def test_accumulated_gradients_move_the_weights_once_in_so_many_steps():
    rule = default_optimizer(8, 0.1, "constant", accumulate=2)
    weight = jnp.asarray([1.0])
    with jax.numpy_dtype_promotion("standard"):
        state = rule.init(weight)
        first, state = rule.update(jnp.asarray([3.0]), state, weight)
        second, _ = rule.update(jnp.asarray([1.0]), state, weight)
    # Adam's first move is the rate, against the sign of the mean gradient.
    np.testing.assert_allclose(first, [0.0])
    np.testing.assert_allclose(second, [-0.1], rtol=1e-6)


def test_a_schedule_must_be_known():
    with pytest.raises(ValueError, match="`schedule` must be one of cosine, constant, warmup"):
        default_optimizer(10, 0.1, "linear")
