"""Training finds what theory says is there, deterministically, and survives interruption."""

import dataclasses
import json
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from deephedge.claims import Call
from deephedge.costs import NoCost, ProportionalCost
from deephedge.markets import BlackScholes
from deephedge.numerics.draws import AbstractSource, antithetic, sobol
from deephedge.numerics.importance import tilted
from deephedge.policies import (
    Attention,
    DeltaHedge,
    Feedforward,
    NoTransactionBand,
    Recurrent,
    WhalleyWilmott,
)
from deephedge.pricing import BlackScholesFormula
from deephedge.risk import Entropic, ExpectedShortfall
from deephedge.rollout import HedgingProblem, fit_tilt, pnl_only, sample, time_grid
from deephedge.training import (
    default_optimizer,
    load_configuration,
    load_policy,
    rising_cost,
    save_policy,
    split_trainable,
    train,
)

MATURITY = 30 / 365
MARKET = BlackScholes(spot=100.0, vol=0.2)
CLAIM = Call(strike=100.0, maturity=MATURITY)
FORMULA = BlackScholesFormula(vol=0.2)
RISK = Entropic(aversion=1.0)


def small_problem(n_steps=5):
    times = time_grid(MATURITY, n_steps)
    return HedgingProblem(MARKET, CLAIM, ProportionalCost(0.001), times, close_out=False)


def band_policy(problem, width=8):
    base = WhalleyWilmott(CLAIM, FORMULA, cost_rate=0.001, aversion=1.0)
    return NoTransactionBand.create(
        MARKET, CLAIM, problem.times, base=base, width=width, depth=1, key=jax.random.key(3)
    )


def quick(problem, policy, **options):
    settings = dict(n_steps=12, n_paths=256, validation_paths=512, validate_every=4)
    return train(problem, policy, RISK, key=jax.random.key(11), **(settings | options))


def weights(policy):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(split_trainable(policy)[0])]


def same_weights(a, b):
    return all(np.array_equal(x, y) for x, y in zip(weights(a), weights(b), strict=True))


@pytest.mark.slow
def test_untrained_policies_are_their_bases():
    problem = small_problem()
    delta = DeltaHedge(CLAIM, FORMULA)
    for policy in (
        band_policy(problem),
        Feedforward.create(
            MARKET, CLAIM, problem.times, base=delta, width=8, depth=1, key=jax.random.key(0)
        ),
    ):
        pnl = sample(problem, policy, 100, key=jax.random.key(1), keep=pnl_only)
        base = sample(problem, policy.base, 100, key=jax.random.key(1), keep=pnl_only)
        np.testing.assert_allclose(pnl, base, rtol=1e-12)


@pytest.mark.slow
def test_only_the_network_is_trained():
    policy = band_policy(small_problem())
    params, static = split_trainable(policy)
    assert params.base.claim.strike is None
    assert static.base.claim.strike == 100.0
    trained = quick(small_problem(), policy).policy
    assert not same_weights(trained, policy)
    unchanged = eqx.tree_equal(split_trainable(trained)[1], static)
    assert bool(unchanged)


@pytest.mark.slow
def test_training_lowers_risk_on_fresh_paths():
    problem = small_problem()
    policy = band_policy(problem)
    trained = quick(problem, policy, n_steps=60, n_paths=1024, validation_paths=4096)
    before, after = (
        sample(problem, p, 50_000, key=jax.random.key(99), keep=pnl_only)
        for p in (policy, trained.policy)
    )
    assert float(RISK(after)) < float(RISK(before)) - 0.005


@pytest.mark.slow
def test_the_result_depends_on_the_key_alone():
    problem = small_problem()
    first, second = (quick(problem, band_policy(problem)) for _ in range(2))
    assert same_weights(first.policy, second.policy)
    assert [r["validation"] for r in first.history] == [r["validation"] for r in second.history]


