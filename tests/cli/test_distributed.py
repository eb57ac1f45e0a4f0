"""Two processes that run a study together find what one finds."""

import json
import socket

import pytest
from processes import RUN, STUDY, finish, start

from deephedge.cli.app import command


@pytest.mark.slow
def test_two_processes_over_loopback_find_what_one_does(tmp_path):
    file, log = tmp_path / "study.toml", tmp_path / "log"
    file.write_text(STUDY.format(n_steps=6))
    alone, together = tmp_path / "alone", tmp_path / "together"
    finish(start(RUN, "run", file, "--out", alone, "--quiet", log=log), log)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = ("--distributed", "--coordinator", f"127.0.0.1:{port}", "--processes", 2)
    both = [
        start(RUN, "run", file, "--out", together, *shared, "--process", i, log=log)
        for i in range(2)
    ]
    for process in both:
        finish(process, log)

    def found(out, name):
        return (out / name).read_text()

    rows = [
        [json.loads(line) for line in found(out, "metrics.jsonl").splitlines()]
        for out in (alone, together)
    ]
    assert len(rows[0]) == len(rows[1]) == 7
    for one, two in zip(*rows, strict=True):
        assert two["validation"] == pytest.approx(one["validation"], rel=1e-6)
        # None before the first step.
        assert two["loss"] == one["loss"] or two["loss"] == pytest.approx(one["loss"], rel=1e-6)
    summaries = [json.loads(found(out, "summary.json"))["policies"] for out in (alone, together)]
    for policy in ("band", "learned"):
        one, two = (summary[policy]["entropic"]["value"] for summary in summaries)
        assert two == pytest.approx(one, rel=1e-6)


def test_the_number_of_a_process_needs_others(tmp_path, capsys):
    assert command(["run", "study.toml", "--out", str(tmp_path), "--process", "1"]) == 2
    assert "need --distributed" in capsys.readouterr().err
