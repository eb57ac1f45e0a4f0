r"""Derivatives of a simulated expectation, at every order, for payoffs with kinks and jumps.

The first derivative is taken along the path, which `follow` keeps on its side of every level at
which the payoff jumps. A second derivative along the path would miss the kinks, as the slope of a
call's payoff jumps. So every further one is by likelihood ratio: while the parameters $\theta$
move, the normals are shifted so that the simulated prices stay where they are, and the path is
weighted by the ratio of the densities.

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

from deephedge.pricing.chain import VANISHED, Chain, Normals, State, is_affine, one_step, solve
from deephedge.pricing.follow import follow
from deephedge.typing import PyTree, Scalar


def mixed(
    value: Callable[[PyTree, Normals], Scalar], chain: Chain
) -> Callable[[PyTree, Normals], Scalar]:
    """`value` with derivatives by the parameters that are right in the mean at every order.

    Args:
        value: of parameters (a pytree of float arrays) and normals; Lipschitz in the prices
            between the levels of the chain.
        chain: how the prices come about. Where the first `asset` normals of a step do not move
            the log-prices affinely, given the state before and the other normals, the
            derivatives that rest on it are not a number.
    """

    @jax.custom_jvp
    def held(parameters: PyTree, normals: Normals) -> tuple[Normals, Scalar]:
        # JAX takes no third derivative, in a batch, of a rule with a constant output.
        return normals, 1.0 + 0.0 * normals[0, 0]

    @held.defjvp
    def _held_jvp(primals, tangents):
        # The values are trivial, so a first derivative pays nothing for the second.
        parameters, normals = primals
        _, moved = jax.jvp(lambda p: hold(chain, p, normals), (parameters,), (tangents[0],))
        return held(parameters, normals), moved

    @jax.custom_jvp
    def estimator(parameters: PyTree, normals: Normals) -> Scalar:
        return value(parameters, normals)

    @estimator.defjvp
    def _estimator_jvp(primals, tangents):
        parameters, normals = primals
        moved, weight = held(parameters, normals)

        # A control: the ratio has mean 1 whatever p, so a constant payoff need not pass it.
        centre = jnp.zeros(())
        if chain.levels(parameters, normals):
            centre = lax.stop_gradient(value(parameters, jnp.zeros_like(normals)))

        def along(p: PyTree) -> Scalar:
            followed, ratio = follow(chain, p, parameters, moved)
            return ratio * (value(p, followed) - centre.astype(ratio.dtype))

        _, slope = jax.jvp(along, (parameters,), (tangents[0],))
        return estimator(parameters, normals), weight * slope

    return estimator


def hold(chain: Chain, parameters: PyTree, normals: Normals) -> tuple[Normals, Scalar]:
    """The normals that keep the simulated prices where they are, and the density ratio.

    Their values are `normals` and 1; their derivatives by the parameters are what matters. The
    price at the first date is given, not simulated, and moves freely.
    """
    first = chain.start(parameters)
    n_assets = first[0].shape[0]
    fixed = lax.stop_gradient(chain.log_prices(parameters, normals))
    least = fixed[0] - VANISHED

    def step(state: State, inputs):
        k, z, target = inputs
        own = z[:n_assets]
        here = one_step(chain, parameters, k, state, z)
        shock, log_scale = solve(here, target - here.mean, own)
        sound = is_affine(here, target, own)
        vanished = jnp.any(target < least)
        shock = jnp.where(vanished, own, shock)
        log_density = jnp.where(vanished, 0.0, -0.5 * jnp.sum(shock**2) - log_scale)
        log_density = log_density * jnp.where(sound | vanished, 1.0, jnp.nan)
        moved = z.at[:n_assets].set(shock)
        _, factors = chain.advance(parameters, k, state, moved)
        return (jnp.exp(target), factors), (moved, log_density)

    steps = jnp.arange(normals.shape[0])
    _, (moved, log_densities) = lax.scan(step, first, (steps, normals, fixed[1:]))
    log_density = jnp.sum(log_densities)
    return moved, jnp.exp(log_density - lax.stop_gradient(log_density))
