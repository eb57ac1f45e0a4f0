"""Heston's model from a history of prices, the variance filtered on a grid."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from deephedge.calibration.domains import Domain
from deephedge.calibration.returns import Fitted, log_returns, maximum_likelihood
from deephedge.markets.heston import Heston
from deephedge.typing import Array, Float, Scalar

_FITTED = (
    ("drift", Domain(-math.inf, math.inf)),
    ("mean_reversion", Domain(0.0, math.inf)),
    ("long_variance", Domain(0.0, math.inf)),
    ("vol_of_variance", Domain(0.0, math.inf)),
    ("correlation", Domain(-1.0, 1.0)),
)
N_NODES = 100
"""Volatilities that the hidden state may take."""

HIGHEST = 4.0
"""The greatest of them, over the volatility of the whole sample."""


def fit_heston(prices: object, *, dt: float, max_steps: int = 500) -> Fitted:
    r"""Heston's model by the likelihood of the returns, the unseen variance summed out.

    Over a step from v to v', with $\bar v$ their mean, the log-return is normal:

    $$\Bigl(\mu - \tfrac12\bar v\Bigr)dt + \frac\rho\sigma\bigl(v' - v - \kappa(\theta - \bar v)
    dt\bigr) + \sqrt{(1 - \rho^2)\,\bar v\,dt}\;\varepsilon.$$

    v' given v is taken as gamma with its exact mean and variance, which makes this a
    quasi-likelihood: close where Feller's condition holds, and 0.003 a day above the exact one
    at kappa 6, theta 0.04 and sigma 0.7. The variance lives on a fixed
    grid, even in the volatility, so that the likelihood is that of a hidden Markov chain, with the
    stationary law to begin with. Standard errors are those of the observed information; without
    a reward for variance in the returns, the speed is known badly in any history. The model
    returned goes on from the last price and the filtered mean of the last variance.

    Args:
        prices: positive, evenly spaced in time; a few hundred at least.
        dt: years between two prices; the grid suits a day to a week.
        max_steps: of the search.

    Reference: Kitagawa (1987); Bartolucci and De Luca (2001); Andersen (2008) for the moments.
    """
    prices, returns = log_returns(prices, dt)
    variance = float(np.var(returns)) / dt
    if variance <= 0:
        raise ValueError("`prices` must move; the volatility is zero.")
    drift = float(np.mean(returns)) / dt + 0.5 * variance
    start = [drift, 5.0, variance, 2.0 * math.sqrt(variance), -0.3]
    found = maximum_likelihood(heston_log_density, _FITTED, start, returns, dt, max_steps)
    with jax.enable_x64(True):
        values = jnp.asarray(list(found[0].values()))
        last = float(jax.jit(filtered_variance)(values, jnp.asarray(returns), jnp.asarray(dt)))
    return Fitted(Heston(spot=prices[-1], variance=last, **found[0]), *found)


def heston_log_density(
    parameters: Float[Array, " parameter"], returns: Float[Array, " step"], dt: Scalar
) -> Float[Array, " step"]:
    """Log-density of each log-return given those before.

    Parameters are drift, mean reversion, long variance, vol of variance and correlation.
    """
    return _filtered(parameters, returns, dt)[0]


def filtered_variance(
    parameters: Float[Array, " parameter"], returns: Float[Array, " step"], dt: Scalar
) -> Scalar:
    """The expected variance after the last return, given all of them."""
    _, chances, nodes = _filtered(parameters, returns, dt)
    return chances @ nodes


def _filtered(
    parameters: Float[Array, " parameter"], returns: Float[Array, " step"], dt: Scalar
) -> tuple[Float[Array, " step"], Float[Array, " node"], Float[Array, " node"]]:
    """Log-densities, the last distribution of the variance, and its nodes."""
    drift, pull, level, vol, correlation = parameters
    typical = jnp.sqrt(lax.stop_gradient(jnp.var(returns)) / dt)
    vols = (jnp.arange(N_NODES, dtype=returns.dtype) + 0.5) / N_NODES * HIGHEST * typical
    nodes = vols**2
    before, after = nodes[:, None], nodes[None, :]
    middle = 0.5 * (before + after)
    # Exact mean and variance of the next variance; the gamma's constants cancel in the softmax.
    kept = jnp.exp(-pull * dt)
    mean = level + (before - level) * kept
    spread = vol**2 * (1.0 - kept) / pull * (before * kept + 0.5 * level * (1.0 - kept))
    moves = _gamma(after, mean, spread) + jnp.log(vols)[None, :]
    noise = (1.0 - correlation**2) * middle * dt
    moves = jax.nn.log_softmax(moves, axis=1) - 0.5 * jnp.log(2.0 * jnp.pi * noise)
    shift = (drift - 0.5 * middle) * dt
    shift += correlation / vol * (after - before - pull * (level - middle) * dt)
    stationary = _gamma(nodes, level, 0.5 * vol**2 * level / pull) + jnp.log(vols)

    @jax.checkpoint
    def step(chances: Float[Array, " node"], x: Scalar) -> tuple[Array, Scalar]:
        joint = chances @ jnp.exp(moves - 0.5 * (x - shift) ** 2 / noise)
        density = jnp.maximum(jnp.sum(joint), jnp.finfo(joint.dtype).tiny)
        return joint / density, jnp.log(density)

    last, densities = lax.scan(step, jax.nn.softmax(stationary), returns)
    return densities, last, nodes


def _gamma(x: Array, mean: Array, variance: Array) -> Array:
    """Logarithm of the gamma density at x, but for what does not depend on x."""
    shape = mean**2 / variance
    return (shape - 1.0) * jnp.log(x) - x * mean / variance
