"""Learned hedges are reached from studies by name."""

from pathlib import Path

import pytest

from deephedge.cli.resolve import open_study
from deephedge.policies import (
    Attention,
    Feedforward,
    LogSignature,
    NoTransactionBand,
    PerStep,
    Recurrent,
)

STUDY = Path(__file__).parents[2] / "experiments" / "studies" / "learned_hedges.toml"

MORE = """
[policies.attention]
type = "Attention"
length = 4

[policies.signature]
type = "LogSignature"
base = "delta"

[policies.dates]
type = "PerStep"
features = ["time", "deviations", "wealth"]
lower = [0.0]
"""


@pytest.mark.slow
def test_a_study_names_every_learned_hedge(tmp_path):
    file = tmp_path / "study.toml"
    file.write_text(STUDY.read_text() + MORE)
    resolved = open_study(file)
    kinds = {name: type(policy) for name, policy in resolved.policies.items()}
    assert kinds["learned_band"] is NoTransactionBand
    assert kinds["feedforward"] is Feedforward
    assert kinds["recurrent"] is Recurrent
    assert kinds["attention"] is Attention
    assert kinds["signature"] is LogSignature
    assert kinds["dates"] is PerStep
    assert resolved.policies["feedforward"].corrects == "band"
    assert resolved.policies["dates"].features.names == ("time", "deviations", "wealth")
    assert resolved.trainings["learned_band"].n_seeds == 3
    assert len(resolved.seeds("learned_band", {})) == 3
