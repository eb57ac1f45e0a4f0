"""What `price` and `greeks` are asked to value: a claim, a model and a method, by their fields."""

import dataclasses
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deephedge.cli.build import arguments, build, members
from deephedge.cli.tables import StudyError, Tagged, closest, tagged


@dataclasses.dataclass(frozen=True)
class Request:
    """A claim, a model and perhaps a method, each with the fields that were stated."""

    claim: Tagged
    model: Tagged
    method: Tagged | None
    source: Path | None
    """The study file, for messages; `None` where all was stated on the command line."""


def requested(
    claim: str | None,
    model: str | None,
    method: str | None,
    study: Path | None,
    terms: Mapping[str, str],
) -> Request:
    """What the command line asks for; it overrides what the study says."""
    tables = {} if study is None else _tables(study)
    if claim is None and "claim" not in tables:
        raise StudyError((), "name a claim, such as Call, or a file with `--study FILE`.")
    return Request(
        claim=_merged(tables.get("claim"), claim),
        model=_merged(tables.get("market"), model or "BlackScholes", keep=model is None),
        method=_merged(tables.get("pricer"), method) if method or "pricer" in tables else None,
        source=study,
    )


def values(terms: Mapping[str, str]) -> dict[str, Any]:
    """The values of options: a number, a list or a table as TOML writes it, or else text."""
    found = {}
    for name, text in terms.items():
        if text.startswith("--"):
            raise StudyError((), f"{flag(name)} must have a value, as in `{flag(name)}=true`.")
        try:
            found[name.replace("-", "_")] = tomllib.loads(f"x = {text}")["x"]
        except tomllib.TOMLDecodeError:
            found[name.replace("-", "_")] = text
    return found


def shared_out(terms: Mapping[str, Any], kinds: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Each option given to those classes that have a field of its name; others are refused."""
    known = {key: arguments(kind) for key, kind in kinds.items()}
    everything = sorted({name for fields in known.values() for name in fields})
    for name in terms:
        if name not in everything:
            shown = closest(name.replace("_", "-"), [x.replace("_", "-") for x in everything])
            raise StudyError((), f"{flag(name)}: unknown option; {shown}")
    return {
        key: {name: value for name, value in terms.items() if name in fields}
        for key, fields in known.items()
    }


def found(family: type, name: str, what: str) -> type:
    """The class of a family by its name, `UpAndOutCall` or `up-and-out-call`."""
    known = members(family)
    spelt = {_plain(each): each for each in known}
    if _plain(name) not in spelt:
        shown = closest(hyphened(name), [hyphened(each) for each in known])
        raise StudyError((), f"unknown {what} {name!r}; {shown}")
    return known[spelt[_plain(name)]]


def made(kind: type, options: Mapping[str, Any], given: Mapping[str, Any]) -> Any:
    """An object from its stated fields; what is wrong is named as the option that states it."""
    try:
        return build(kind, options, (), given=given, named=_no_names)
    except StudyError as error:
        where = flag(error.keys[0]) if error.keys else kind.__name__
        nested = ".".join(error.keys[1:])
        where = f"{where} ({nested})" if nested else where
        raise StudyError((), f"{where}: {error.message}") from None


def flag(name: str) -> str:
    """The option that states a field."""
    return f"--{name.replace('_', '-')}"


def hyphened(name: str) -> str:
    """`UpAndOutCall` as `up-and-out-call`, `CEV` as `cev`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower()


def _plain(name: str) -> str:
    return name.replace("-", "").replace("_", "").lower()


def _no_names(name: str, keys: tuple[str, ...]) -> Any:
    raise StudyError(keys, f"must be a number, got {name!r}.")


def _merged(table: Any, name: str | None, *, keep: bool = False) -> Tagged:
    """A study's table, unless the command line names another class."""
    if table is not None and (name is None or keep):
        return tagged(table)
    return Tagged(str(name), {})


def _tables(study: Path) -> dict[str, Any]:
    try:
        tables = tomllib.loads(study.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StudyError((), f"{study}: there is no such file.") from None
    except OSError as error:
        raise StudyError((), f"{study}: cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StudyError((), f"{study}: is not TOML: {error}.") from None
    for name in ("market", "claim", "pricer"):
        try:
            if name in tables:
                tagged(tables[name])
        except TypeError as error:
            raise StudyError((), f"{study}: {name}: {error}") from None
    return tables
