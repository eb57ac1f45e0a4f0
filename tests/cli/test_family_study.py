"""Families, mixtures and regions are reached from studies."""

from pathlib import Path

import numpy as np
import pytest

from deephedge.cli.resolve import open_study
from deephedge.cli.tables import StudyError
from deephedge.cli.toml import toml_text
from deephedge.markets import Mixture
from deephedge.policies import NoTransactionRegion
from deephedge.risk import EntropicValueAtRisk

STUDIES = Path(__file__).parents[2] / "experiments" / "studies"


def without_optimum(tmp_path, old="", new=""):
    """The study of one policy, without what takes long to solve."""
    text = (STUDIES / "one_policy.toml").read_text()
    start, end = text.index("[policies.optimal]"), text.index("[measures.entropic]")
    file = tmp_path / "study.toml"
    file.write_text((text[:start] + text[end:]).replace(old, new))
    return file


@pytest.mark.slow
def test_a_study_trains_on_a_family_and_is_told_its_own_point(tmp_path):
    resolved = open_study(without_optimum(tmp_path))
    family, policy = resolved.family, resolved.policies["one_policy"]
    assert [x.name for x in family.parameters] == ["vol", "cost", "strike", "maturity", "aversion"]
    assert policy.features.parameters.shape == (5,)
    told = resolved.at_own_point("one_policy", policy)
    # 0.2 and 100 are in the middle, 30 days at the end; the cost by its logarithm.
    cost, aversion = 2 * np.log10(2.0) - 1, 2 * (0.5 / 1.5) - 1
    expected = [0.0, cost, 0.0, 1.0, aversion]
    np.testing.assert_allclose(told.features.parameters, expected, atol=1e-6)
    spelt = tmp_path / "spelt.toml"
    spelt.write_text(toml_text(resolved.tables()))
    assert open_study(spelt).family.n_groups == 32


@pytest.mark.slow
def test_a_problem_outside_its_family_is_refused(tmp_path):
    with pytest.raises(StudyError, match=r"family\.parameters: must hold the study's own problem"):
        open_study(without_optimum(tmp_path, "vol = 0.2\n", "vol = 0.4\n"))
    with pytest.raises(StudyError, match="`skew`"):
        open_study(without_optimum(tmp_path, "parameters.vol]", "parameters.skew]"))


@pytest.mark.slow
def test_mixtures_the_worst_law_and_regions_have_names():
    robust = open_study(STUDIES / "robust_bands.toml")
    assert isinstance(robust.problem.market, Mixture)
    assert isinstance(robust.measures["worst law"], EntropicValueAtRisk)
    region = open_study(STUDIES / "no_trade_region.toml").policies["region"]
    assert isinstance(region, NoTransactionRegion)
