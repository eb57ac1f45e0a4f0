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


def fit_garch(prices: object, *, dt: float, max_steps: int = 2000) -> Fitted:
    r"""GARCH(1,1) with normal shocks from prices that are `dt` years apart.

    The variance before the first return is the sample's. The model returned goes on from the last
    price and the variance that the returns lead to, with no reward for variance.

    Reference: Bollerslev (1986).
    """
    prices, returns = log_returns(prices, dt)
    variance = float(np.var(returns)) / dt
    if variance <= 0:
        raise ValueError("`prices` must move; the volatility is zero.")
    start = [float(np.mean(returns)) / dt + 0.5 * variance, 0.05 * variance, 0.08, 0.87]
    found = maximum_likelihood(garch_log_density, _FITTED, start, returns, dt, max_steps)
    drift, base, news, memory = found[0].values()
    for x in returns:
        shock = (x - (drift - 0.5 * variance) * dt) / math.sqrt(variance * dt)
        variance = base + (news * shock**2 + memory) * variance
    model = Garch(
        spot=prices[-1], variance=variance, base=base, news=news, memory=memory, drift=drift
    )
    return Fitted(model, *found)


def garch_log_density(
    parameters: Float[Array, " parameter"], returns: Float[Array, " step"], dt: Scalar
) -> Float[Array, " step"]:
    """Log-density of each log-return given those before; drift, base, news and memory."""
    drift, base, news, memory = parameters

    def step(variance: Scalar, x: Scalar) -> tuple[Scalar, Scalar]:
        shock = (x - (drift - 0.5 * variance) * dt) / jnp.sqrt(variance * dt)
        density = -0.5 * (shock**2 + jnp.log(2.0 * jnp.pi * variance * dt))
        return base + (news * shock**2 + memory) * variance, density

    return lax.scan(step, jnp.var(returns) / dt, returns)[1]
