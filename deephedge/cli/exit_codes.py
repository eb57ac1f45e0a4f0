"""What a command ends with."""

import sys
from collections.abc import Iterable

DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def noted(messages: Iterable[str]) -> None:
    """Say what may be meant otherwise, a line each; nothing is refused."""
    for message in messages:
        print(f"deephedge: note: {message}", file=sys.stderr)


def refused(message: str) -> int:
    """Say in one line what is wrong with the input; returns the exit code."""
    print(f"deephedge: {' '.join(message.split())}", file=sys.stderr)
    return BAD_INPUT
