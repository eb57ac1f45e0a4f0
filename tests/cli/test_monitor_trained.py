"""`deephedge monitor` with a policy that `deephedge run` trained."""

import os
import subprocess
import sys
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from monitored import Monitored, agree, printed, replayed

from deephedge.cli.folder import Folder
from deephedge.cli.position import open_position
from deephedge.cli.resolve import open_study
from deephedge.cli.toml import toml_text
from deephedge.cli.train import configuration
from deephedge.markets import simulate
from deephedge.rollout import time_grid
from deephedge.training import save_policy

SHARED = """
[market]
type = "BlackScholes"
spot = 100.0
vol = 0.2
[claim]
type = "Call"
strike = 100.0
maturity = 0.1
[cost]
type = "ProportionalCost"
rate = 0.001
"""
STUDY = (
    SHARED
    + """
[problem]
n_steps = 5
close_out = true
[policies.delta]
type = "DeltaHedge"
[policies.learned]
type = "Feedforward"
base = "delta"
width = 4
[measures.entropic]
type = "Entropic"
aversion = 1.0
[training]
risk = "entropic"
n_steps = 4
n_paths = 64
validation_paths = 64
[evaluation]
n_paths = 64
"""
)
POSITION = (
    SHARED
    + """
[book]
policy = "learned"
cash = 2.5
[policies.learned]
type = "Trained"
file = "run/policies/learned.safetensors"
"""
)


@pytest.fixture
def desk(tmp_path):
    (tmp_path / "study.toml").write_text(STUDY)
    return Monitored(tmp_path, POSITION, "time,spot")


def write_run(root):
    """What a run leaves, with weights that a search might have found; and its policy."""
    resolved = open_study(root / "study.toml")
    folder = Folder(root / "run")
    folder.prepare(toml_text(resolved.tables()), {}, resume=False)
    policy = resolved.policies["learned"]
    last = 0.3 + jnp.arange(4.0)[:, None] / 10.0
    policy = eqx.tree_at(lambda p: p.network.weights[-1], policy, last)
    save_policy(folder.policy("learned"), policy, configuration(resolved, "learned"))
    return policy


@pytest.mark.slow
def test_the_policy_of_a_position_is_the_trained_one(desk, tmp_path):
    policy = write_run(tmp_path)
    desk.position.write_text(POSITION)
    position = open_position(desk.position)
    assert type(position.policy) is type(policy)
    ours, theirs = jax.tree.leaves(position.policy), jax.tree.leaves(policy)
    assert len(ours) == len(theirs) > 0
    for mine, trained in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(mine, trained)
    # Other weights make another position: a state does not pass from one to the other.
    file = tmp_path / "run" / "policies" / "learned.safetensors"
    saved = file.read_bytes()
    file.write_bytes(saved[:-1] + bytes([saved[-1] ^ 1]))
    assert open_position(desk.position).digest != position.digest


WRONG = {
    "no file": (POSITION.replace("learned.safe", "lerned.safe"), "policies.learned.file: must be a "
        "policy that `run` trained, DIR/policies/NAME.safetensors, got "),
    "another claim": (POSITION.replace("strike = 100.0", "strike = 105.0"),
        "policies.learned.file: was trained for another claim than the position's: "),
    "another market": (POSITION.replace('[market]\ntype = "BlackScholes"\nspot = 100.0\nvol = 0.2',
        '[market]\ntype = "BlackScholes"\nspot = [100.0, 90.0]\nvol = [0.2, 0.3]')
        .replace("[book]", '[quotes]\nprices = ["a", "b"]\n[pricer]\n'
        'type = "QuotedBlackScholes"\n[book]'),
        "policies.learned.file: was trained on 1 prices, the position has 2."),
    "more keys": (POSITION + "width = 4\n",
        "policies.learned: must have a `file` and nothing else, got ['file', 'width']."),
}  # fmt: skip


@pytest.mark.slow
def test_policies_trained_for_something_else_cost_one_line(desk, tmp_path, capsys):
    write_run(tmp_path)
    for text, why in WRONG.values():
        assert desk(["0,100"], text=text) == 2
        said = capsys.readouterr().err
        assert f"position.toml: {why}" in said
        assert said.count("\n") == 1
    text = STUDY.replace("width = 4", "width = 5")
    (tmp_path / "run" / "study.toml").write_text(text)
    assert desk(["0,100"]) == 2
    assert "was trained by another study than" in capsys.readouterr().err


@pytest.mark.slow
def test_a_run_in_single_precision_is_followed_in_double(desk, tmp_path, capsys):
    """The scales of the features are those of the run, whose sample float64 would not draw."""
    asked = [sys.executable, "-m", "deephedge.cli.app", "run", "study.toml", "--out", "run"]
    code = "import sys; from deephedge.cli.app import main; main(sys.argv[1:])"
    asked[1:3] = ["-c", code]
    environment = {**os.environ, "JAX_ENABLE_X64": "0"}
    subprocess.run(asked, cwd=tmp_path, check=True, capture_output=True, env=environment)
    times = np.asarray(time_grid(0.1, 5))
    study = open_study(tmp_path / "study.toml")
    path = simulate(study.problem.market, study.problem.times, 1, key=jax.random.key(4))
    spots = np.asarray(path.prices)[0, :, 0]
    lines = [f"{t!r},{s!r}" for t, s in zip(times.tolist(), spots.tolist(), strict=True)]
    assert desk(lines) == 0
    reports, _ = printed(capsys)
    agree(reports, replayed(desk, times, spots, np.zeros((6, 0))))
    with jax.enable_x64(False):
        single = open_study(Path(tmp_path / "study.toml")).policies["learned"]
    scale = float(open_position(desk.position).policy.features.price_scale[0])
    assert scale == pytest.approx(float(single.features.price_scale[0]), rel=1e-7)
    assert scale != pytest.approx(
        float(study.policies["learned"].features.price_scale[0]), rel=1e-4
    )
