"""`deephedge price` and `deephedge greeks`, in float64."""

import dataclasses
import json as json_format
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from deephedge.claims import AbstractClaim, AbstractEarlyExercise, refuse_wrong_side
from deephedge.cli.build import arguments
from deephedge.cli.contract import Request, flag, found, made, requested, shared_out, values
from deephedge.cli.exit_codes import noted
from deephedge.cli.mistakes import doubts
from deephedge.cli.tables import StudyError
from deephedge.markets import AbstractMarket, AbstractModel, simulate
from deephedge.pricing import (
    AbstractPricer,
    Fourier,
    LongstaffSchwartz,
    MonteCarlo,
    pricer_for,
)
from deephedge.pricing.greeks import GREEKS, USUAL, greeks

SIMULATION = {"n_paths": 100_000, "n_steps": 100, "seed": 0}
"""Unless stated otherwise."""

USUAL_SPOT = 100.0
"""The price of an underlier whose spot is not stated."""

REGRESSION = {"n_paths": 20_000, "n_steps": 50}
"""Of Longstaff and Schwartz, whose paths are all in memory at once."""

Estimates = dict[str, tuple[float, float | None]]
"""Values and their standard errors, which only simulation has."""


@dataclasses.dataclass(frozen=True)
class Valued:
    """A claim in a market with the method that values it; none where paths start at time 0 only."""

    claim: AbstractClaim
    market: AbstractMarket
    pricer: AbstractPricer | None
    simulation: Mapping[str, int]

    @property
    def method(self) -> str:
        """The name of what values the claim."""
        return "Simulation" if self.pricer is None else type(self.pricer).__name__


def print_value(
    claim: str | None,
    *,
    model: str | None,
    method: str | None,
    study: Path | None,
    terms: Mapping[str, str],
    with_greeks: bool,
    json: bool,
) -> int:
    """Print the value of a claim, and its Greeks."""
    with jax.enable_x64(True):
        try:
            valued = _valued(requested(claim, model, method, study, terms), values(terms))
            estimates = _price(valued) | (_greeks(valued) if with_greeks else {})
        except StudyError as error:
            raise error if study is None else StudyError((), f"{study}: {error}") from None
        except (TypeError, ValueError) as error:
            raise StudyError((), str(error)) from None
    noted(doubts(values(terms)))
    _print(estimates, valued.method, json)
    return 0


def _valued(request: Request, terms: dict[str, Any]) -> Valued:
    kinds = {
        "claim": found(AbstractClaim, request.claim.type, "claim"),
        "model": found(AbstractMarket, request.model.type, "model"),
    }
    if request.method is not None:
        kinds["method"] = found(AbstractPricer, request.method.type, "method")
    simulation = {name: _count(name, terms, start) for name, start in SIMULATION.items()}
    own = {name: value for name, value in terms.items() if name not in SIMULATION}
    parts = shared_out(own, kinds)
    claim = made(kinds["claim"], request.claim.options | parts["claim"], {})
    usual = {"spot": USUAL_SPOT} if "spot" in arguments(kinds["model"]) else {}
    market = made(kinds["model"], usual | request.model.options | parts["model"], {})
    refuse_wrong_side(claim, market.start())
    if request.method is None:
        return Valued(claim, market, _usual(claim, market, simulation, terms), simulation)
    options = request.method.options | parts["method"]
    options |= {n: terms[n] for n in ("n_paths", "n_steps") if n in terms}
    pricer = _chosen(kinds["method"], market, claim, options, simulation)
    return Valued(claim, market, pricer, simulation)


def _count(name: str, terms: Mapping[str, Any], start: int) -> int:
    value = terms.get(name, start)
    if not isinstance(value, int) or isinstance(value, bool) or value < (name != "seed"):
        rule = "a whole number of zero or more" if name == "seed" else "a whole number above zero"
        raise StudyError((), f"{flag(name)}: must be {rule}, got {value!r}.")
    return value


def _usual(
    claim: AbstractClaim,
    market: AbstractMarket,
    simulation: Mapping[str, int],
    terms: Mapping[str, Any],
) -> AbstractPricer | None:
    """The method of least effort; a series with more terms than a hedge would want."""
    counts = {name: simulation[name] for name in ("n_paths", "n_steps")}
    if isinstance(claim, AbstractEarlyExercise):
        counts = {name: terms.get(name, start) for name, start in REGRESSION.items()}
    if isinstance(market, AbstractModel):
        pricer = pricer_for(market, claim, key=jax.random.key(simulation["seed"]), **counts)
        if isinstance(pricer, Fourier):
            return dataclasses.replace(pricer, n_terms=8192, width=24.0)
        return pricer
    if isinstance(claim, AbstractEarlyExercise):
        raise StudyError(
            (),
            f"--model: {type(market).__name__} cannot start again from a later date, which early "
            "exercise needs; use a model such as Heston.",
        )
    return None


