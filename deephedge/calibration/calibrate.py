"""Model parameters from option quotes, by weighted least squares."""

import dataclasses
from collections.abc import Mapping, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optimistix

from deephedge.calibration.calibrated import Calibrated
from deephedge.calibration.domains import Domain, domains
from deephedge.calibration.quotes import Column, Quotes
from deephedge.claims.vanilla import Call
from deephedge.markets.base import AbstractAffineModel
from deephedge.pricing.fourier import Fourier
from deephedge.typing import Array, Float, Int, Scalar

LEAST_VEGA = 0.01
"""Share of the greatest vega that every quote counts as having at least."""


def calibrate(
    model: AbstractAffineModel,
    quotes: Quotes,
    *,
    free: Sequence[str] | None = None,
    weight: str | None = None,
    n_terms: int = 512,
    width: float = 16.0,
    max_steps: int = 256,
) -> Calibrated:
    r"""The parameters at which a model's Fourier prices are nearest to the quotes.

    $$\min_\theta \sum_i w_i^2 \,(P_i(\theta) - \mathrm{mid}_i)^2$$

    by Levenberg-Marquardt in float64, from the parameters that `model` has. Every parameter moves
    over the real line and is mapped smoothly into its domain. The minimum is a local one: start
    from a few places where it matters. Standard errors are the roots of the
    diagonal of $s^2 (J'WJ)^{-1}$, with $s^2$ the weighted sum of squares over the number of quotes
    less that of parameters: they hold for errors that are independent from quote to quote.

    Args:
        model: the model with its starting parameters. The quotes' forwards and discount factors
            take the place of its spot, rate and dividend, which stay as they are.
        quotes: what to fit.
        free: the parameters to fit; all numbers but spot, rate, dividend and drift if left out.
        weight: `spread` counts errors in half-spreads, `vega` in volatility (to first order),
            `price` in cash. Left out, `spread` where every quote has one, else `vega`.
        n_terms: terms of the Fourier series.
        width: half the interval of the Fourier series, in deviations.
        max_steps: of Levenberg-Marquardt, refused steps included.
    """
    fitted = _free(model, free)
    if len(quotes) <= len(fitted):
        raise ValueError(
            f"`quotes` must be more than the {len(fitted)} free parameters, got {len(quotes)}; "
            f"pass `free=({next(iter(fitted))!r},)`."
        )
    scale = _scale(quotes, weight)
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        with jax.numpy_rank_promotion("allow"):
            wide = jax.tree.map(lambda x: jnp.asarray(np.asarray(x, np.float64)), model)
            problem = Problem.create(wide, quotes, scale, tuple(fitted.items()), n_terms, width)
            start = problem.unbounded(model)
            solved = _solve(problem, start, max_steps)
            values, slopes, weighted, jacobian = jax.tree.map(np.asarray, solved[1:])
    names = list(fitted)
    return Calibrated(
        model=dataclasses.replace(model, **_like(model, dict(zip(names, values, strict=True)))),
        quotes=quotes,
        residuals=weighted * scale,
        parameters={name: float(x) for name, x in zip(names, values, strict=True)},
        standard_errors=standard_errors(names, jacobian / slopes, weighted),
        converged=bool(solved[0] == optimistix.RESULTS.successful),
        message=_message(solved[0], max_steps),
    )


