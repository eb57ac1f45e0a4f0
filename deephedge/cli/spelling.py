"""A study with its defaults spelt out, so that it stays the same when the defaults change."""

import dataclasses
from collections.abc import Callable
from typing import Any

from deephedge.cli.build import arguments
from deephedge.cli.study import Study
from deephedge.cli.tables import Tagged

Maker = Callable[..., Any]


def stated(table: Any) -> dict[str, Any]:
    """What a table of a study says, defaults included."""
    return {name: value for name, value in vars(table).items() if value is not None}


def spelt(table: Tagged, make: Maker, given: frozenset[str]) -> dict[str, Any]:
    """The table, after those defaults of its class that the study does not state elsewhere."""
    defaults = {
        name: argument.default
        for name, argument in arguments(make).items()
        if isinstance(argument.default, int | float | str) and name not in given
    }
    return {"type": table.type, **defaults, **table.options}


def untagged(study: Study) -> dict[str, Any]:
    """The tables without a `type`, and a tagged premium as it stands."""
    tables = {
        field.name: stated(vars(study)[field.name])
        for field in dataclasses.fields(Study)
        if field.name in ("problem", "training", "evaluation", "backtest")
        and vars(study)[field.name] is not None
    }
    if study.family is not None:
        tables["family"] = dataclasses.asdict(study.family)
    premium = study.problem.premium
    if isinstance(premium, Tagged):
        tables["problem"]["premium"] = {"type": premium.type, **premium.options}
    return tables
