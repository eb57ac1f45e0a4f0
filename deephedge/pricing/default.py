"""The most accurate pricer of a claim in a model."""

import importlib
import inspect
from collections.abc import Iterator

import jax

from deephedge.claims.american import AbstractEarlyExercise
from deephedge.claims.barrier_side import refuse_wrong_side
from deephedge.claims.base import AbstractClaim
from deephedge.claims.vanilla import Call
from deephedge.markets.base import AbstractMarket, AbstractModel
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.longstaff_schwartz import LongstaffSchwartz
from deephedge.pricing.monte_carlo import MonteCarlo
from deephedge.typing import PRNGKeyArray


def pricer_for(
    market: AbstractMarket,
    claim: AbstractClaim | None = None,
    *,
    key: PRNGKeyArray | None = None,
    n_paths: int = 65_536,
    n_steps: int = 100,
) -> AbstractPricer:
    """The method of least effort that prices the claim: a formula, a series, a grid.

    Every pricer that the package exports is asked whether it knows the model (`for_model`) and
    accepts the claim, so that a new one needs no entry here. Where none does and there is a `key`,
    Longstaff and Schwartz' regression for early exercise, and Monte Carlo for the rest.

    Args:
        market: the model.
        claim: a call unless given.
        key: of the simulation; without one, nothing is simulated.
        n_paths: of the simulation.
        n_steps: of the simulation.
    """
    claim = Call(strike=1.0, maturity=1.0) if claim is None else claim
    refuse_wrong_side(claim, market.start())
    for pricer in known_pricers(market, claim):
        if accepts(pricer, claim, market):
            return pricer
    name, model = type(claim).__name__, type(market).__name__
    if key is None:
        raise ValueError(
            f"`market` must be a one-asset model with known prices of {name}, got {model}; "
            "use `MonteCarlo(model, n_paths=..., n_steps=..., key=...)` or `QuotedBlackScholes()`."
        )
    if not isinstance(market, AbstractModel):
        raise ValueError(
            f"`market` must be a model that can start again from any date, got {model}; "
            "use `simulate(market, times, n_paths, key=...)` and the mean of the payoffs."
        )
    if isinstance(claim, AbstractEarlyExercise):
        pricer = LongstaffSchwartz(market, key, n_paths=n_paths, n_steps=n_steps)
    else:
        pricer = MonteCarlo(market, n_paths=n_paths, n_steps=n_steps, key=key)
    _check(pricer, claim, market)
    return pricer


def known_pricers(market: AbstractMarket, claim: AbstractClaim) -> Iterator[AbstractPricer]:
    """The exported pricers that know the model, those of least effort first."""
    asset = vars(claim).get("asset", 0)
    exported = vars(importlib.import_module("deephedge.pricing")).values()
    kinds = [kind for kind in exported if inspect.isclass(kind) and not inspect.isabstract(kind)]
    methods = [kind for kind in kinds if issubclass(kind, AbstractPricer)]
    for kind in sorted(methods, key=lambda kind: (kind.effort, kind.__name__)):
        pricer = kind.for_model(market, asset)
        if pricer is not None:
            yield pricer


def accepts(pricer: AbstractPricer, claim: AbstractClaim, market: AbstractMarket) -> bool:
    """Whether the pricer prices such a claim; nothing is computed."""
    try:
        _check(pricer, claim, market)
    except (TypeError, ValueError):
        return False
    return True


def _check(pricer: AbstractPricer, claim: AbstractClaim, market: AbstractMarket) -> None:
    jax.eval_shape(lambda: pricer.price(claim, market.start()))