def _chosen(
    kind: type[AbstractPricer],
    market: AbstractMarket,
    claim: AbstractClaim,
    options: Mapping[str, Any],
    simulation: Mapping[str, int],
) -> AbstractPricer:
    """The method that was asked for, in the model."""
    base = kind.for_model(market, vars(claim).get("asset", 0))
    if base is not None:
        given = {name: value for name, value in vars(base).items() if name in arguments(kind)}
        if kind is Fourier:
            given |= {"n_terms": 8192, "width": 24.0}
        return made(kind, options, given)
    if "model" not in arguments(kind) or "key" not in arguments(kind):
        raise StudyError(
            (),
            f"--method: {kind.__name__} does not know {type(market).__name__}; leave it out, or "
            "use --method=monte-carlo.",
        )
    usual = REGRESSION if kind is LongstaffSchwartz else simulation
    counts = {name: usual[name] for name in ("n_paths", "n_steps")}
    key = jax.random.key(simulation["seed"])
    return made(kind, options, {"model": market, "key": key, **counts})


def _price(valued: Valued) -> Estimates:
    claim, pricer, now = valued.claim, valued.pricer, valued.market.start()
    if pricer is None:
        return {"price": _simulated(valued)}
    if isinstance(pricer, MonteCarlo | LongstaffSchwartz):
        value, error = eqx.filter_jit(pricer.estimate)(claim, now)
        return {"price": (float(value), float(error))}
    return {"price": (float(eqx.filter_jit(pricer.price)(claim, now)), None)}


def _simulated(valued: Valued) -> tuple[float, float]:
    """The mean of the discounted payoffs of a market that starts at time 0 only."""
    claim, counts = valued.claim, valued.simulation
    times = jnp.linspace(0.0, float(claim.maturity), counts["n_steps"] + 1)
    key = jax.random.key(counts["seed"])
    paths = simulate(valued.market, times, counts["n_paths"], key=key)

    def cash(path: Any) -> Any:
        path = dataclasses.replace(path, progress=claim.progress(path))
        return claim.payoff(path) * path.discount[-1]

    payoffs = jax.vmap(cash)(paths)
    return float(jnp.mean(payoffs)), float(jnp.std(payoffs, ddof=1)) / len(payoffs) ** 0.5


def _greeks(valued: Valued) -> Estimates:
    claim, pricer, now = valued.claim, valued.pricer, valued.market.start()
    if pricer is None:
        raise StudyError(
            (),
            f"--model: {type(valued.market).__name__} cannot start again from a later date, so it "
            "has no Greeks here; use `deephedge price` at shifted parameters and the same seed.",
        )
    names = USUAL
    if isinstance(pricer, LongstaffSchwartz):
        # Its derivatives are pathwise, with the rule held: right to first order only.
        names = tuple(name for name in USUAL if len(GREEKS[name]) == 1)
    if isinstance(pricer, MonteCarlo):
        estimates = eqx.filter_jit(pricer.estimate_greeks)(claim, now, names)
        return {name: (float(estimates[name][0]), float(estimates[name][1])) for name in names}
    # Under jit the Greeks share their work; it sorts a dictionary by its keys.
    found = eqx.filter_jit(greeks)(pricer, claim, now, names)
    return {name: (float(found[name]), None) for name in names}


def _print(estimates: Estimates, method: str, json: bool) -> None:
    if json:
        numbers: dict[str, Any] = {name: _finite(value) for name, (value, _) in estimates.items()}
        errors = {name: _finite(x) for name, (_, x) in estimates.items() if x is not None}
        extra = {"standard_errors": errors} if errors else {}
        print(json_format.dumps(numbers | extra | {"method": method}))
        return
    for name, (value, error) in estimates.items():
        spread = "" if error is None else f"  standard error {error:.2g}"
        known = f"{value: .15g}{spread}" if math.isfinite(value) else " not known by this method"
        print(f"{name:<8}{known}")
    print(f"method   {method}")


def _finite(value: float) -> float | None:
    """What JSON can hold."""
    return value if math.isfinite(value) else None
