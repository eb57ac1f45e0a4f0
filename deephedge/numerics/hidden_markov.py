r"""A hidden Markov chain seen through noise: filter, smoother and expectation-maximisation.

The chain is in state j with transition matrix P (rows sum to 1); each observation has a density
given the state. All is done with probabilities that are normalised at every step, so that long
series neither overflow nor vanish.
"""

import jax
import jax.numpy as jnp
from jax import lax

from deephedge.numerics import safe
from deephedge.typing import Array, Float, Scalar


def updated(
    chances: Float[Array, " state"], log_density: Float[Array, " state"]
) -> tuple[Float[Array, " state"], Scalar]:
    """Bayes' rule: the chances after an observation, and its log-likelihood."""
    top = jnp.max(log_density)
    joint = chances * jnp.exp(log_density - top)
    total = jnp.sum(joint)
    tiny = jnp.asarray(jnp.finfo(total.dtype).tiny, total.dtype)
    total = jnp.maximum(total, tiny)
    return joint / total, top + jnp.log(total)


def filtered(
    start: Float[Array, " state"],
    transition: Float[Array, "state state"],
    log_density: Float[Array, "time state"],
) -> tuple[Float[Array, "time state"], Float[Array, "time state"], Scalar]:
    r"""Chances given the observations so far, those before each one, and the log-likelihood.

    Row t of the first is $P(j_t\,|\,x_0, \ldots, x_t)$, of the second
    $P(j_t\,|\,x_0, \ldots, x_{t-1})$, which is `start` at t = 0.

    Reference: Hamilton (1989), A new approach to the economic analysis of nonstationary time
    series and the business cycle, equations 4.1 to 4.10.
    """

    def step(before: Array, density: Array) -> tuple[Array, tuple[Array, Array, Scalar]]:
        after, gain = updated(before, density)
        return after @ transition, (after, before, gain)

    _, (after, before, gains) = lax.scan(step, start, log_density)
    return after, before, jnp.sum(gains)


def smoothed(
    after: Float[Array, "time state"],
    before: Float[Array, "time state"],
    transition: Float[Array, "state state"],
    counted: Float[Array, " time"],
) -> tuple[Float[Array, "time state"], Float[Array, "state state"]]:
    r"""Chances given *all* observations, and the expected number of moves from i to j.

    They look ahead: for fitting a model to the past, never for a decision. A move counts
    `counted` of the time that it leads to: 0 where there is no observation.

    Reference: Kim (1994), Dynamic linear models with Markov-switching, equation 2.20.
    """

    def step(later: Array, rows: tuple[Array, Array, Array]) -> tuple[Array, tuple[Array, Array]]:
        now, expected, counts = rows
        ratio = safe.divide(later, expected)
        joint = now[:, None] * transition * ratio[None, :]
        smooth = jnp.sum(joint, axis=1)
        return smooth, (smooth, counts * joint)

    last = after[-1]
    _, (smooth, joint) = lax.scan(step, last, (after[:-1], before[1:], counted[1:]), reverse=True)
    return jnp.concatenate([smooth, last[None]]), jnp.sum(joint, axis=0)


def stationary(transition: Float[Array, "state state"]) -> Float[Array, " state"]:
    """The chances of the states in the long run."""
    n = transition.shape[0]
    system = jnp.eye(n, dtype=transition.dtype) - transition.T
    system = system.at[-1].set(1.0)
    return jnp.linalg.solve(system, jnp.zeros(n, transition.dtype).at[-1].set(1.0))


def normal_log_density(
    x: Float[Array, " time"], mean: Float[Array, " state"], deviation: Float[Array, " state"]
) -> Float[Array, "time state"]:
    """Log-density of each observation in each state."""
    return jax.vmap(
        lambda one: (
            -0.5 * ((one - mean) / deviation) ** 2
            - jnp.log(deviation)
            - 0.5 * jnp.log(jnp.asarray(2.0 * jnp.pi, deviation.dtype))
        )
    )(x)
