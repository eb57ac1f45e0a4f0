"""What a volatility forecast is: a filter of returns that a policy carries in its memory."""

from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp

from deephedge.markets.base import Snapshot
from deephedge.numerics import safe
from deephedge.typing import Array, Bool, PyTree, Scalar


class AbstractForecast(eqx.Module):
    """The volatility of the next step, from the returns of the steps before it.

    `init` gives the memory before any return, `update` takes one return in, `vol` reads the
    forecast. The memory is a pytree of arrays that keeps its shapes, so a forecast runs inside a
    policy's scan; it is never shown a return before that return has happened.
    """

    start: eqx.AbstractVar[Scalar]
    """The volatility per year before any return is known."""

    @abstractmethod
    def init(self) -> PyTree:
        """The memory before the first return."""

    @abstractmethod
    def update(self, squared: Scalar, log_return: Scalar, memory: PyTree) -> PyTree:
        """The memory after a step of that log-return; `squared` is its square per year."""

    @abstractmethod
    def vol(self, memory: PyTree) -> Scalar:
        """Volatility per year of the next step."""


class Watched(eqx.Module):
    """A forecast's memory, with the price and the date at which it was last brought up to date."""

    begun: Bool[Array, ""]
    log_price: Scalar
    time: Scalar
    memory: PyTree


def watch(forecast: AbstractForecast) -> Watched:
    """A forecast before it has seen a price."""
    nothing = jnp.zeros_like(forecast.start)
    return Watched(jnp.asarray(False), nothing, nothing, forecast.init())


def saw(forecast: AbstractForecast, before: Watched, now: Snapshot, asset: int) -> Watched:
    """The forecast after the price of one asset at `now`."""
    log_price = safe.log(now.prices[asset])
    log_return = log_price - before.log_price
    memory = taken_in(forecast, before.begun, log_return, now.time - before.time, before.memory)
    return Watched(jnp.asarray(True), log_price, now.time, memory)


def taken_in(
    forecast: AbstractForecast,
    begun: Bool[Array, ""],
    log_return: Scalar,
    elapsed: Scalar,
    memory: PyTree,
) -> PyTree:
    """The memory after a return over `elapsed` years; the same memory before there is any."""
    known = begun & (elapsed > 0)
    log_return = jnp.where(known, log_return, 0.0)
    squared = safe.divide(log_return**2, jnp.where(known, elapsed, 0.0))
    updated = forecast.update(squared, log_return, memory)
    return jax.tree.map(lambda new, old: jnp.where(known, new, old), updated, memory)


def squared_start(forecast: AbstractForecast, n: int) -> Array:
    """A record of `n` squared returns per year that all say what is known at the start."""
    return jnp.broadcast_to(forecast.start**2, (n,))


def remembered(record: Array, squared: Scalar) -> Array:
    """The record with its oldest entry dropped and the newest put first."""
    return jnp.concatenate([squared[None], record[:-1]])
