"""Model parameters from option quotes, by weighted least squares."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optimistix

from deephedge.calibration.calibrated import Calibrated
from deephedge.calibration.domains import AT_THE_END, Domain, domains
from deephedge.calibration.forward_equation import ByForwardEquation
from deephedge.calibration.methods import AbstractMethod, ByFormula, BySeries
from deephedge.calibration.problem import Problem, labels, like, numbers
from deephedge.calibration.quotes import Column, Quotes
from deephedge.calibration.search import Minimum, search
from deephedge.calibration.standard_errors import sampling_errors, standard_errors
from deephedge.markets.base import AbstractAffineModel, AbstractMarket
from deephedge.markets.cev import CEV
from deephedge.markets.local_volatility import LocalVolatility
from deephedge.markets.sabr import SABR
from deephedge.pricing.cev import CEVFormula
from deephedge.pricing.hagan import HaganFormula
from deephedge.typing import Array

LEAST_VEGA = 0.01
"""Share of the greatest vega that every quote counts as having at least."""


def calibrate(
    model: AbstractMarket,
    quotes: Quotes,
    *,
    free: Sequence[str] | None = None,
    weight: str | None = None,
    method: AbstractMethod | None = None,
    max_steps: int = 256,
) -> Calibrated:
    r"""The parameters at which a model's prices are nearest to the quotes.

    $$\min_\theta \sum_i w_i^2 \,(P_i(\theta) - \mathrm{mid}_i)^2$$

    by Levenberg-Marquardt in float64, from the parameters that `model` has. Every parameter moves
    over the real line and is mapped smoothly into its domain; one that runs into an end of it,
    with the sum of squares falling outwards, is held there while the others are fitted again. The
    minimum is a local one: start from a few places where it matters. Standard errors are the
    roots of the diagonal of $s^2 (J'WJ)^{-1}$, with $s^2$ the weighted sum of squares over the
    number of quotes less that of parameters: they hold for errors that are independent from quote
    to quote, and given the parameters that are held, which have none. Where prices are simulated,
    the variance that the draws bring is added.

    `ByForwardEquation` adds a penalty for smoothness to the sum. The parameters are then drawn
    towards smooth ones by an amount that no sampling shows; the standard errors, those of
    `standard_errors` with a penalty, are the deviations of a belief that began with the penalty,
    not of estimates over repeated quotes. Where the quotes say little they are the penalty's
    opinion: compare fits with several `smoothness`.

    Args:
        model: the model with its starting parameters. The quotes' forwards and discount factors
            take the place of its spot, rate and dividend, which stay as they are.
        quotes: what to fit.
        free: the fields to fit; all that can be but spot, rates, drift and dates if left out.
        weight: `spread` counts errors in half-spreads, `vega` in volatility (to first order),
            `price` in cash. Left out, `spread` where every quote has one, else `vega`.
        method: how prices are found; left out, `BySeries` for a model with a characteristic
            function, `ByFormula` for SABR and CEV, `ByForwardEquation` for local volatility.
            Others, rough Bergomi, need `BySimulation(key=...)`.
        max_steps: of Levenberg-Marquardt, refused steps included.
    """
    fitted = _free(model, free)
    method = method_for(model) if method is None else method
    names = labels(model, tuple(fitted))
    _refuse_too_few(quotes, names, fitted, penalised=method.roughness(model).size > 0)
    scale = _scale(quotes, weight)
    found, changed = _searched(model, quotes, scale, fitted, method, max_steps)
    values, weighted = np.asarray(found.at.values), np.asarray(found.at.errors)
    return Calibrated(
        model=dataclasses.replace(model, **changed),
        quotes=quotes,
        residuals=weighted * scale,
        parameters={name: float(x) for name, x in zip(names, values, strict=True)},
        standard_errors=_standard_errors(names, found),
        converged=found.converged,
        message=_message(found.result, max_steps) + at_ends(names, values, fitted, found.held),
        cost=float(np.sum(weighted**2)),
        penalty=float(np.sum(np.asarray(found.at.roughness) ** 2)),
    )


def _searched(
    model: AbstractMarket,
    quotes: Quotes,
    scale: Column,
    fitted: Mapping[str, Domain],
    method: AbstractMethod,
    max_steps: int,
) -> tuple[Minimum, dict[str, Array]]:
    """The minimum, by float64, and the model's fields at it."""
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        with jax.numpy_rank_promotion("allow"):
            wide = jax.tree.map(_as_double, model)
            problem = Problem.create(wide, quotes, scale, tuple(fitted.items()), method)
            found = search(problem, problem.unbounded(model), max_steps)
            return found, like(model, fitted, np.asarray(found.at.values))


def method_for(model: AbstractMarket) -> AbstractMethod:
    """The exact method for a model."""
    match model:
        case AbstractAffineModel():
            return BySeries()
        case SABR():
            return ByFormula(HaganFormula)
        case CEV():
            return ByFormula(CEVFormula)
        case LocalVolatility():
            return ByForwardEquation()
    raise ValueError(
        f"`model` must have a formula for calls, got {type(model).__name__}; "
        "pass `method=BySimulation(key=jax.random.key(0))`."
    )


def _standard_errors(names: Sequence[str], found: Minimum) -> dict[str, float]:
    """Of the parameters that are not held, given those that are."""
    free, at = ~found.held, found.at
    moved = [name for name, is_free in zip(names, free.tolist(), strict=True) if is_free]
    jacobian = np.asarray(at.jacobian)[:, free]
    penalty = np.asarray(at.roughness_jacobian)[:, free]
    errors = standard_errors(moved, jacobian, np.asarray(at.errors), penalty)
    errors = sampling_errors(moved, jacobian, np.asarray(at.noise), errors)
    return {name: errors.get(name, math.nan) for name in names}


def _as_double(x: Array) -> Array:
    return jnp.asarray(np.asarray(x, np.float64)) if eqx.is_inexact_array(x) else x


def _free(model: AbstractMarket, free: Sequence[str] | None) -> dict[str, Domain]:
    """The fields to fit with their domains, each checked to start inside."""
    known = domains(model)
    for name in known if free is None else free:
        if name not in known:
            raise ValueError(
                f"`free` must name parameters of {type(model).__name__} ({', '.join(known)}), "
                f"got {name!r}."
            )
        for number in numbers(model, name).tolist():
            if number not in known[name]:
                raise ValueError(
                    f"`{name}` must start between {known[name].low:g} and {known[name].high:g} to "
                    f"be fitted, got {number:g}."
                )
    chosen = {name: known[name] for name in (known if free is None else free)}
    if not chosen:
        raise ValueError("`free` must name at least one parameter.")
    return chosen


def _refuse_too_few(
    quotes: Quotes, names: Sequence[str], fitted: Mapping[str, Domain], *, penalised: bool
) -> None:
    """No more quotes than parameters; a penalty tells what too few quotes do not."""
    if len(quotes) <= len(names) and not penalised:
        raise ValueError(
            f"`quotes` must be more than the {len(names)} free parameters, got {len(quotes)}; "
            f"pass `free=({next(iter(fitted))!r},)`."
        )


def _scale(quotes: Quotes, weight: str | None) -> Column:
    """The error in cash that counts as one."""
    spread = 0.5 * quotes.spread
    if weight is None:
        weight = "spread" if np.all(spread > 0) else "vega"
    if weight == "price":
        return np.ones_like(spread)
    if weight == "spread":
        if not np.all(spread > 0):
            i = int(np.argmin(spread))
            raise ValueError(
                f"bid-ask weights need spreads above zero, got 0 for {quotes.describe(i)}; "
                "pass `weight='vega'`."
            )
        return spread
    if weight == "vega":
        vega = quotes.vega()
        if not np.any(vega > 0):
            raise ValueError("no quote has a volatility; pass `weight='price'`.")
        return np.maximum(vega, LEAST_VEGA * np.max(vega))
    raise ValueError(f"`weight` must be spread, vega or price, got {weight!r}.")


def at_ends(
    names: Sequence[str], values: np.ndarray, fitted: Mapping[str, Domain], held: np.ndarray
) -> str:
    """A sentence for each parameter that has run into an end of its domain."""
    said = []
    for name, value, stays in zip(names, values.tolist(), held.tolist(), strict=True):
        domain = fitted[name.partition("[")[0]]
        for end in (domain.low, domain.high):
            if abs(value - end) < AT_THE_END:
                why = ": the best fit is at it, or beyond." if stays else "."
                said.append(f" `{name}` has run to the end of its domain, {end:g}{why}")
    return "".join(said)


def _message(result: optimistix.RESULTS, max_steps: int) -> str:
    if result == optimistix.RESULTS.successful:
        return "converged."
    if result == optimistix.RESULTS.nonlinear_max_steps_reached:
        return f"not converged in {max_steps} steps; pass a larger `max_steps`, or start elsewhere."
    return "not converged: the prices or their slopes are not finite; start elsewhere."
