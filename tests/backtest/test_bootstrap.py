import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.backtest import block_weights, bootstrap_interval, paired_interval, resampled
from deephedge.risk import Entropic, ExpectedShortfall, MeanVariance

MEAN_LOSS = MeanVariance(aversion=0.0)


def overlapping_sums(n, window, seed):
    """Sums of `window` neighbours of independent unit normals."""
    noise = np.random.default_rng(seed).standard_normal(n + window - 1)
    return np.convolve(noise, np.ones(window), mode="valid")


def test_weights_are_probabilities_with_equal_means():
    weights = np.asarray(block_weights(50, mean_block=8.0, n_resamples=4000, seed=0))
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-12)
    assert (weights >= 0).all()
    errors = weights.std(axis=0, ddof=1) / np.sqrt(4000)
    assert errors.max() < 1e-3
    assert (np.abs(weights.mean(axis=0) - 1 / 50) < 4 * errors).all()


@pytest.mark.parametrize("mean_block", [1.0, 5.0, 20.0])
def test_the_variance_of_the_mean_is_that_of_politis_and_romano(mean_block):
    # Given the sample, n Var* of the mean is g_0 + 2 sum_j (1 - j/n)(1 - p)^j g_j with the
    # circular autocovariances g (Politis and Romano 1994, lemma 1 and section 3).
    values, n = overlapping_sums(200, 5, seed=1), 200
    centred = values - values.mean()
    lags = np.arange(1, n)
    circular = np.array([np.mean(centred * np.roll(centred, -j)) for j in lags])
    kept = (1 - lags / n) * (1 - 1 / mean_block) ** lags
    variance = (np.mean(centred**2) + 2 * np.sum(kept * circular)) / n
    weights = block_weights(n, mean_block=mean_block, n_resamples=20_000, seed=2)
    squares = (np.asarray(weights) @ centred) ** 2
    error = squares.std(ddof=1) / np.sqrt(len(squares))
    assert error < 0.02 * variance
    assert abs(squares.mean() - variance) < 4 * error


def test_overlap_is_seen_by_blocks_and_missed_without_them():
    # The mean of n sums of 21 has variance close to 21^2 / n: 21 times that of independent sums.
    n, window = 1200, 21
    truth = window / np.sqrt(n)
    blocks = block_weights(n, mean_block=4.0 * window, n_resamples=400, seed=3)
    singles = block_weights(n, mean_block=1.0, n_resamples=400, seed=4)
    found = {"blocks": [], "singles": []}
    for seed in range(24):
        pnl = jnp.asarray(overlapping_sums(n, window, seed))
        for name, weights in (("blocks", blocks), ("singles", singles)):
            found[name].append(float(bootstrap_interval(MEAN_LOSS, pnl, weights).standard_error))
    # Blocks of 84 keep about 0.9 of the long-run variance; the finite sample takes a little more.
    assert 0.8 < np.mean(found["blocks"]) / truth < 1.1
    assert 0.15 < np.mean(found["singles"]) / truth < 0.28


def test_independent_windows_get_the_textbook_interval():
    pnl = jnp.asarray(np.random.default_rng(5).standard_normal(2000))
    weights = block_weights(2000, mean_block=1.0, n_resamples=2000, seed=6)
    interval = bootstrap_interval(MEAN_LOSS, pnl, weights)
    error = float(jnp.std(pnl)) / np.sqrt(2000)
    assert float(interval.standard_error) == pytest.approx(error, rel=4 / np.sqrt(2 * 2000))
    assert float(interval.value) == pytest.approx(-float(jnp.mean(pnl)), rel=1e-12)
    width = float(interval.high - interval.low)
    assert width == pytest.approx(2 * 1.96 * error, rel=0.1)
    wider = bootstrap_interval(MEAN_LOSS, pnl, weights, level=0.99)
    assert float(wider.low) < float(interval.low) < float(interval.value) < float(interval.high)


@pytest.mark.parametrize("measure", [Entropic(aversion=1.0), ExpectedShortfall(tail=0.1)])
def test_a_resample_is_the_measure_of_the_windows_it_repeats(measure):
    pnl = jnp.asarray(np.random.default_rng(7).standard_normal(40))
    weights = block_weights(40, mean_block=6.0, n_resamples=100, seed=8)
    values = resampled(measure, pnl, weights)
    counts = np.rint(np.asarray(weights) * 40).astype(int)
    for i in (0, 63, 99):
        drawn = jnp.asarray(np.repeat(np.asarray(pnl), counts[i]))
        np.testing.assert_allclose(values[i], measure(drawn), rtol=1e-12)


def test_a_sure_difference_has_no_error():
    pnl = jnp.asarray(overlapping_sums(300, 21, seed=9))
    weights = block_weights(300, mean_block=42.0, n_resamples=100, seed=10)
    interval = paired_interval(ExpectedShortfall(tail=0.05), pnl + 0.25, pnl, weights)
    np.testing.assert_allclose([interval.value, interval.low, interval.high], -0.25, rtol=1e-10)
    assert float(interval.standard_error) < 1e-12


def test_pairing_removes_what_two_hedges_share():
    shared = overlapping_sums(500, 21, seed=11)
    pnl = jnp.asarray(shared)
    other = jnp.asarray(shared + 0.1 * overlapping_sums(500, 21, seed=12))
    weights = block_weights(500, mean_block=63.0, n_resamples=300, seed=13)
    paired = paired_interval(MEAN_LOSS, pnl, other, weights).standard_error
    alone = bootstrap_interval(MEAN_LOSS, pnl, weights).standard_error
    assert float(paired) < 0.25 * float(alone)


def test_results_depend_on_the_seed_alone_and_follow_the_dtype():
    first, again, other = (
        block_weights(30, mean_block=4.0, n_resamples=5, seed=seed) for seed in (1, 1, 2)
    )
    assert (first == again).all()
    assert not (first == other).all()
    measure = jax.tree.map(lambda x: x.astype(jnp.float32), MEAN_LOSS)
    pnl = jax.random.normal(jax.random.key(0), (30,), jnp.float32)
    assert resampled(measure, pnl, first).dtype == jnp.float32


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mean_block": 0.5}, "`mean_block` must be at least 1 and below 30"),
        ({"mean_block": 30.0}, "`mean_block` must be at least 1 and below 30"),
        ({"n_resamples": 1}, "must be at least 2"),
    ],
)
def test_bad_settings_are_refused(options, message):
    good = {"mean_block": 5.0, "n_resamples": 10, "seed": 0}
    with pytest.raises(ValueError, match=message):
        block_weights(30, **{**good, **options})


def test_the_level_is_a_probability():
    weights = block_weights(30, mean_block=5.0, n_resamples=10, seed=0)
    with pytest.raises(ValueError, match="`level` must be between 0 and 1"):
        bootstrap_interval(MEAN_LOSS, jnp.zeros(30), weights, level=95.0)
