"""A small study, and `deephedge run` on it as a process of its own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

STUDY = """
[market]
type = "BlackScholes"
spot = 100.0
vol = 0.2

[claim]
type = "Call"
strike = 100.0
maturity = 0.08

[cost]
type = "ProportionalCost"
rate = 0.001

[problem]
n_steps = 4
close_out = false

[policies.band]
type = "WhalleyWilmott"
aversion = 1.0

[policies.learned]
type = "NoTransactionBand"
base = "band"
width = 4
depth = 1

[measures.entropic]
type = "Entropic"
aversion = 1.0

[training]
risk = "entropic"
n_steps = {n_steps}
n_paths = 64
validation_paths = 128
validate_every = 1

[evaluation]
n_paths = 512
"""

RUN = "from deephedge.cli import main; main()"


def start(code: str, *arguments: object, log: Path) -> subprocess.Popen:
    """Python with that code and those arguments; what it prints goes to a file."""
    cache = {
        "JAX_COMPILATION_CACHE_DIR": str(log.parent / "programs"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    with open(log, "ab") as output:
        return subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**cache, **os.environ, "JAX_PLATFORMS": "cpu"},
        )


def finish(process: subprocess.Popen, log: Path) -> None:
    assert process.wait(timeout=600) == 0, log.read_text()


def was_killed(process: subprocess.Popen) -> bool:
    return process.wait(timeout=600) == -signal.SIGKILL
