"""Differences between architectures, paired by seed, hold for all pairs together."""

import numpy as np
import pytest
from scipy import stats

from deephedge.numerics.statistics import holm, paired_p_value, spread
from deephedge.reports import between_seeds, paired_by_seed


def test_holm_is_that_of_his_paper():
    # Worked by hand: sorted 0.01, 0.02, 0.04 times 3, 2, 1, made increasing.
    np.testing.assert_allclose(holm([0.04, 0.01, 0.02]), [0.04, 0.03, 0.04])
    np.testing.assert_allclose(holm([0.9, 0.6]), [1.0, 1.0])


def test_the_paired_test_is_students():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=8), rng.normal(size=8) + 0.5
    assert paired_p_value((a - b).tolist()) == pytest.approx(
        stats.ttest_rel(a, b).pvalue, rel=1e-12
    )


def test_the_error_of_a_mean_is_the_deviation_over_the_root_of_how_many():
    x = spread([1.0, 2.0, 3.0, 6.0])
    assert (x.mean, x.least, x.greatest) == (3.0, 1.0, 6.0)
    assert x.deviation == pytest.approx(np.std([1, 2, 3, 6], ddof=1))
    assert x.standard_error == pytest.approx(x.deviation / 2.0)


def test_pairs_share_their_seeds_and_their_significance():
    rng = np.random.default_rng(1)
    common, noise = rng.normal(size=(2, 6))
    risks = {
        "a": common,
        "b": common + 0.1 + 0.01 * noise,
        "c": common + 0.01 * rng.normal(size=6),
    }
    risks = {name: values.tolist() for name, values in risks.items()}
    pairs = {(x.first, x.second): x for x in paired_by_seed(risks)}
    assert list(pairs) == [("a", "b"), ("a", "c"), ("b", "c")]
    # Far apart beside the noise of the pairs, though not beside that between seeds.
    assert pairs["a", "b"].p_value < 0.01 < pairs["a", "c"].p_value
    assert pairs["a", "b"].difference.mean < 0
    assert between_seeds(risks)["a"].deviation > 10 * pairs["a", "b"].difference.deviation
    with pytest.raises(ValueError, match="as many seeds for each"):
        paired_by_seed({"a": [1.0, 2.0], "b": [1.0]})
