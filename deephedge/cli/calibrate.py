"""`deephedge calibrate`: a model's parameters from a file of option quotes."""

import dataclasses
import json as json_format
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import jax
import numpy as np

from deephedge.calibration import (
    BySimulation,
    Calibrated,
    Quotes,
    calibrate,
    calibrate_sabr,
    domains,
    fit_surface,
    local_volatility,
    read_quotes,
)
from deephedge.cli.contract import found, hyphened
from deephedge.cli.tables import StudyError, closest
from deephedge.markets import (
    CEV,
    SABR,
    AbstractAffineModel,
    AbstractMarket,
    LocalVolatility,
    RoughBergomi,
)


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What of a model is to be fitted, and from where."""

    free: Sequence[str] | None
    start: Sequence[str]
    weight: str | None
    seed: int


def calibrate_quotes(
    path: Path,
    model: str,
    *,
    free: Sequence[str],
    start: Sequence[str],
    weight: str | None,
    seed: int,
    allow_arbitrage: bool,
    json: bool,
) -> int:
    """Fit a model to the quotes of a file and print it; returns 1 if the fit did not converge."""
    wanted = Wanted([_underscored(name) for name in free] or None, start, weight, seed)
    kind = found(AbstractMarket, model, "model")
    try:
        quotes = read_quotes(path, allow_arbitrage=allow_arbitrage)
        fits = _fitted(kind, quotes, wanted)
    except StudyError:
        raise
    except (TypeError, ValueError) as error:
        hint = "pass `--allow-arbitrage` to"
        raise StudyError((), str(error).replace("pass `allow_arbitrage=True` to", hint)) from None
    if json:
        plain = [_plain(fit) for fit in fits.values()]
        smiles = {"smiles": [{"maturity": t} | p for t, p in zip(fits, plain, strict=True)]}
        print(json_format.dumps(plain[0] if len(fits) == 1 else smiles))
    else:
        for maturity, fit in fits.items():
            print(fit if len(fits) == 1 else f"maturity {maturity:g}\n{fit}")
    return 0 if all(fit.converged for fit in fits.values()) else 1


def _fitted(kind: type, quotes: Quotes, wanted: Wanted) -> dict[float, Calibrated]:
    """The fit, or one for each maturity."""
    spot = float(quotes.forward[np.argmin(quotes.maturity)])
    if kind is SABR:
        return _smiles(quotes, wanted)
    model = _started(_first(kind, quotes, spot), wanted.start)
    free, method = wanted.free, None
    if isinstance(model, CEV) and free is None:
        free = ("scale",)
    if isinstance(model, RoughBergomi):
        method = BySimulation(jax.random.key(wanted.seed))
    return {0.0: calibrate(model, quotes, free=free, weight=wanted.weight, method=method)}


def _smiles(quotes: Quotes, wanted: Wanted) -> dict[float, Calibrated]:
    if wanted.free is not None:
        raise ValueError("`--free` must be left out for SABR, whose exponent alone is held.")
    stated = dict(_stated(text, ("exponent",)) for text in wanted.start)
    return calibrate_sabr(quotes, weight=wanted.weight, **stated)


def _first(kind: type, quotes: Quotes, spot: float) -> AbstractMarket:
    """Where the search begins: the typical member of a model, at the nearest forward."""
    if kind is LocalVolatility:
        dates = np.unique(quotes.maturity)
        dates = (
            np.concatenate([[0.3 * dates[0]], dates]) if len(dates) > 1 else dates * [0.3, 0.6, 1]
        )
        reach = 1.1 * np.max(np.abs(np.log(quotes.strike / quotes.forward)))
        nodes = reach * np.sinh(np.linspace(-2.0, 2.0, 9)) / np.sinh(2.0)
        return local_volatility(
            fit_surface(quotes), spot=spot, maturities=dates, log_moneyness=nodes
        )
    if kind is RoughBergomi:
        return dataclasses.replace(RoughBergomi.example(), spot=spot, rate=0.0, dividend=0.0)
    if kind is CEV:
        at_the_money = np.nanmedian(quotes.vols(quotes.mid))
        return CEV(spot=spot, scale=at_the_money * spot**0.5, exponent=0.5)
    if issubclass(kind, AbstractAffineModel):
        # Every concrete model has an example; the abstract class does not declare it.
        typical = cast(Any, kind).example()
        return dataclasses.replace(typical, spot=spot, rate=0.0, dividend=0.0)
    raise ValueError(
        f"`--model` must have calls that can be fitted, got {hyphened(kind.__name__)}; use a model "
        "such as heston, bates, sabr, rough-bergomi or local-volatility."
    )


def _started(model: AbstractMarket, start: Sequence[str]) -> AbstractMarket:
    """The model with the starting values stated as NAME=VALUE."""
    return dataclasses.replace(model, **dict(_stated(text, domains(model)) for text in start))


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