def test_a_resumed_run_ends_with_the_same_weights(tmp_path):
    problem, policy = small_problem(), band_policy(small_problem())
    optimizer = optax.adam(0.01)
    whole = quick(problem, policy, optimizer=optimizer)
    checkpoint = tmp_path / "state.eqx"
    quick(problem, policy, optimizer=optimizer, n_steps=8, checkpoint=checkpoint)
    resumed = quick(problem, policy, optimizer=optimizer, checkpoint=checkpoint, resume=True)
    assert same_weights(whole.policy, resumed.policy)
    assert [r["step"] for r in resumed.history] == [0, 4, 8, 12]
    # One byte of the last checkpoint differs: the one before it, of step 8, serves.
    content = bytearray(checkpoint.read_bytes())
    content[len(content) // 2] ^= 1
    checkpoint.write_bytes(content)
    with pytest.warns(UserWarning, match="is damaged; going on from the one before it"):
        again = quick(problem, policy, optimizer=optimizer, checkpoint=checkpoint, resume=True)
    assert same_weights(whole.policy, again.policy)


def test_an_interrupt_leaves_a_usable_policy_and_a_checkpoint(tmp_path):
    problem, policy = small_problem(), band_policy(small_problem())

    calls = {"n": 0}

    def draws(key, n_paths, n_steps, n_normals, dtype):
        calls["n"] += 1
        if calls["n"] == 8:
            raise KeyboardInterrupt
        return antithetic(key, n_paths, n_steps, n_normals, dtype)

    checkpoint = tmp_path / "state.eqx"
    trained = quick(problem, policy, draws=draws, checkpoint=checkpoint)
    assert trained.stopped == "interrupted"
    assert 0 < trained.steps < 12
    assert checkpoint.exists() and not list(tmp_path.glob("*.partial"))
    pnl = sample(problem, trained.policy, 10, key=jax.random.key(0), keep=pnl_only)
    assert bool(jnp.all(jnp.isfinite(pnl)))
    resumed = quick(problem, policy, checkpoint=checkpoint, resume=True)
    assert same_weights(resumed.policy, quick(problem, policy).policy)


def test_a_damaged_checkpoint_is_refused_in_one_line(tmp_path):
    problem, policy = small_problem(), band_policy(small_problem())
    checkpoint = tmp_path / "state.eqx"
    quick(problem, policy, n_steps=4, checkpoint=checkpoint)
    checkpoint.write_bytes(checkpoint.read_bytes()[:200])
    with pytest.raises(ValueError, match="is damaged, and there is no whole one before it"):
        quick(problem, policy, checkpoint=checkpoint, resume=True)


class _Poisoned(AbstractSource):
    """Ordinary normals times a factor."""

    normals: AbstractSource
    factor: jax.Array

    def __call__(self, index):
        return self.factor * self.normals(index)


def test_a_loss_that_is_not_finite_names_the_step_and_keeps_the_weights():
    problem, policy = small_problem(), band_policy(small_problem())
    asked = []

    def draws(key, n_paths, n_steps, n_normals, dtype):
        asked.append(key)
        # The first request is for compilation; the poisoned one is that of step 6.
        factor = jnp.nan if len(asked) == 7 else 1.0
        normals = antithetic(key, n_paths, n_steps, n_normals, dtype)
        return _Poisoned(normals, jnp.asarray(factor, dtype))

    trained = quick(problem, policy, draws=draws)
    assert trained.stopped == "nan" and trained.steps == 5
    assert "the loss was nan at step 6; kept the best weights, of step 4" in trained.message
    clean = quick(problem, policy, n_steps=4, optimizer=default_optimizer(12))
    assert same_weights(trained.policy, clean.policy)


@pytest.mark.slow
def test_best_weights_are_kept_not_the_last():
    problem, policy = small_problem(), band_policy(small_problem())
    trained = quick(problem, policy, optimizer=optax.sgd(30.0), validate_every=1, clip_norm=1e3)
    values = [row["validation"] for row in trained.history]
    assert values[-1] > min(values)
    rerun = quick(
        problem,
        policy,
        optimizer=optax.sgd(30.0),
        validate_every=1,
        clip_norm=1e3,
        n_steps=max(int(np.argmin(values)), 1),
    )
    assert min(values) == min(r["validation"] for r in rerun.history)
    assert same_weights(trained.policy, rerun.policy)


def test_early_stopping_counts_evaluations_without_a_new_best():
    problem, policy = small_problem(), band_policy(small_problem())
    still = quick(problem, policy, optimizer=optax.sgd(0.0), validate_every=1, patience=3)
    assert still.stopped == "early"
    assert still.steps == 3


def test_metrics_are_one_json_line_an_evaluation(tmp_path):
    metrics = tmp_path / "metrics.jsonl"
    trained = quick(small_problem(), band_policy(small_problem()), metrics=metrics)
    rows = [json.loads(line) for line in metrics.read_text().splitlines()]
    assert rows == trained.history
    assert rows[0]["loss"] is None and math.isfinite(rows[1]["loss"])


def test_policies_survive_the_disk(tmp_path):
    problem, policy = small_problem(), band_policy(small_problem())
    trained = quick(problem, policy).policy
    save_policy(tmp_path / "band.safetensors", trained, {"width": 8})
    loaded = load_policy(tmp_path / "band.safetensors", policy)
    assert same_weights(loaded, trained)
    assert load_configuration(tmp_path / "band.safetensors") == {"width": 8}
    with pytest.raises(ValueError, match="do not fit the policy"):
        load_policy(tmp_path / "band.safetensors", band_policy(problem, width=9))


def test_a_new_value_does_not_recompile():
    from deephedge.rollout.sample import _sample

    problem = small_problem()
    delta = DeltaHedge(CLAIM, FORMULA)
    sample(problem, delta, 64, key=jax.random.key(0), keep=pnl_only)
    compiled = _sample._cached._cache_size()
    other = BlackScholes(spot=101.0, vol=0.3)
    sample(
        dataclasses.replace(problem, market=other), delta, 64, key=jax.random.key(1), keep=pnl_only
    )
    assert _sample._cached._cache_size() == compiled


@pytest.mark.slow
def test_training_in_another_market_does_not_recompile():
    from deephedge.training.update import update

    problem = small_problem()
    train(problem, band_policy(problem), RISK, key=jax.random.key(0), n_steps=1, n_paths=64)
    compiled = update._cached._cache_size()
    other = dataclasses.replace(problem, market=BlackScholes(spot=101.0, vol=0.3))
    train(other, band_policy(other), RISK, key=jax.random.key(1), n_steps=1, n_paths=64)
    assert update._cached._cache_size() == compiled


@pytest.mark.slow
def test_at_no_cost_the_learned_hedge_matches_the_best_classical_one():
    times = time_grid(MATURITY, 30)
    problem = HedgingProblem(MARKET, CLAIM, NoCost(), times, close_out=False)
    delta = DeltaHedge(CLAIM, FORMULA)
    policy = Feedforward.create(MARKET, CLAIM, times, width=32, depth=2, key=jax.random.key(0))
    trained = train(problem, policy, RISK, key=jax.random.key(1), n_steps=600, n_paths=2048)
    ours, best = (
        float(RISK(sample(problem, p, 200_000, key=jax.random.key(2), keep=pnl_only)))
        for p in (trained.policy, delta)
    )
    assert ours < best * 1.01


def test_what_a_run_may_be_is_said():
    problem, policy = small_problem(), band_policy(small_problem())
    with pytest.raises(ValueError, match="`precision` must be one of full, bfloat16"):
        quick(problem, policy, precision="half")
    with pytest.raises(ValueError, match='`threshold` must be "solved": Entropic has none'):
        quick(problem, policy, threshold="trained")
    with pytest.raises(ValueError, match="`first` must be from 0 to 1"):
        rising_cost(1.5, 10)


@pytest.mark.slow
def test_every_way_to_train_lowers_risk_and_a_new_value_compiles_nothing():
    from deephedge.training.update import update

    problem, risk = small_problem(), ExpectedShortfall(0.1)
    # Too narrow a band to start from.
    base = WhalleyWilmott(CLAIM, FORMULA, cost_rate=0.00001, aversion=1.0)
    policy = NoTransactionBand.create(
        MARKET, CLAIM, problem.times, base=base, width=8, depth=1, key=jax.random.key(3)
    )
    rule = default_optimizer(150)
    tilt = fit_tilt(problem, policy, tail=0.1, key=jax.random.key(5))
    ways = [
        dict(),
        dict(threshold="trained"),
        dict(cost_schedule=rising_cost(0.0, 50)),
        dict(precision="bfloat16"),
        dict(draws=tilted(antithetic, tilt)),
        dict(draws=sobol),
        dict(
            threshold="trained",
            cost_schedule=rising_cost(0.2, 50),
            precision="bfloat16",
            draws=tilted(antithetic, tilt),
            averaging=0.9,
        ),
    ]
    settings = dict(
        key=jax.random.key(1),
        optimizer=rule,
        n_steps=150,
        n_paths=1024,
        validation_paths=16_384,
        validate_every=75,
    )
    pnls = [sample(problem, policy, 200_000, key=jax.random.key(2), keep=pnl_only)]
    for way in ways:
        trained = train(problem, policy, risk, **(settings | way))
        assert all(x.dtype == policy.features.reference.dtype for x in weights(trained.policy))
        pnls.append(sample(problem, trained.policy, 200_000, key=jax.random.key(2), keep=pnl_only))
        if "threshold" in way:
            # The loss that one outcome in ten exceeds.
            share = float(jnp.mean(-pnls[-1] > trained.threshold))
            assert share == pytest.approx(0.1, abs=0.02)
    risks = [float(risk(pnl)) for pnl in pnls]
    assert all(x < risks[0] - 0.01 for x in risks[1:])
    # What all ways find is the same to within a tenth of what any of them gains.
    gain = risks[0] - min(risks[1:])
    assert max(risks[1:]) - min(risks[1:]) < 0.1 * gain

    compiled = update._cached._cache_size()
    other = dataclasses.replace(problem, cost=ProportionalCost(0.002))
    changed = settings | ways[-1] | dict(averaging=0.95, n_steps=2)
    changed |= dict(cost_schedule=rising_cost(0.5, 3), key=jax.random.key(7))
    train(other, policy, ExpectedShortfall(0.05), **changed)
    assert update._cached._cache_size() == compiled


@pytest.mark.slow
@pytest.mark.parametrize("kind", [Attention, Recurrent])
def test_networks_with_a_memory_compute_in_what_their_weights_are(kind):
    policy = kind.example()
    times = jnp.linspace(0.0, policy.features.maturity, 6)
    problem = HedgingProblem(
        BlackScholes.example(), Call.example(), ProportionalCost(0.001), times, close_out=False
    )
    full, half = (
        train(
            problem,
            policy,
            RISK,
            key=jax.random.key(1),
            n_steps=3,
            n_paths=256,
            validation_paths=256,
            precision=precision,
            validate_every=1,
        )
        for precision in ("full", "bfloat16")
    )
    losses = [[row["loss"] for row in trained.history[1:]] for trained in (full, half)]
    # Rounded to 8 bits and not more: near, and not the same.
    np.testing.assert_allclose(losses[1], losses[0], rtol=0.02)
    assert losses[0][1:] != losses[1][1:]
