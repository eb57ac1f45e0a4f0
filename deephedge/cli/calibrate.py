"""`deephedge calibrate`: a model's parameters from a file of option quotes."""

import dataclasses
import json as json_format
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from deephedge.calibration import Calibrated, Quotes, calibrate, domains, read_quotes
from deephedge.cli.build import members
from deephedge.cli.tables import StudyError, closest
from deephedge.markets import AbstractAffineModel


def calibrate_quotes(
    path: Path,
    model: str,
    *,
    free: Sequence[str],
    start: Sequence[str],
    weight: str | None,
    allow_arbitrage: bool,
    json: bool,
) -> int:
    """Fit a model to the quotes of a file and print it; returns 1 if the fit did not converge."""
    try:
        quotes = read_quotes(path, allow_arbitrage=allow_arbitrage)
        first = _started(_model(model, quotes), start)
        names = [_underscored(name) for name in free] or None
        found = calibrate(first, quotes, free=names, weight=weight)
    except ValueError as error:
        hint = "pass `--allow-arbitrage` to"
        raise StudyError((), str(error).replace("pass `allow_arbitrage=True` to", hint)) from None
    print(json_format.dumps(_plain(found)) if json else found)
    return 0 if found.converged else 1


def _model(name: str, quotes: Quotes) -> AbstractAffineModel:
    """The typical member of a model with a characteristic function, at the nearest forward."""
    models: dict[str, Any] = {
        re.sub(r"(?<!^)(?=[A-Z])", "-", known).lower(): kind
        for known, kind in members(AbstractAffineModel).items()
    }
    if name not in models:
        raise StudyError(("--model",), f"unknown model {name!r}; {closest(name, models)}")
    spot = float(quotes.forward[np.argmin(quotes.maturity)])
    return dataclasses.replace(models[name].example(), spot=spot, rate=0.0, dividend=0.0)


def _started(model: AbstractAffineModel, start: Sequence[str]) -> AbstractAffineModel:
    """The model with the starting values stated as NAME=VALUE."""
    known, values = domains(model), {}
    for text in start:
        name, _, number = text.partition("=")
        name = _underscored(name)
        if name not in known:
            raise StudyError(("--start",), f"unknown parameter {name!r}; {closest(name, known)}")
        try:
            values[name] = float(number)
        except ValueError:
            rule = f"must be NAME=VALUE with a number, got {text!r}."
            raise StudyError(("--start",), rule) from None
    return dataclasses.replace(model, **values)


def _underscored(name: str) -> str:
    return name.strip().replace("-", "_")


def _plain(found: Calibrated) -> dict[str, Any]:
    """What JSON can hold; an infinite standard error is null."""
    errors = found.standard_errors.items()
    return {
        "parameters": found.parameters,
        "standard_errors": {name: x if math.isfinite(x) else None for name, x in errors},
        "quotes": len(found.quotes),
        "between_bid_and_ask": found.inside,
        "converged": found.converged,
        "message": found.message,
    }
