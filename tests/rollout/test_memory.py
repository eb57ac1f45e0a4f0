"""Memory is that of a batch and of what is kept, however many paths there are."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "ten_million_paths.py"


@pytest.mark.slow
def test_ten_million_paths_of_thirty_steps_take_less_than_four_gibibytes():
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "10_000_000"],
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "10000000 paths" in done.stderr and "10,000,000 paths" in done.stderr
    assert float(done.stdout.splitlines()[-1]) < 4.0
