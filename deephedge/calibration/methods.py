"""How a model's prices of many calls are found while it is fitted."""

import dataclasses
from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp

from deephedge.claims.vanilla import Call
from deephedge.markets.base import AbstractAffineModel, AbstractMarket
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.fourier import Fourier
from deephedge.typing import Array, Float, Scalar

Rectangle = Float[Array, "maturity strike"]


class Grid(eqx.Module):
    """Calls of several maturities, as many strikes at each."""

    maturity: Float[Array, " maturity"]
    """Years, ascending."""
    forward: Float[Array, " maturity"]
    moneyness: Rectangle
    """Strike over forward."""


class AbstractMethod(eqx.Module):
    """A differentiable map from a model to the prices of calls on its forwards."""

    @abstractmethod
    def calls(self, model: AbstractMarket, grid: Grid) -> Rectangle:
        """Undiscounted, in units of the forward; the model's spot and rates do not enter."""

    def batches(self, model: AbstractMarket, grid: Grid) -> Float[Array, "batch maturity strike"]:
        """Independent estimates whose mean is `calls`; none where prices are exact."""
        del model
        return jnp.zeros((0, *grid.moneyness.shape), grid.moneyness.dtype)

    def roughness(self, model: AbstractMarket) -> Float[Array, " term"]:
        """Numbers whose squares are a penalty, in units of squared volatility; none by default."""
        return jnp.zeros(0, model.start().prices.dtype)


class BySeries(AbstractMethod):
    """`Fourier`, for a model with a characteristic function.

    Args:
        n_terms: terms of the series.
        width: half the interval of the series, in deviations.
    """

    n_terms: int = eqx.field(static=True, default=512)
    width: float = eqx.field(static=True, default=16.0)

    def calls(self, model: AbstractMarket, grid: Grid) -> Rectangle:
        if not isinstance(model, AbstractAffineModel):
            raise TypeError(
                "BySeries needs a model with a characteristic function, got "
                f"{type(model).__name__}; use `BySimulation(key=...)`."
            )
        pricer = Fourier(
            dataclasses.replace(model, **_no_rates()), n_terms=self.n_terms, width=self.width
        )
        now = model.start()
        now = dataclasses.replace(now, prices=jnp.ones_like(now.prices))

        def price(strike: Scalar, maturity: Scalar) -> Scalar:
            return pricer.price(Call(strike=strike, maturity=maturity), now)

        along = jax.vmap(price, in_axes=(0, None))
        return jax.vmap(along)(grid.moneyness, grid.maturity)


class ByFormula(AbstractMethod):
    """A formula that knows the model: Hagan's for SABR, that of CEV.

    These models do not scale with the price, so each maturity is priced at its own forward.
    """

    formula: type[AbstractPricer] = eqx.field(static=True)

    def calls(self, model: AbstractMarket, grid: Grid) -> Rectangle:
        def price(strike: Scalar, maturity: Scalar, forward: Scalar) -> Scalar:
            flat = dataclasses.replace(model, spot=forward, **_no_rates())
            pricer = self.formula.for_model(flat)
            if pricer is None:
                known, model_name = self.formula.__name__, type(model).__name__
                raise TypeError(f"{known} does not know {model_name}; use `BySimulation(key=...)`.")
            return pricer.price(Call(strike=strike * forward, maturity=maturity), flat.start())

        along = jax.vmap(price, in_axes=(0, None, None))
        prices = jax.vmap(along)(grid.moneyness, grid.maturity, grid.forward)
        return prices / grid.forward[:, None]


def _no_rates() -> dict[str, float]:
    return {"rate": 0.0, "dividend": 0.0}
