"""The axioms that tell risk measures apart, and the identities between them."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.risk import (
    Entropic,
    ExpectedShortfall,
    Expectile,
    ExponentialUtility,
    MeanVariance,
    OptimisedCertaintyEquivalent,
    Quadratic,
    QuadraticUtility,
    ShortfallUtility,
)

X, Y = 3.0 * jax.random.normal(jax.random.key(0), (2, 777))
COHERENT = {
    "shortfall": ExpectedShortfall(0.07),
    "expectile": Expectile(0.8),
    "shortfall as equivalent": OptimisedCertaintyEquivalent(ShortfallUtility(0.07)),
}
MONOTONE = {
    **COHERENT,
    "entropic": Entropic(0.5),
    "exponential equivalent": OptimisedCertaintyEquivalent(ExponentialUtility(0.5)),
    "quadratic equivalent": OptimisedCertaintyEquivalent(QuadraticUtility(0.5)),
}


@pytest.mark.parametrize("measure", MONOTONE.values(), ids=MONOTONE)
def test_more_money_on_every_path_is_no_worse(measure):
    value = eqx.filter_jit(measure)
    for seed in range(5):
        gift = jnp.maximum(jax.random.normal(jax.random.key(seed), X.shape), 0.0)
        assert float(value(X + gift)) <= float(value(X)) + 1e-12
    assert np.all(np.asarray(jax.grad(measure)(X)) <= 0.0)


@pytest.mark.parametrize("measure", COHERENT.values(), ids=COHERENT)
def test_coherent_measures_scale_and_reward_pooling(measure):
    for scale in (0.01, 3.0, 1e4):
        np.testing.assert_allclose(measure(scale * X), scale * measure(X), rtol=1e-12)
    assert float(measure(X + Y)) <= float(measure(X) + measure(Y)) + 1e-12


def test_measures_that_are_not_monotone():
    worse, better = jnp.zeros(10), jnp.zeros(10).at[0].set(100.0)
    for measure in (MeanVariance(0.5), Quadratic()):
        assert float(measure(better)) > float(measure(worse))


def test_entropic_grows_with_aversion_from_the_mean_to_the_worst_loss():
    values = [float(Entropic(a)(X)) for a in (1e-6, 0.1, 1.0, 10.0, 1e4)]
    assert values == sorted(values)
    np.testing.assert_allclose(values[0], -float(jnp.mean(X)), atol=1e-4)
    np.testing.assert_allclose(values[-1], -float(jnp.min(X)), atol=1e-3)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_entropic_does_not_overflow(dtype):
    pnl = jnp.asarray([-1e4, 1.0, 2.0, 3.0], dtype)
    measure = Entropic(jnp.asarray(1.0, dtype))
    value, slope = jax.value_and_grad(measure)(pnl)
    np.testing.assert_allclose(value, 1e4 - np.log(4.0), rtol=1e-6)
    np.testing.assert_allclose(slope, [-1.0, 0.0, 0.0, 0.0], atol=1e-6)


def test_expected_shortfall_counts_fractions_of_paths():
    pnl = jnp.asarray([-10.0, -4.0, 0.0, 1.0, 5.0])
    # A tail of 0.3 is the worst path and half of the next.
    np.testing.assert_allclose(ExpectedShortfall(0.3)(pnl), (10.0 + 0.5 * 4.0) / 1.5, rtol=1e-12)
    np.testing.assert_allclose(ExpectedShortfall(0.1)(pnl), 10.0, rtol=1e-12)
    slope = jax.grad(ExpectedShortfall(0.3))(pnl)
    np.testing.assert_allclose(slope, [-2 / 3, -1 / 3, 0.0, 0.0, 0.0], atol=1e-12)


def test_expected_shortfall_is_the_wrong_tail_s_opposite():
    """The best tail is another number: a measure of the wrong tail would pass most axioms."""
    skewed = jnp.asarray([-100.0] + [1.0] * 99)
    assert float(ExpectedShortfall(0.01)(skewed)) == pytest.approx(100.0)
    assert float(ExpectedShortfall(0.01)(-skewed)) == pytest.approx(1.0)


def test_expected_shortfall_splits_ties_within_their_weight():
    slope = np.asarray(jax.grad(ExpectedShortfall(0.25))(jnp.zeros(8)))
    np.testing.assert_allclose(slope.sum(), -1.0, rtol=1e-12)
    assert np.all(slope >= -0.5 - 1e-12)
    assert np.all(slope <= 0.0)


def test_expectile_solves_its_equation():
    for level in (0.51, 0.7, 0.95, 0.999):
        loss, root = -X, Expectile(level)(X)
        above = jnp.mean(jnp.maximum(loss - root, 0.0))
        below = jnp.mean(jnp.maximum(root - loss, 0.0))
        np.testing.assert_allclose(level * above, (1 - level) * below, rtol=1e-11)


def test_certainty_equivalents_are_the_measures_of_their_utilities():
    def equivalent(utility):
        return float(OptimisedCertaintyEquivalent(utility)(X))

    assert equivalent(ExponentialUtility(0.5)) == pytest.approx(float(Entropic(0.5)(X)), rel=1e-12)
    shortfall = float(ExpectedShortfall(0.07)(X))
    assert equivalent(ShortfallUtility(0.07)) == pytest.approx(shortfall, rel=1e-12)
    # No path gains more than 1 / aversion above the mean.
    aversion = 0.9 / float(jnp.max(X - jnp.mean(X)))
    assert equivalent(QuadraticUtility(aversion)) == pytest.approx(
        float(MeanVariance(aversion)(X)), rel=1e-12
    )


def test_certainty_equivalent_is_an_infimum():
    utility = ExponentialUtility(0.5)
    best = float(OptimisedCertaintyEquivalent(utility)(X))
    for w in np.linspace(-3.0, 6.0, 40):
        assert best <= float(w - jnp.mean(jax.vmap(utility)(X + w))) + 1e-12


def test_a_path_without_weight_is_not_there():
    pnl, weights = jnp.append(X, -1e6), jnp.append(jnp.full(777, 1 / 777), 0.0)
    for measure in map(eqx.filter_jit, (*MONOTONE.values(), MeanVariance(0.5), Quadratic())):
        np.testing.assert_allclose(measure(pnl, weights), measure(X), rtol=1e-9)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Entropic(0.0), "`aversion` must be positive, got 0.0"),
        (lambda: ExpectedShortfall(5.0), "`tail` must be between 0 and 1, got 5.0"),
        (lambda: Expectile(0.3), "`level` must be between 0.5 and 1, got 0.3"),
        (lambda: MeanVariance(-1.0), "`aversion` must be zero or positive, got -1.0"),
    ],
)
def test_bad_parameters_are_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()
