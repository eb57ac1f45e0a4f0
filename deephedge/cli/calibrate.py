"""`deephedge calibrate`: a model's parameters from a file of option quotes."""

import dataclasses
import json as json_format
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import numpy as np

from deephedge.calibration import (
    BySimulation,
    Calibrated,
    Quotes,
    calibrate,
    calibrate_sabr,
    domains,
    read_quotes,
)
from deephedge.cli.contract import found, hyphened
from deephedge.cli.first_guess import first_guess
from deephedge.cli.tables import StudyError, closest
from deephedge.markets import (
    CEV,
    SABR,
    AbstractMarket,
    LiftedHeston,
    RoughBergomi,
)

PLOTS = (".png", ".pdf", ".svg")

HELD: Mapping[type, Sequence[str]] = {CEV: ("exponent",), LiftedHeston: ("weights", "speeds")}
"""What is fitted only if `--free` names it: quotes tell next to nothing of it beside the rest."""


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What of a model is to be fitted, and from where."""

    free: Sequence[str] | None
    start: Sequence[str]
    weight: str | None
    seed: int
    max_steps: int

    def __post_init__(self):
        if self.max_steps < 1:
            raise StudyError(("--max-steps",), f"must be at least 1, got {self.max_steps}.")


def calibrate_quotes(
    path: Path,
    model: str,
    *,
    free: Sequence[str],
    start: Sequence[str],
    weight: str | None,
    seed: int,
    allow_arbitrage: bool,
    max_steps: int,
    plot: Path | None,
    quiet: bool,
    json: bool,
) -> int:
    """Fit a model to the quotes of a file and print it; returns 1 if the fit did not converge."""
    _check_plot(plot)
    wanted = Wanted([_underscored(name) for name in free] or None, start, weight, seed, max_steps)
    kind = found(AbstractMarket, model, "model")
    try:
        quotes = read_quotes(path, allow_arbitrage=allow_arbitrage)
        with _clock(f"fitting {hyphened(kind.__name__)} to {len(quotes)} quotes", quiet):
            fits = _fitted(kind, quotes, wanted)
    except StudyError:
        raise
    except (TypeError, ValueError) as error:
        hint = "pass `--allow-arbitrage` to"
        raise StudyError((), str(error).replace("pass `allow_arbitrage=True` to", hint)) from None
    if plot is not None:
        _draw(plot, kind, quotes, fits)
    if json:
        plain = [_plain(fit) for fit in fits.values()]
        smiles = {"smiles": [{"maturity": t} | p for t, p in zip(fits, plain, strict=True)]}
        print(json_format.dumps(plain[0] if len(fits) == 1 else smiles))
    else:
        for maturity, fit in fits.items():
            print(fit if len(fits) == 1 else f"maturity {maturity:g}\n{fit}")
    return 0 if all(fit.converged for fit in fits.values()) else 1


@contextmanager
def _clock(doing: str, quiet: bool) -> Iterator[None]:
    """What is being done and for how long, on a terminal, until it is done."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = [SpinnerColumn(), TextColumn(doing), TimeElapsedColumn()]
    hidden = quiet or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        progress.add_task(doing, total=None)
        yield


def _check_plot(plot: Path | None) -> None:
    """Refuse before the work a file that cannot be drawn after it."""
    if plot is None:
        return
    if plot.suffix not in PLOTS:
        raise StudyError(("--plot",), f"must end in {', '.join(PLOTS)}, got {str(plot)!r}.")
    if not plot.parent.is_dir():
        raise StudyError(("--plot",), f"there is no folder {plot.parent}.")


def _draw(plot: Path, kind: type, quotes: Quotes, fits: Mapping[float, Calibrated]) -> None:
    from deephedge.reports.quote_errors import quote_errors

    errors = np.empty(len(quotes))
    for maturity, fit in fits.items():
        errors[(quotes.maturity == maturity) | (len(fits) == 1)] = fit.vol_errors
    try:
        quote_errors(quotes, {hyphened(kind.__name__): errors}).savefig(plot, dpi=120)
    except OSError as error:
        rule = f"cannot write {plot}: {error.strerror}."
        raise StudyError(("--plot",), rule) from None


def _fitted(kind: type, quotes: Quotes, wanted: Wanted) -> dict[float, Calibrated]:
    """The fit, or one for each maturity."""
    spot = float(quotes.forward[np.argmin(quotes.maturity)])
    if kind is SABR:
        return _smiles(quotes, wanted)
    model = _started(first_guess(kind, quotes, spot), wanted.start)
    free, method = wanted.free, None
    if free is None:
        free = [name for name in domains(model) if name not in HELD.get(kind, ())]
    if isinstance(model, RoughBergomi):
        method = BySimulation(jax.random.key(wanted.seed))
    fit = calibrate(
        model,
        quotes,
        free=free,
        weight=wanted.weight,
        method=method,
        max_steps=wanted.max_steps,
    )
    return {0.0: fit}


def _smiles(quotes: Quotes, wanted: Wanted) -> dict[float, Calibrated]:
    if wanted.free is not None:
        raise ValueError("`--free` must be left out for SABR, whose exponent alone is held.")
    stated = dict(_stated(text, ("exponent",)) for text in wanted.start)
    return calibrate_sabr(quotes, weight=wanted.weight, max_steps=wanted.max_steps, **stated)


def _started(model: AbstractMarket, start: Sequence[str]) -> AbstractMarket:
    """The model with the starting values stated as NAME=VALUE; all entries of a curve alike."""
    stated = (_stated(text, domains(model)) for text in start)
    return dataclasses.replace(
        model, **{name: np.full(vars(model)[name].shape, value) for name, value in stated}
    )


def _stated(text: str, known: Any) -> tuple[str, float]:
    name, _, number = text.partition("=")
    name = _underscored(name)
    if name not in known:
        raise StudyError(("--start",), f"unknown parameter {name!r}; {closest(name, known)}")
    try:
        return name, float(number)
    except ValueError:
        rule = f"must be NAME=VALUE with a number, got {text!r}."
        raise StudyError(("--start",), rule) from None


def _underscored(name: str) -> str:
    return name.strip().replace("-", "_")


def _plain(fit: Calibrated) -> dict[str, Any]:
    """What JSON can hold; an infinite standard error is null."""
    errors = fit.standard_errors.items()
    return {
        "parameters": fit.parameters,
        "standard_errors": {name: x if math.isfinite(x) else None for name, x in errors},
        "quotes": len(fit.quotes),
        "between_bid_and_ask": fit.inside,
        "rmse_vol": fit.rmse,
        "converged": fit.converged,
        "message": fit.message,
    }
