"""From a tagged table to the object it describes.

A table's `type` is looked up among the classes that the family's package exports, so a new class
with its export line can be used in a study at once.
"""

import dataclasses
import datetime
import importlib
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, cast

import equinox as eqx
import jax

from deephedge.cli.tables import StudyError, Tagged, closest, exactly, placed, shown, tagged
from deephedge.numerics.draws import Draws, antithetic, pseudo, sobol
from deephedge.policies import (
    AbstractFittedPolicy,
    AbstractPolicy,
    AbstractTrainablePolicy,
    Recalibrated,
)

Given = Mapping[str, Any]
"""What the study already states, by argument name: a table need not repeat it."""

Named = Callable[[str, tuple[str, ...]], Any]
"""Another policy of the study, by its name."""


def no_names(name: str, keys: tuple[str, ...]) -> Any:
    """Where a table stands alone, nothing has a name."""
    raise StudyError(keys, f"must be a table with a `type`, got {name!r}.")


@dataclasses.dataclass(frozen=True)
class Argument:
    """One thing that a class is built from."""

    kind: Any
    default: Any

    @property
    def required(self) -> bool:
        return self.default is inspect.Parameter.empty


def members(family: type) -> dict[str, type]:
    """The concrete classes of a family that its package exports, by name.

    Policies that the solvers of `optimum` find are exported there.
    """
    packages = [".".join(family.__module__.split(".")[:2])]
    if family is AbstractPolicy:
        packages.append("deephedge.optimum")
    return {
        name: member
        for package in packages
        for name, member in vars(importlib.import_module(package)).items()
        if isinstance(member, type)
        and issubclass(member, family)
        and not name.startswith("Abstract")
    }


def member(family: type, name: str, keys: tuple[str, ...]) -> type:
    """The class of that name, or a `StudyError` with the known ones."""
    known = members(family)
    if name not in known:
        raise StudyError((*keys, "type"), f"unknown type {name!r}; {closest(name, known)}")
    return known[name]


def maker(kind: type) -> Callable[..., Any]:
    """What makes a `kind`: the class, `create` for a policy that starts from a market, or `of`."""
    if kind is Recalibrated:
        return Recalibrated.of
    # `create` differs from policy to policy, so the abstract classes do not declare it.
    created = issubclass(kind, AbstractTrainablePolicy | AbstractFittedPolicy)
    return cast(Any, kind).create if created else kind


def arguments(make: Callable[..., Any]) -> dict[str, Argument]:
    """What a class, or a class method that creates one, is built from.

    Of keyword arguments that a `TypedDict` lists, none is required.
    """
    kinds = typing.get_type_hints(make)
    if isinstance(make, type):
        kinds = typing.get_type_hints(make.__init__) | kinds
    found = {}
    for name, parameter in inspect.signature(make).parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            (listed,) = typing.get_args(kinds[name])
            found |= {key: Argument(x, None) for key, x in typing.get_type_hints(listed).items()}
        else:
            found[name] = Argument(kinds[name], parameter.default)
    return found


def build(
    make: Callable[..., Any],
    options: Mapping[str, Any],
    keys: tuple[str, ...],
    *,
    given: Given,
    named: Named,
) -> Any:
    """Call `make` with the table's options, filled up with what is `given` by name."""
    known = arguments(make)
    for key in options:
        if key not in known:
            raise StudyError((*keys, key), f"unknown key; {closest(key, known)}")
    values = {
        key: _value(value, known[key].kind, (*keys, key), given, named)
        for key, value in options.items()
    }
    values |= {name: given[name] for name in known if name in given and name not in values}
    for name, argument in known.items():
        if argument.required and name not in values:
            raise StudyError((*keys, name), "must be given.")
        if name in values:
            _fits(values[name], argument.kind, (*keys, name))
    try:
        return make(**values)
    except StudyError:
        raise
    except (TypeError, ValueError) as error:
        raise placed(error, keys) from None


def build_tagged(
    table: Tagged, family: type, keys: tuple[str, ...], *, given: Given, named: Named
) -> Any:
    """The object of a family that a tagged table describes."""
    return build(member(family, table.type, keys), table.options, keys, given=given, named=named)


def plain(table: Tagged, family: type, key: str) -> Any:
    """The object of a table that takes nothing from the rest of the study."""
    return build_tagged(table, family, (key,), given={}, named=no_names)


def _value(value: Any, kind: Any, keys: tuple[str, ...], given: Given, named: Named) -> Any:
    """A TOML value as an argument: a table becomes an object, a list a tuple of them."""
    families = _families(kind)
    try:
        if keys[-1] == "key":
            return jax.random.key(exactly(int, value))
        if kind == Draws and isinstance(value, str):
            return _draws(value)
        if kind in (int, bool, str):
            return exactly(kind, value)
        if datetime.date in typing.get_args(kind):
            return exactly(datetime.date, value)
        if families and isinstance(value, list):
            return tuple(
                named(x, (*keys, str(i)))
                if isinstance(x, str) and issubclass(families[0], AbstractPolicy)
                else build_tagged(tagged(x), families[0], (*keys, str(i)), given=given, named=named)
                for i, x in enumerate(value)
            )
        if isinstance(value, str) and families and issubclass(families[0], AbstractPolicy):
            return named(value, keys)
        if isinstance(value, dict):
            if not families:
                raise TypeError("must be a number, got a table.")
            return build_tagged(tagged(value), families[0], keys, given=given, named=named)
    except StudyError:
        raise
    except (TypeError, ValueError) as error:
        raise StudyError(keys, str(error)) from None
    return value


def _draws(name: str) -> Draws:
    kinds = {"antithetic": antithetic, "pseudo": pseudo, "sobol": sobol}
    if name not in kinds:
        raise ValueError(f"must be {', '.join(kinds)}, got {name!r}.")
    return kinds[name]


def _families(kind: Any) -> list[type]:
    """The object families that an annotation admits: `X`, `X | None`, `tuple[X, ...]`."""
    if typing.get_origin(kind) is Callable:
        return []
    if isinstance(kind, type) and not isinstance(kind, types.GenericAlias):
        return [kind] if issubclass(kind, eqx.Module) else []
    return [family for part in typing.get_args(kind) for family in _families(part)]


def _fits(value: Any, kind: Any, keys: tuple[str, ...]) -> None:
    """Refuse an object of the wrong family, and a plain value where an object belongs."""
    families = _families(kind)
    parts = value if isinstance(value, tuple) else (value,)
    if not families or value is None or isinstance(value, jax.Array):
        return
    for part in parts:
        if not isinstance(part, tuple(families)):
            wanted = " or ".join(family.__name__ for family in families)
            got = type(part).__name__ if isinstance(part, eqx.Module) else shown(part)
            raise StudyError(keys, f"must be one of {wanted}, got {got}; give it as a table.")
