"""What a run says while it works: a bar with the time left, and a line an evaluation on disk."""

import json
import pathlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import jax

Report = Callable[[int, str], None]
"""Called after every step: how many are done, and a short text once there is something to say."""


@contextmanager
def progress_bar(n_steps: int, done: int, *, show: bool) -> Iterator[Report]:
    """A bar on standard error with the time left, or silence."""
    if not show:
        yield lambda step, text: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeft

    columns = [TextColumn("training"), BarColumn(), MofNCompleteColumn(), TimeLeft()]
    with Progress(*columns, TextColumn("{task.fields[text]}"), console=Console(stderr=True)) as bar:
        task = bar.add_task("training", total=n_steps, completed=done, text="")

        def report(step: int, text: str) -> None:
            bar.update(task, completed=step, text=text) if text else bar.update(
                task, completed=step
            )

        yield report


def append_line(path: pathlib.Path | None, row: dict) -> None:
    """Add one JSON line to the metrics file, if there is one; of several processes the first."""
    if path is not None and jax.process_index() == 0:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a") as file:
            file.write(json.dumps(row) + "\n")


def write_lines(path: pathlib.Path | None, rows: Sequence[dict]) -> None:
    """The metrics file anew, without what came after the checkpoint that a run goes on from."""
    if path is not None and jax.process_index() == 0:
        path.unlink(missing_ok=True)
    for row in rows:
        append_line(path, row)
