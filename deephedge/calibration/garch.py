"""GARCH from a history of prices, by maximum likelihood."""

import math

import jax.numpy as jnp
import numpy as np
from jax import lax

from deephedge.calibration.domains import Domain
from deephedge.calibration.returns import Fitted, log_returns, maximum_likelihood
from deephedge.markets.garch import Garch
from deephedge.typing import Array, Float, Scalar

_FITTED = (
    ("drift", Domain(-math.inf, math.inf)),
    ("base", Domain(0.0, math.inf)),
    ("news", Domain(0.0, 1.0)),
    ("memory", Domain(0.0, 1.0)),
)
_LEVERAGE = ("leverage", Domain(0.0, 1.0))


def fit_garch(
    prices: object, *, dt: float, leverage: bool = False, max_steps: int = 2000
) -> Fitted:
    r"""GARCH(1,1) with normal shocks from prices that are `dt` years apart.

    With `leverage`, the model of Glosten, Jagannathan and Runkle: losses raise the variance more.
    The variance before the first return is the sample's. The model returned goes on from the last
    price and the variance that the returns lead to, with no reward for variance.

    Reference: Bollerslev (1986); Glosten, Jagannathan and Runkle (1993).
    """
    prices, returns = log_returns(prices, dt)
    variance = float(np.var(returns)) / dt
    if variance <= 0:
        raise ValueError("`prices` must move; the volatility is zero.")
    drift = float(np.mean(returns)) / dt + 0.5 * variance
    if leverage:
        start = [drift, 0.05 * variance, 0.03, 0.87, 0.1]
        fitted, density = (*_FITTED, _LEVERAGE), gjr_log_density
    else:
        start = [drift, 0.05 * variance, 0.08, 0.87]
        fitted, density = _FITTED, garch_log_density
    found = maximum_likelihood(density, fitted, start, returns, dt, max_steps)
    return Fitted(_continued(prices[-1], returns, dt, variance, found[0]), *found)


def _continued(
    spot: float, returns: np.ndarray, dt: float, variance: float, parameters: dict[str, float]
) -> Garch:
    """The model from the last price on, with the variance that the returns lead to."""
    rest = {"leverage": 0.0} | parameters
    for x in returns:
        shock = (x - (rest["drift"] - 0.5 * variance) * dt) / math.sqrt(variance * dt)
        slope = rest["news"] + rest["leverage"] * (shock < 0)
        variance = rest["base"] + (slope * shock**2 + rest["memory"]) * variance
    return Garch(spot=spot, variance=variance, **rest)


def garch_log_density(
    parameters: Float[Array, " parameter"], returns: Float[Array, " step"], dt: Scalar
) -> Float[Array, " step"]:
    """Log-density of each log-return given those before; drift, base, news and memory."""
    none = jnp.zeros((1,), parameters.dtype)
    return gjr_log_density(jnp.concatenate([parameters, none]), returns, dt)


def gjr_log_density(
    parameters: Float[Array, " parameter"], returns: Float[Array, " step"], dt: Scalar
) -> Float[Array, " step"]:
    """The same with leverage as the fifth parameter."""
    drift, base, news, memory, leverage = parameters

    def step(variance: Scalar, x: Scalar) -> tuple[Scalar, Scalar]:
        shock = (x - (drift - 0.5 * variance) * dt) / jnp.sqrt(variance * dt)
        density = -0.5 * (shock**2 + jnp.log(2.0 * jnp.pi * variance * dt))
        slope = news + leverage * (shock < 0).astype(x.dtype)
        return base + (slope * shock**2 + memory) * variance, density

    return lax.scan(step, jnp.var(returns) / dt, returns)[1]
