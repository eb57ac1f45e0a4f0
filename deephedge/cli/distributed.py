"""One of several processes that run a study together, by JAX's own multi-controller runtime."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import jax
from jax.experimental.multihost_utils import sync_global_devices

from deephedge.cli.tables import StudyError


@contextlib.contextmanager
def joined(
    coordinator: str | None,
    processes: int | None,
    process: int | None,
    out: Path,
    *,
    resume: bool,
) -> Iterator[Path]:
    """Join the others, and say where this process writes.

    All do the same work, each on its share of every batch of paths. The first writes to `out`;
    what the others would write goes to folders that are deleted, and what they print nowhere.
    With `resume` they start from what is in `out`, which they must be able to read.
    """
    try:
        jax.distributed.initialize(coordinator, processes, process)
    except (RuntimeError, ValueError) as error:
        raise StudyError((), f"--distributed: {error}") from None
    try:
        if jax.process_index() == 0:
            sync_global_devices("deephedge: before the first process writes")
            yield out
            return
        with (
            tempfile.TemporaryDirectory() as folder,
            open(os.devnull, "w") as nowhere,
            contextlib.redirect_stdout(nowhere),
        ):
            own = Path(folder) / "out"
            if resume and out.exists():
                shutil.copytree(out, own)
            sync_global_devices("deephedge: before the first process writes")
            yield own
    finally:
        jax.distributed.shutdown()
