"""What a command ends with."""

import sys

DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def refused(message: str) -> int:
    """Say in one line what is wrong with the input; returns the exit code."""
    print(f"deephedge: {' '.join(message.split())}", file=sys.stderr)
    return BAD_INPUT
