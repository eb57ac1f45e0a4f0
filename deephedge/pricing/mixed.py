r"""Second and higher derivatives of a simulated expectation, for payoffs with kinks.

The slope of a call's payoff jumps, so differentiating it along a path a second time gives zero.
The first derivative is therefore taken along the path and every further one by likelihood ratio:
while the parameters $\theta$ move, the normals are shifted so that the simulated prices stay
where they are, and the path is weighted by the ratio of the densities.

$$\partial^2_\theta E\,f = \partial_\theta \int
  \partial_\theta f(\theta, S)\, p(S; \theta)\, dS
  = E\Bigl[\frac{d}{d\theta} \Bigl(w\, \partial_\theta f(\theta, z')\Bigr)\Bigr],
  \quad S(\theta, z') = S, \quad w = \frac{p(S; \theta)}{p(S; \theta_0)}$$

Reference: Glasserman (2003), Monte Carlo Methods in Financial Engineering, section 7.3.3.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from deephedge.typing import Array, Float, PyTree, Scalar

Normals = Float[Array, "step normal"]
Prices = Float[Array, "time asset"]


def mixed(
    value: Callable[[PyTree, Normals], Scalar], prices: Callable[[PyTree, Normals], Prices]
) -> Callable[[PyTree, Normals], Scalar]:
    """`value` with derivatives by the parameters that are right in the mean at every order.

    Args:
        value: of parameters (a pytree of float arrays) and normals; Lipschitz in the prices.
        prices: those on which `value` depends. The first `asset` normals of each step must move
            the log-prices affinely, by coefficients that depend on the other normals only; where
            they do not, the derivatives beyond the first are not a number.
    """

    @jax.custom_jvp
    def held(parameters: PyTree, normals: Normals) -> tuple[Normals, Scalar]:
        return normals, jnp.ones((), normals.dtype)

    @held.defjvp
    def _held_jvp(primals, tangents):
        # The values are trivial, so a first derivative pays nothing for the second.
        parameters, normals = primals
        _, moved = jax.jvp(lambda p: hold(prices, p, normals), (parameters,), (tangents[0],))
        return held(parameters, normals), moved

    @jax.custom_jvp
    def estimator(parameters: PyTree, normals: Normals) -> Scalar:
        return value(parameters, normals)

    @estimator.defjvp
    def _estimator_jvp(primals, tangents):
        parameters, normals = primals
        moved, weight = held(parameters, normals)
        _, slope = jax.jvp(lambda p: value(p, moved), (parameters,), (tangents[0],))
        return estimator(parameters, normals), weight * slope

    return estimator


def hold(
    prices: Callable[[PyTree, Normals], Prices], parameters: PyTree, normals: Normals
) -> tuple[Normals, Scalar]:
    """The normals that keep the simulated prices where they are, and the density ratio.

    Their values are `normals` and 1; their derivatives by the parameters are what matters. The
    price at the first date is given, not simulated, and moves freely.
    """

    def log_returns(z: Normals) -> Float[Array, "step asset"]:
        return jnp.diff(jnp.log(prices(parameters, z)), axis=0)

    log_prices = jnp.log(prices(parameters, normals))
    n_assets = log_prices.shape[1]
    fixed = lax.stop_gradient(log_prices)
    target = jnp.diff(fixed, axis=0).at[0].set(fixed[1] - log_prices[0])
    still = normals.at[:, :n_assets].set(0.0)
    mean = log_returns(still)
    columns = [log_returns(still.at[:, j].set(1.0)) - mean for j in range(n_assets)]
    scale = jnp.stack(columns, axis=2)
    z, log_scale = _solve(scale, target - mean, normals[:, :n_assets])
    log_density = -0.5 * jnp.sum(z**2) - jnp.sum(log_scale)
    affine = jnp.max(jnp.abs(z - normals[:, :n_assets])) < 0.05
    log_density = log_density * jnp.where(affine, 1.0, jnp.nan)
    weight = jnp.exp(log_density - lax.stop_gradient(log_density))
    return normals.at[:, :n_assets].set(z), weight


def _solve(
    scale: Float[Array, "step asset asset"],
    moves: Float[Array, "step asset"],
    otherwise: Float[Array, "step asset"],
) -> tuple[Float[Array, "step asset"], Float[Array, " step"]]:
    """The normals behind the `moves` and log |det `scale`|; a step without noise keeps its own."""
    if scale.shape[1] == 1:
        noisy = scale[:, :, 0] != 0
        safe = jnp.where(noisy, scale[:, :, 0], 1.0)
        return jnp.where(noisy, moves / safe, otherwise), jnp.log(jnp.abs(safe[:, 0]))
    noisy = jnp.linalg.det(scale) != 0
    identity = jnp.eye(scale.shape[1], dtype=scale.dtype)[None]
    safe = jnp.where(noisy[:, None, None], scale, identity)
    z = jnp.linalg.solve(safe, moves[:, :, None])[:, :, 0]
    return jnp.where(noisy[:, None], z, otherwise), jnp.linalg.slogdet(safe)[1]
