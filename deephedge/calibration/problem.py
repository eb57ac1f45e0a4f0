"""The least-squares problem of a fit to quotes."""

import dataclasses
from collections.abc import Iterable, Mapping

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from deephedge.calibration.domains import AT_THE_END, Domain
from deephedge.calibration.methods import AbstractMethod, Grid
from deephedge.calibration.quotes import Column, Quotes
from deephedge.markets.base import AbstractMarket
from deephedge.typing import Array, Float, Int, Scalar


class Problem(eqx.Module):
    """Weighted price errors as a function of unbounded parameters.

    Quotes stand in a rectangle of maturities by strikes, so that the characteristic function is
    evaluated, or the paths simulated, once a maturity; `row` and `column` say where each stands.
    """

    model: AbstractMarket
    method: AbstractMethod
    grid: Grid
    row: Int[Array, " quote"]
    column: Int[Array, " quote"]
    shift: Float[Array, " quote"]
    """Put less call by parity; undiscounted and in units of the forward, as all prices here."""
    mid: Float[Array, " quote"]
    weight: Float[Array, " quote"]
    vol_weight: Scalar
    """How much an error of one in the volatility of every quote adds up to: a root of squares."""
    fitted: tuple[tuple[str, Domain], ...] = eqx.field(static=True)

    @classmethod
    def create(
        cls,
        model: AbstractMarket,
        quotes: Quotes,
        scale: Column,
        fitted: tuple[tuple[str, Domain], ...],
        method: AbstractMethod,
    ) -> "Problem":
        """The problem of fitting `quotes` with errors in units of `scale`."""
        maturity, first, row = np.unique(quotes.maturity, return_index=True, return_inverse=True)
        column = np.zeros_like(row)
        for i in range(len(maturity)):
            column[row == i] = np.arange(np.sum(row == i))
        moneyness = quotes.strike / quotes.forward
        rectangle = np.ones((len(maturity), column.max() + 1))
        rectangle[row, column] = moneyness
        grown = quotes.discount * quotes.forward
        return cls(
            model=model,
            method=method,
            grid=Grid(*(jnp.asarray(x) for x in (maturity, quotes.forward[first], rectangle))),
            row=jnp.asarray(row),
            column=jnp.asarray(column),
            shift=jnp.asarray(np.where(quotes.sign > 0, 0.0, moneyness - 1.0)),
            mid=jnp.asarray(quotes.mid / grown),
            weight=jnp.asarray(grown / scale),
            vol_weight=jnp.asarray(np.linalg.norm(quotes.vega() / scale)),
            fitted=fitted,
        )

    def unbounded(self, model: AbstractMarket) -> Float[Array, " parameter"]:
        """The point that stands for the parameters of `model`."""
        values = [domain.unbounded(jnp.asarray(numbers(model, n))) for n, domain in self.fitted]
        return jnp.concatenate(values)

    def values(self, x: Float[Array, " parameter"]) -> Float[Array, " parameter"]:
        """The parameters themselves."""
        parts = _split(self.model, [name for name, _ in self.fitted], x)
        domains = dict(self.fitted)
        return jnp.concatenate([domains[name].value(part) for name, part in parts.items()])

    def steep(self, x: Float[Array, " parameter"]) -> Float[Array, " parameter"]:
        """The nearest point at which every parameter can still move."""
        parts = _split(self.model, [name for name, _ in self.fitted], x)
        domains = dict(self.fitted)
        return jnp.concatenate([domains[name].steep(part) for name, part in parts.items()])

    def ends(self, values: object) -> tuple[np.ndarray, np.ndarray]:
        """Which parameters have run into the lower, and which into the upper end."""
        sizes = [numbers(self.model, name).size for name, _ in self.fitted]
        lows = np.repeat([domain.low for _, domain in self.fitted], sizes)
        highs = np.repeat([domain.high for _, domain in self.fitted], sizes)
        row = np.asarray(values)
        return np.abs(row - lows) < AT_THE_END, np.abs(row - highs) < AT_THE_END

    def errors(self, x: Float[Array, " parameter"]) -> Float[Array, " quote"]:
        """Model less mid prices, weighted."""
        calls = self.method.calls(self._at(x), self.grid)
        return self.weight * (calls[self.row, self.column] + self.shift - self.mid)

    def roughness(self, x: Float[Array, " parameter"]) -> Float[Array, " term"]:
        """What the method adds to the errors so that the parameters stay smooth."""
        return self.vol_weight * self.method.roughness(self._at(x))

    def noise(self, x: Float[Array, " parameter"]) -> Float[Array, "batch quote"]:
        """The weighted errors of each of the method's independent estimates."""
        calls = self.method.batches(self._at(x), self.grid)[:, self.row, self.column]
        return self.weight[None] * (calls + (self.shift - self.mid)[None])

    def _at(self, x: Float[Array, " parameter"]) -> AbstractMarket:
        names = [name for name, _ in self.fitted]
        return dataclasses.replace(self.model, **like(self.model, names, self.values(x)))


def numbers(model: AbstractMarket, name: str) -> np.ndarray:
    """The entries of a field in one row, as float64."""
    return np.ravel(np.asarray(vars(model)[name], np.float64))


def labels(model: AbstractMarket, names: Iterable[str]) -> list[str]:
    """A name for each number: that of the field, and its position in one with several."""
    found = []
    for name in names:
        shape = vars(model)[name].shape
        entries = (
            [name]
            if vars(model)[name].size == 1
            else [f"{name}[{', '.join(map(str, index))}]" for index in np.ndindex(shape)]
        )
        found += entries
    return found


def like(model: AbstractMarket, names: Iterable[str] | Mapping, values: object) -> dict[str, Array]:
    """The row of values in the shapes and dtypes of the fields that they replace."""
    parts = _split(model, list(names), jnp.asarray(values))
    fields = vars(model)
    return {
        name: jnp.reshape(part.astype(fields[name].dtype), fields[name].shape)
        for name, part in parts.items()
    }


def _split(model: AbstractMarket, names: list[str], x: Array) -> dict[str, Array]:
    sizes = [vars(model)[name].size for name in names]
    return dict(zip(names, jnp.split(x, np.cumsum(sizes)[:-1].tolist()), strict=True))
