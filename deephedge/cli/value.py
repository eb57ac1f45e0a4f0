"""`deephedge price` and `deephedge greeks`, in float64."""

import dataclasses
import json as json_format
import re
from typing import Any

import equinox as eqx
import jax

from deephedge.claims import AbstractClaim, AbstractEuropean
from deephedge.cli.build import arguments, build, members
from deephedge.cli.contract import Contract
from deephedge.cli.tables import StudyError, closest
from deephedge.markets import (
    AbstractAffineModel,
    AbstractModel,
    BlackScholes,
    Heston,
    Merton,
    Snapshot,
)
from deephedge.pricing import AbstractPricer, BlackScholesFormula, Fourier, MonteCarlo
from deephedge.pricing.greeks import USUAL, greeks

_MODELS: dict[str, type[AbstractModel]] = {
    "black-scholes": BlackScholes,
    "heston": Heston,
    "merton": Merton,
}
_CLAIM_TERMS = ("strike", "maturity", "barrier")
_MODEL_TERMS = tuple(
    field.name
    for field in dataclasses.fields(Contract)
    if field.name not in (*_CLAIM_TERMS, "model", "method", "n_paths", "n_steps", "seed")
)


Estimates = dict[str, tuple[float, float | None]]
"""Values and their standard errors, which only Monte Carlo has."""


def print_price(claim: str, terms: Contract, *, json: bool) -> int:
    """Print the value of a claim."""
    with jax.enable_x64(True):
        _print(_price(*_valued(claim, terms)), json)
    return 0


def print_greeks(claim: str, terms: Contract, *, json: bool) -> int:
    """Print the value of a claim and its Greeks."""
    with jax.enable_x64(True):
        valued = _valued(claim, terms)
        _print(_price(*valued) | _greeks(*valued), json)
    return 0


def _valued(name: str, terms: Contract) -> tuple[AbstractClaim, AbstractPricer, Snapshot]:
    claims = _claims()
    if name not in claims:
        raise StudyError(("claim",), f"unknown claim {name!r}; {closest(name, claims)}")
    claim = _made(claims[name], terms, _CLAIM_TERMS)
    model = _made(_MODELS[terms.model], terms, _MODEL_TERMS)
    return claim, _pricer(claim, model, terms), model.start()


def _claims() -> dict[str, type]:
    """The claims whose terms the command line can state, by their name with hyphens."""
    return {
        re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower(): claim
        for name, claim in members(AbstractClaim).items()
        if all(x in _CLAIM_TERMS or not need.required for x, need in arguments(claim).items())
    }


def _made(make: type, terms: Contract, admitted: tuple[str, ...]) -> Any:
    """`make` from those terms that were given; what it cannot use is refused."""
    stated = {
        name: value for name, value in vars(terms).items() if name in admitted and value is not None
    }
    try:
        return build(make, stated, (), given={}, named=_no_names)
    except StudyError as error:
        option = f"--{error.keys[0].replace('_', '-')}" if error.keys else make.__name__
        raise StudyError((), f"{option}: {error.message}") from None


def _no_names(name: str, keys: tuple[str, ...]) -> Any:
    raise StudyError(keys, f"must be a number, got {name!r}.")


def _pricer(claim: AbstractClaim, model: AbstractModel, terms: Contract) -> AbstractPricer:
    european = isinstance(claim, AbstractEuropean)
    closed = isinstance(model, BlackScholes)
    method = terms.method
    if method is None:
        method = ("closed" if closed else "fourier") if european else "monte-carlo"
    if method == "monte-carlo":
        return MonteCarlo(
            model, n_paths=terms.n_paths, n_steps=terms.n_steps, key=jax.random.key(terms.seed)
        )
    if not european:
        raise StudyError(
            (), f"--method: {method} values European claims only; use --method monte-carlo."
        )
    if method == "fourier":
        if not isinstance(model, AbstractAffineModel):
            raise StudyError((), f"--method: {terms.model} has no characteristic function.")
        return Fourier(model, n_terms=8192, width=24.0)
    if not isinstance(model, BlackScholes):
        raise StudyError((), f"--method: {terms.model} has no closed form; use --method fourier.")
    return BlackScholesFormula(vol=model.vol[0], rate=model.rate, dividend=model.dividend)


def _price(claim: AbstractClaim, pricer: AbstractPricer, now: Snapshot) -> Estimates:
    if isinstance(pricer, MonteCarlo):
        value, error = pricer.estimate(claim, now)
        return {"price": (float(value), float(error))}
    return {"price": (float(pricer.price(claim, now)), None)}


def _greeks(claim: AbstractClaim, pricer: AbstractPricer, now: Snapshot) -> Estimates:
    if isinstance(pricer, MonteCarlo):
        estimates = eqx.filter_jit(pricer.estimate_greeks)(claim, now)
        return {name: (float(x), float(error)) for name, (x, error) in _in_order(estimates)}
    values = eqx.filter_jit(greeks)(pricer, claim, now)
    return {name: (float(x), None) for name, x in _in_order(values)}


def _in_order(values: dict[str, Any]) -> list[tuple[str, Any]]:
    """The Greeks in their usual order; jit sorts a dictionary by its keys."""
    return [(name, values[name]) for name in USUAL]


def _print(estimates: Estimates, json: bool) -> None:
    if json:
        values: dict[str, Any] = {name: value for name, (value, _) in estimates.items()}
        errors = {name: error for name, (_, error) in estimates.items() if error is not None}
        print(json_format.dumps(values | ({"standard_errors": errors} if errors else {})))
        return
    for name, (value, error) in estimates.items():
        spread = "" if error is None else f"  standard error {error:.2g}"
        print(f"{name:<8}{value: .15g}{spread}")
