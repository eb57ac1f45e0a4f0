"""From the plain values of a TOML file to dataclasses, with one clear line when they do not fit."""

import dataclasses
import datetime
import difflib
import functools
import re
from collections.abc import Iterable
from typing import Any, TypeVar

import cattrs
from cattrs.errors import (
    AttributeValidationNote,
    ClassValidationError,
    ForbiddenExtraKeysError,
    IterableValidationError,
)

T = TypeVar("T")


class StudyError(ValueError):
    """Something is wrong with a study; the message says where, the rule, and the value."""

    def __init__(self, keys: tuple[str, ...], message: str):
        self.keys, self.message = keys, message
        super().__init__(f"{'.'.join(keys)}: {message}" if keys else message)


@dataclasses.dataclass(frozen=True)
class Tagged:
    """A table whose `type` names a class; its other keys are what that class is built from."""

    type: str
    options: dict[str, Any]


def structure(value: Any, into: type[T], keys: tuple[str, ...] = ()) -> T:
    """`value` as an `into`, or a `StudyError` that names the key."""
    try:
        return _converter().structure(value, into)
    except (cattrs.BaseValidationError, TypeError, ValueError) as error:
        raise _first(error, keys) from None


def tagged(value: Any) -> Tagged:
    """A table with a `type`."""
    if not isinstance(value, dict):
        raise TypeError(f"must be a table with a `type`, got {shown(value)}.")
    if not isinstance(value.get("type"), str):
        raise TypeError('must have a `type` that names a class, such as type = "Call".')
    return Tagged(value["type"], {key: value[key] for key in value if key != "type"})


def exactly(kind: type, value: Any) -> Any:
    """`value`, if it is a `kind` and not merely convertible to one."""
    if type(value) is not kind:
        raise TypeError(f"must be {_RULES[kind]}, got {shown(value)}.")
    return value


def number(value: Any) -> float:
    """`value` as a float, if it is a number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"must be a number, got {shown(value)}.")
    return float(value)


def closest(wrong: str, known: Iterable[str]) -> str:
    """The known name that was probably meant, and all known names."""
    known = sorted(known)
    match = difflib.get_close_matches(wrong, known, n=1)
    hint = f"did you mean {match[0]}? " if match else ""
    return f"{hint}known: {', '.join(known) or 'none'}."


def shown(value: Any) -> str:
    """A TOML value as it stands in the file, near enough."""
    return "a table" if isinstance(value, dict) else repr(value)


_RULES = {
    int: "a whole number",
    str: "text",
    bool: "true or false",
    datetime.date: "a date such as 2014-01-31",
}


@functools.cache
def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True)
    for kind in _RULES:
        converter.register_structure_hook(kind, lambda value, into: exactly(into, value))
    converter.register_structure_hook(float, lambda value, _: number(value))
    converter.register_structure_hook(Tagged, lambda value, _: tagged(value))
    converter.register_structure_hook_func(
        lambda kind: kind == Tagged | None,
        lambda value, _: None if value is None else tagged(value),
    )
    converter.register_structure_hook_func(
        lambda kind: kind == float | Tagged,
        lambda value, _: tagged(value) if isinstance(value, dict) else number(value),
    )
    converter.register_structure_hook_func(
        lambda kind: kind == dict[str, float] | str,
        lambda value, _: value if isinstance(value, str) else _numbers(converter, value),
    )
    return converter


def _numbers(converter: cattrs.Converter, value: Any) -> dict[str, float]:
    return converter.structure(value, dict[str, float])


def _first(error: Exception, keys: tuple[str, ...]) -> StudyError:
    """The first leaf of cattrs' tree of errors, with the keys that lead to it."""
    if isinstance(error, ClassValidationError | IterableValidationError):
        with_notes, without = error.group_exceptions()
        # A misspelt key is both unknown and missing: the first is the clearer complaint.
        if without:
            return _first(without[0], keys)
        leaf, note = with_notes[0]
        name = note.name if isinstance(note, AttributeValidationNote) else note.index
        return _first(leaf, (*keys, str(name)))
    if isinstance(error, ForbiddenExtraKeysError):
        extra = min(error.extra_fields)
        known = [field.name for field in dataclasses.fields(error.cl)]
        return StudyError((*keys, extra), f"unknown key; {closest(extra, known)}")
    if isinstance(error, KeyError):
        return StudyError(keys, "must be given.")
    return placed(error, keys)


def placed(error: Exception, keys: tuple[str, ...]) -> StudyError:
    """The error of a constructor, in one line, at the key that it names."""
    message = " ".join(str(error).split())
    named = re.match(r"`(\w+)", message)
    return StudyError((*keys, named.group(1)) if named else keys, message)
