"""`deephedge sweep`: one study at many values of its keys."""

import contextlib
import copy
import csv
import hashlib
import itertools
import json as json_format
import os
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from deephedge.cli.folder import Folder
from deephedge.cli.proposals import proposed
from deephedge.cli.run import run_studies
from deephedge.cli.study import read_study
from deephedge.cli.tables import StudyError, closest
from deephedge.cli.toml import toml_text
from deephedge.reports.text import text_tables, with_error

Values = dict[str, Any]
"""One point of a sweep: a value for each dotted key."""


def run_sweep(
    file: Path,
    out: Path,
    *,
    trials: int | None,
    measure: str | None,
    policy: str | None,
    seed: int,
    quiet: bool,
    json: bool,
) -> int:
    """Run every point that is not done yet, and print what all have found."""
    tables, axes = _opened(file, with_ranges=trials is not None)
    measure, policy = _wanted(tables, measure, policy)
    Folder(out).make()
    found: list[tuple[Values, dict[str, Any]]] = []
    points = (
        _grid(axes)
        if trials is None
        else proposed(axes, trials, seed, lambda: [_value(s, policy, measure) for _, s in found])
    )
    for values in points:
        code = _run_point(tables, values, out, quiet=quiet)
        if code != 0:
            return code
        found.append((values, _summary(out, values)))
    rows = list(_rows(found))
    _write_csv(out / "sweep.csv", rows)
    best = min(found, key=lambda point: _value(point[1], policy, measure))
    if json:
        risk = _value(best[1], policy, measure)
        print(json_format.dumps({"points": rows, "best": {**best[0], "value": risk}}))
    else:
        _print(found, best[0], policy, measure, out)
    return 0


def _opened(file: Path, *, with_ranges: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """The study without its `[sweep]`, and that table: keys, each with values or a range."""
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise StudyError((), f"{file}: cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StudyError((), f"{file}: is not TOML: {error}.") from None
    axes = tables.pop("sweep", None)
    if not isinstance(axes, dict) or not axes:
        raise StudyError(
            (), f'{file}: sweep: must be a table such as "cost.rate" = [0.001, 0.002].'
        )
    for key, values in axes.items():
        ranged = with_ranges and isinstance(values, dict) and {"low", "high"} <= set(values)
        if not ranged and not (isinstance(values, list) and values):
            rule = "a list of values, or with --trials a range {low, high, log}"
            raise StudyError((), f"{file}: sweep.{key}: must be {rule}, got {values!r}.")
    return tables, axes


def _wanted(tables: Mapping[str, Any], measure: str | None, policy: str | None) -> tuple[str, str]:
    """The measure that is made least, and the policy whose it is."""
    names = {name: list(tables.get(name, {})) for name in ("measures", "policies")}
    for name, known in names.items():
        if not known:
            raise StudyError((name,), "must hold at least one table.")
    chosen = (measure or names["measures"][0], policy or names["policies"][-1])
    for option, got, known in zip(("--measure", "--policy"), chosen, names.values(), strict=True):
        if got not in known:
            raise StudyError((), f"{option}: must be one of the study's; {closest(got, known)}")
    return chosen


def _grid(axes: Mapping[str, list]) -> Iterator[Values]:
    """Every combination, the last key changing first."""
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def name_of(values: Values) -> str:
    """The folder of a point: its values, readable where that is short enough."""
    text = ",".join(f"{key}={json_format.dumps(value)}" for key, value in values.items())
    plain = re.sub(r"[^A-Za-z0-9_.,=+-]+", "_", text)
    if len(plain) <= 100 and plain == text:
        return plain
    return f"{plain[:80]}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def at(tables: Mapping[str, Any], values: Values) -> dict[str, Any]:
    """The study's tables with those values at those keys."""
    tables = copy.deepcopy(dict(tables))
    for key, value in values.items():
        *parents, last = key.split(".")
        table = tables
        for name in parents:
            table = table.setdefault(name, {})
            if not isinstance(table, dict):
                raise StudyError(("sweep", key), f"must be a key of the study: {name} is no table.")
        table[last] = value
    return tables


def _run_point(tables: Mapping[str, Any], values: Values, out: Path, *, quiet: bool) -> int:
    """Run one point, or go on with it, unless it is done."""
    name = name_of(values)
    study, folder = out / f"{name}.toml", Folder(out / name)
    text = toml_text(at(tables, values))
    if study.exists() and study.read_text(encoding="utf-8") != text:
        raise StudyError((), f"--out: {study} is another study; use a new --out.")
    study.write_text(text, encoding="utf-8")
    if (folder.root / "summary.json").exists():
        if not quiet:
            print(f"{name}: done before", file=sys.stderr)
        return 0
    read_study(study)
    if not quiet:
        print(f"{name}:", file=sys.stderr)
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        return run_studies(
            [study], folder.root, resume=folder.study.exists(), quiet=True, json=False
        )


def _summary(out: Path, values: Values) -> dict[str, Any]:
    return json_format.loads((out / name_of(values) / "summary.json").read_text(encoding="utf-8"))


def _value(summary: Mapping[str, Any], policy: str, measure: str) -> float:
    return summary["policies"][policy][measure]["value"]


def _rows(found: list[tuple[Values, dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """A row for each point, policy and quantity."""
    for values, summary in found:
        for policy, quantities in summary["policies"].items():
            for quantity, row in quantities.items():
                numbers = {name: row[name] for name in ("value", "standard_error")}
                yield {**values, "policy": policy, "quantity": quantity, **numbers}


def _write_csv(file: Path, rows: list[dict[str, Any]]) -> None:
    with open(file, "w", newline="", encoding="utf-8") as lines:
        writer = csv.DictWriter(lines, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def _print(
    found: list[tuple[Values, dict[str, Any]]], best: Values, policy: str, measure: str, out: Path
) -> None:
    """Each point with the measure of every policy; the least of the wanted one is marked."""
    policies = list(found[0][1]["policies"])
    header = [*best, *(f"{measure} of {name}" for name in policies), ""]
    rows = []
    for values, summary in found:
        numbers = [summary["policies"][name][measure] for name in policies]
        cells = [with_error(row["value"], row["standard_error"]) for row in numbers]
        mark = "*" if values == best else ""
        rows.append([*(_cell(value) for value in values.values()), *cells, mark])
    caption = f"* has the least {measure} of {policy}. Every number: {out / 'sweep.csv'}"
    print(text_tables(header, rows, caption))


def _cell(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
