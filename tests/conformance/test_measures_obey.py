"""What every risk measure must be."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from family_finder import members

import deephedge.risk
from deephedge.numerics.statistics import influence
from deephedge.risk import AbstractCashInvariantMeasure, AbstractRiskMeasure

MEASURES = [c.example() for c in members(deephedge.risk, AbstractRiskMeasure)]
LONG = ("EntropicValueAtRisk",)  # to compile


def met(measures):
    """Each measure; those that take long under `slow`."""
    names = [(type(m).__name__, m) for m in measures]
    return pytest.mark.parametrize(
        "measure",
        [pytest.param(m, marks=pytest.mark.slow if n in LONG else (), id=n) for n, m in names],
    )


every = met(MEASURES)
in_cash = met([m for m in MEASURES if isinstance(m, AbstractCashInvariantMeasure)])
X, Y = 3.0 * jax.random.normal(jax.random.key(0), (2, 501))


@every
def test_equal_weights_are_the_default(measure):
    np.testing.assert_allclose(measure(X, jnp.full_like(X, 1 / 501)), measure(X), rtol=1e-12)


@every
def test_only_the_law_counts(measure):
    shuffled = jax.random.permutation(jax.random.key(1), X)
    np.testing.assert_allclose(measure(shuffled), measure(X), rtol=1e-12)
    np.testing.assert_allclose(measure(jnp.concatenate([X, X])), measure(X), rtol=1e-12)


@every
def test_a_weight_counts_repetitions(measure):
    counts = jax.random.randint(jax.random.key(2), (501,), 0, 4)
    weights = counts.astype(float) / jnp.sum(counts).astype(float)
    repeated = jnp.repeat(X, counts)
    np.testing.assert_allclose(measure(X, weights), measure(repeated), rtol=1e-12)


@every
def test_mixing_two_positions_is_no_worse_than_their_average(measure):
    for share in (0.1, 0.5, 0.8):
        mixed = measure(share * X + (1 - share) * Y)
        assert float(mixed) <= float(share * measure(X) + (1 - share) * measure(Y)) + 1e-12


@every
def test_less_is_better(measure):
    sure = jnp.ones(20)
    assert float(measure(-2.0 * sure)) > float(measure(-sure)) > float(measure(0.0 * sure))
    assert float(measure(0.0 * sure)) == pytest.approx(0.0, abs=1e-15)


@in_cash
def test_cash_lowers_risk_by_its_amount(measure):
    np.testing.assert_allclose(measure(X + 7.0), measure(X) - 7.0, rtol=1e-12)
    np.testing.assert_allclose(measure(jnp.full(10, -3.0)), 3.0, rtol=1e-12)


@in_cash
def test_risk_is_at_least_the_expected_loss(measure):
    assert float(measure(X)) >= -float(jnp.mean(X))


@every
def test_slopes_in_pnl_meet_central_differences(measure):
    direction = jax.random.normal(jax.random.key(3), X.shape)
    step = 1e-6
    numeric = (measure(X + step * direction) - measure(X - step * direction)) / (2 * step)
    exact = jnp.sum(jax.grad(measure)(X) * direction)
    np.testing.assert_allclose(exact, numeric, rtol=1e-6)


@every
def test_influence_meets_central_differences_in_the_weights(measure):
    # Weights moved in a random direction that keeps their sum.
    direction = jax.random.normal(jax.random.key(4), X.shape)
    direction = (direction - jnp.mean(direction)) / 501
    equal, step = jnp.full_like(X, 1 / 501), 1e-6
    numeric = (measure(X, equal + step * direction) - measure(X, equal - step * direction)) / (
        2 * step
    )
    exact = jnp.sum(influence(measure, X) * direction)
    np.testing.assert_allclose(exact, numeric, rtol=1e-5)
    np.testing.assert_allclose(jnp.mean(influence(measure, X)), 0.0, atol=1e-10)


@every
def test_float32_stays_float32_and_finite(measure):
    small = jax.tree.map(lambda x: x.astype(jnp.float32), measure)
    losses = jnp.concatenate([X, jnp.array([-1e4])]).astype(jnp.float32)
    value, slope = jax.value_and_grad(small)(losses)
    assert value.dtype == slope.dtype == jnp.float32
    assert np.isfinite(float(value))
    assert np.all(np.isfinite(np.asarray(slope)))
    assert np.all(np.isfinite(np.asarray(influence(small, losses))))