class Problem(eqx.Module):
    """Weighted price errors as a function of unbounded parameters.

    Quotes stand in a rectangle of maturities by strikes, so that the characteristic function is
    evaluated once a maturity; `row` and `column` say where each quote stands.
    """

    model: AbstractAffineModel
    maturity: Float[Array, " maturity"]
    moneyness: Float[Array, "maturity strike"]
    row: Int[Array, " quote"]
    column: Int[Array, " quote"]
    shift: Float[Array, " quote"]
    """Put less call by parity; undiscounted and in units of the forward, as all prices here."""
    mid: Float[Array, " quote"]
    weight: Float[Array, " quote"]
    fitted: tuple[tuple[str, Domain], ...] = eqx.field(static=True)
    n_terms: int = eqx.field(static=True)
    width: float = eqx.field(static=True)

    @classmethod
    def create(
        cls,
        model: AbstractAffineModel,
        quotes: Quotes,
        scale: Column,
        fitted: tuple[tuple[str, Domain], ...],
        n_terms: int,
        width: float,
    ) -> "Problem":
        """The problem of fitting `quotes` with errors in units of `scale`."""
        maturity, row = np.unique(quotes.maturity, return_inverse=True)
        column = np.zeros_like(row)
        for i in range(len(maturity)):
            column[row == i] = np.arange(np.sum(row == i))
        moneyness = quotes.strike / quotes.forward
        grid = np.ones((len(maturity), column.max() + 1))
        grid[row, column] = moneyness
        grown = quotes.discount * quotes.forward
        return cls(
            model=model,
            maturity=jnp.asarray(maturity),
            moneyness=jnp.asarray(grid),
            row=jnp.asarray(row),
            column=jnp.asarray(column),
            shift=jnp.asarray(np.where(quotes.sign > 0, 0.0, moneyness - 1.0)),
            mid=jnp.asarray(quotes.mid / grown),
            weight=jnp.asarray(grown / scale),
            fitted=fitted,
            n_terms=n_terms,
            width=width,
        )

    def unbounded(self, model: AbstractAffineModel) -> Float[Array, " parameter"]:
        """The point that stands for the parameters of `model`."""
        values = [
            domain.unbounded(jnp.asarray(_number(model, name))) for name, domain in self.fitted
        ]
        return jnp.stack(values)

    def values(self, x: Float[Array, " parameter"]) -> Float[Array, " parameter"]:
        """The parameters themselves."""
        return jnp.stack([domain.value(x[i]) for i, (_, domain) in enumerate(self.fitted)])

    def errors(self, x: Float[Array, " parameter"]) -> Float[Array, " quote"]:
        """Model less mid prices, weighted."""
        names = [name for name, _ in self.fitted]
        changed = _like(self.model, dict(zip(names, self.values(x), strict=True)))
        model = dataclasses.replace(self.model, **changed, rate=0.0, dividend=0.0)
        pricer = Fourier(model, n_terms=self.n_terms, width=self.width)
        now = model.start()
        now = dataclasses.replace(now, prices=jnp.ones_like(now.prices))

        def calls(maturity: Scalar, strikes: Float[Array, " strike"]) -> Float[Array, " strike"]:
            return jax.vmap(lambda k: pricer.price(Call(strike=k, maturity=maturity), now))(strikes)

        prices = jax.vmap(calls)(self.maturity, self.moneyness)[self.row, self.column]
        return self.weight * (prices + self.shift - self.mid)


@eqx.filter_jit
def _solve(problem: Problem, start: Float[Array, " parameter"], max_steps: int):
    solution = optimistix.least_squares(
        lambda x, problem: problem.errors(x),
        optimistix.LevenbergMarquardt(rtol=1e-9, atol=1e-9),
        start,
        args=problem,
        max_steps=max_steps,
        throw=False,
    )
    x = solution.value
    values, slopes = jax.jvp(problem.values, (x,), (jnp.ones_like(x),))
    return solution.result, values, slopes, problem.errors(x), jax.jacfwd(problem.errors)(x)


def standard_errors(
    names: Sequence[str],
    jacobian: Float[np.ndarray, "quote parameter"],
    errors: Float[np.ndarray, " quote"],
) -> dict[str, float]:
    r"""Roots of the diagonal of $s^2 (J'J)^{-1}$; infinite where the quotes do not tell."""
    n_quotes, n_free = jacobian.shape
    size = np.linalg.norm(jacobian, axis=0)
    unit = np.where(size > 0, size, 1.0)
    _, singular, directions = np.linalg.svd(jacobian / unit, full_matrices=False)
    told = singular > 1e-10 * singular[0]
    shares = directions**2
    variance = (shares[told] / singular[told, None] ** 2).sum(axis=0)
    variance = np.where((shares[~told] > 1e-6).any(axis=0), np.inf, variance)
    spread = np.sqrt(np.sum(errors**2) / (n_quotes - n_free))
    return {
        name: float(spread * x) for name, x in zip(names, np.sqrt(variance) / unit, strict=True)
    }


def _free(model: AbstractAffineModel, free: Sequence[str] | None) -> dict[str, Domain]:
    """The parameters to fit with their domains, each checked to start inside."""
    known = domains(model)
    for name in known if free is None else free:
        if name not in known:
            raise ValueError(
                f"`free` must name parameters of {type(model).__name__} ({', '.join(known)}), "
                f"got {name!r}."
            )
        if _number(model, name) not in known[name]:
            raise ValueError(
                f"`{name}` must start between {known[name].low:g} and {known[name].high:g} to be "
                f"fitted, got {_number(model, name):g}."
            )
    chosen = {name: known[name] for name in (known if free is None else free)}
    if not chosen:
        raise ValueError("`free` must name at least one parameter.")
    return chosen


def _number(model: AbstractAffineModel, name: str) -> float:
    return float(np.asarray(vars(model)[name]).item())


def _like(model: AbstractAffineModel, values: Mapping[str, object]) -> dict[str, Array]:
    """The values in the shapes and dtypes of the fields that they replace."""
    fields = vars(model)
    return {
        name: jnp.reshape(jnp.asarray(value, fields[name].dtype), fields[name].shape)
        for name, value in values.items()
    }


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


def _message(result: optimistix.RESULTS, max_steps: int) -> str:
    if result == optimistix.RESULTS.successful:
        return "converged."
    if result == optimistix.RESULTS.nonlinear_max_steps_reached:
        return f"not converged in {max_steps} steps; pass a larger `max_steps`, or start elsewhere."
    return "not converged: the prices or their slopes are not finite; start elsewhere."
