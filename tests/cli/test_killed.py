"""A run that is killed, at any moment, goes on to the very weights of one that is not."""

import random
import time
from pathlib import Path

import pytest
from processes import RUN, STUDY, finish, start, was_killed

DIES = """
import os, signal, sys, types
from deephedge.training import state

moment, countdown = sys.argv.pop(1), [int(sys.argv.pop(1))]

def fatal(name):
    def call(*arguments):
        countdown[0] -= moment == name
        if countdown[0] == 0:
            if name == "fsync":
                os.ftruncate(arguments[0], 300)
            os.kill(os.getpid(), signal.SIGKILL)
        return vars(os)[name](*arguments)
    return call

state.os = types.SimpleNamespace(fsync=fatal("fsync"), replace=fatal("replace"))
from deephedge.cli import main
main()
"""
"""The same command, which ends itself by kill -9 in the middle of writing its n-th checkpoint."""


def weights(out: Path) -> bytes:
    return (out / "policies/learned.safetensors").read_bytes()


def checkpoint(out: Path) -> Path:
    return out / "checkpoints/learned.state"


@pytest.mark.slow
def test_killed_at_any_moment_a_run_ends_with_the_same_weights(tmp_path):
    file, whole, killed = tmp_path / "study.toml", tmp_path / "whole", tmp_path / "killed"
    file.write_text(STUDY.format(n_steps=300))
    log = tmp_path / "log"
    finish(start(RUN, "run", file, "--out", whole, "--quiet", log=log), log)
    again = ("run", file, "--out", killed, "--quiet")

    # In the middle of a file: half of it is on the disk, under another name.
    assert was_killed(start(DIES, "fsync", 20, *again, log=log))
    assert checkpoint(killed).with_suffix(".state.partial").stat().st_size == 300
    # Between the two renamings: the last checkpoint is gone, the one before it serves.
    assert was_killed(start(DIES, "replace", 30, *again, "--resume", log=log))
    assert not checkpoint(killed).exists()
    # Anywhere.
    process = start(RUN, *again, "--resume", log=log)
    while not checkpoint(killed).exists() and process.poll() is None:
        time.sleep(0.01)
    time.sleep(random.uniform(0.0, 1.0))
    process.kill()
    assert was_killed(process)
    # And the last checkpoint loses its end.
    last = checkpoint(killed)
    last.write_bytes(last.read_bytes()[:-100])
    finish(start(RUN, *again, "--resume", log=log), log)
    assert "is damaged; going on from the one before it" in log.read_text()
    assert weights(killed) == weights(whole)
    assert (killed / "comparison.csv").read_bytes() == (whole / "comparison.csv").read_bytes()
