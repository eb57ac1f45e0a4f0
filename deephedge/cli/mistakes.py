"""What is said to somebody who has mistyped a command, or perhaps a unit."""

from collections.abc import Mapping
from typing import Any

from cyclopts import CycloptsError, MissingArgumentError, UnknownOptionError
from cyclopts.exceptions import UnusedCliTokensError

MOST: dict[str, tuple[float, str]] = {
    "vol": (3.0, "a decimal per year: 20 % is 0.2"),
    "rate": (0.5, "a decimal per year: 5 % is 0.05"),
    "dividend": (0.5, "a decimal per year: 2 % is 0.02"),
    "maturity": (20.0, "in years: 30 days are 0.0822"),
}
"""Above which a number is allowed, but looks as if it were in another unit; and its unit."""


def explained(error: CycloptsError) -> str:
    """What is wrong with the words of a command, and where to read what is right."""
    command = " ".join(["deephedge", *(error.command_chain or ())])
    named = None if error.argument is None else error.argument.name
    if isinstance(error, MissingArgumentError) and named and "[" not in named:
        return f"{named}: must be given; `{command} --help` says what it is."
    if isinstance(error, UnusedCliTokensError):
        words = " ".join(error.unused_tokens or ())
        return (
            f"unexpected {words}: numbers are options with a name, as in `--strike=100`; "
            f"`{command} --help` has an example."
        )
    if isinstance(error, UnknownOptionError):
        return f"{error} `{command} --help` lists the options."
    return str(error)


def doubts(options: Mapping[str, Any]) -> list[str]:
    """A line for each number that may be meant in another unit."""
    return [
        f"`{name}` is {unit}; got {options[name]:g}, which is allowed, but seldom meant."
        for name, (most, unit) in MOST.items()
        if isinstance(options.get(name), int | float) and abs(options[name]) > most
    ]
