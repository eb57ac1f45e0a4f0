"""What a monitor remembers on disk, whole at any moment."""

import contextlib
import dataclasses
import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from deephedge.cli.tables import StudyError
from deephedge.typing import PyTree


@dataclasses.dataclass(frozen=True)
class Saved:
    """The state after a quote."""

    digest: str
    """Of the position file."""
    line: int
    """Of the stream, the last one dealt with."""
    time: float
    worth: float
    """Of the book at the first quote, before its first trade."""
    level: int
    expired: bool
    report: dict[str, Any]
    """What was last said, so that nobody need guess what was traded."""
    leaves: list[dict[str, Any]]

    def live(self, template: PyTree, file: Path) -> PyTree:
        """The book, with the structure of a `template`."""
        leaves, structure = jax.tree.flatten(template)
        shapes = [(list(x.shape), str(x.dtype)) for x in leaves]
        if shapes != [(x["shape"], x["dtype"]) for x in self.leaves]:
            raise StudyError((), f"--state: {file} was written for another stream or version.")
        return jax.tree.unflatten(structure, [_array(x) for x in self.leaves])


def leaves_of(live: PyTree) -> list[dict[str, Any]]:
    """The arrays of a book, as JSON holds them: numbers in full."""
    arrays = [np.asarray(x) for x in jax.tree.leaves(live)]
    return [
        {"dtype": str(x.dtype), "shape": list(x.shape), "values": x.ravel().tolist()}
        for x in arrays
    ]


def _array(leaf: dict[str, Any]) -> jax.Array:
    values = np.asarray(leaf["values"], dtype=leaf["dtype"])
    return jnp.asarray(values.reshape(leaf["shape"]))


def load(file: Path, digest: str) -> Saved | None:
    """The state in a file; `None` if there is no file."""
    try:
        saved = Saved(**json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StudyError((), f"--state: {file} cannot be read: {error.strerror}.") from None
    except (ValueError, TypeError):
        raise StudyError((), f"--state: {file} is not the state of a monitor.") from None
    if saved.digest != digest:
        raise StudyError(
            (),
            f"--state: {file} belongs to another position, or this one was changed; pass another "
            "--state, or delete the file to begin anew.",
        )
    return saved


def save(file: Path, saved: Saved) -> None:
    """Write the state: a reader, or a machine that stops, finds the old or the new, whole."""
    beside = file.with_name(file.name + ".new")
    try:
        with beside.open("w", encoding="utf-8") as out:
            out.write(json.dumps(vars(saved)) + "\n")
            out.flush()
            os.fsync(out.fileno())
        os.replace(beside, file)
    except OSError as error:
        raise StudyError((), f"--state: cannot write {file}: {error.strerror}.") from None


@contextlib.contextmanager
def unbroken() -> Iterator[None]:
    """Hold Ctrl-C back until the block is done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: asked.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if asked:
        raise KeyboardInterrupt
