"""The number of devices changes how long a thing takes, and nothing else."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parent / "on_devices.py"


def on(n_devices: int) -> dict:
    flags = f"--xla_force_host_platform_device_count={n_devices}"
    done = subprocess.run(
        [sys.executable, str(SCRIPT)],
        env={**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_eight_devices_find_what_one_does_and_share_the_work():
    one, eight = on(1), on(8)
    assert (one["devices"], eight["devices"]) == (1, 8)
    for name in ("sample", "train", "ensemble", "compare"):
        got, wanted = (np.asarray(x[name], dtype=float) for x in (eight, one))
        assert wanted.size >= 2
        # In float32; the losses themselves, the first of each history being unknown (nan).
        np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-9, err_msg=name)
    assert eight["flops"] < 1.1 * one["flops"] / 8
