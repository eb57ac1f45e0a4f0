"""What a run depended on: versions, device, precision, commit."""

import importlib.metadata
import platform
import subprocess
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

_PACKAGES = ("deephedge", "jax", "jaxlib", "equinox", "optax", "numpy", "pandas", "scipy")


def environment() -> dict[str, Any]:
    """Versions, device, precision and commit, ready for JSON."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
        "device": [str(device.device_kind) for device in jax.local_devices()],
        "backend": jax.default_backend(),
        "precision": str(jnp.zeros(()).dtype),
        "commit": commit(),
    }


def commit() -> str | None:
    """The commit of the checkout that this package runs from; `None` when it is installed."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return described.stdout.strip()
