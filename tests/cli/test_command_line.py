"""What holds for the command line as a whole."""

import subprocess
import sys
import time

from deephedge.cli.app import command


def test_help_is_quick_because_nothing_heavy_is_imported():
    code = """
import sys
from deephedge.cli.app import command
command(["--help"])
sys.exit(len({"jax", "scipy", "pandas", "matplotlib"} & sys.modules.keys()))
"""
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "backtest" in done.stdout
    # A bound for a busy machine; it takes a fifth of a second alone.
    assert time.perf_counter() - began < 3.0


def test_doctor_finds_everything_well(capsys):
    assert command(["doctor"]) == 0
    assert "self-test   passed" in capsys.readouterr().out
