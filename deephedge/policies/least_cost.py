"""The cheapest combination of instruments that has given Greeks, within bounds."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from deephedge.numerics import safe
from deephedge.typing import Array, Float, Scalar

_REFINEMENTS = 4


def least_cost(
    greeks: Float[Array, "greek instrument"],
    target: Float[Array, " greek"],
    *,
    weights: Float[Array, " instrument"],
    lower: Float[Array, " instrument"] | None = None,
    upper: Float[Array, " instrument"] | None = None,
) -> Float[Array, " instrument"]:
    r"""Units of each instrument.

    $$\min_x \tfrac12\sum_i w_i x_i^2 \quad\text{such that}\quad
    \sum_i A_{ji} x_i = b_j, \quad l_i \le x_i \le u_i.$$

    Where no x meets the target, x comes as near to it as it can, each Greek in units of the
    largest that one instrument has; of those, the one of least cost. As many instruments as
    Greeks, without bounds, have one answer whatever the weights.

    With bounds, every choice of which holdings stand at a bound is solved for the others and cut
    to the bounds; the best of the $3^n$ is the optimum, since its own choice is among them. No
    iteration has to converge, and the slope is that of the optimum's linear system.

    Reference: Boyd and Vandenberghe (2004), Convex Optimization, sections 5.5.3 and 10.1.
    """
    scale = jnp.max(jnp.abs(greeks), axis=1)
    rows = safe.divide(greeks, scale[:, None])
    wanted = safe.divide(target, scale)
    costs = weights / jnp.max(weights)
    n = greeks.shape[1]
    if lower is None and upper is None:
        return _equalities(rows, wanted, costs, jnp.ones_like(weights))
    low = jnp.full_like(weights, -jnp.inf) if lower is None else lower
    high = jnp.full_like(weights, jnp.inf) if upper is None else upper
    choices = jnp.asarray(np.array(list(itertools.product((0, 1, 2), repeat=n))))

    def candidate(choice: Array) -> tuple[Float[Array, " instrument"], Scalar]:
        bound = jnp.where(choice == 1, low, high)
        # A bound that is not finite cannot be stood at: that holding is then free.
        free = (choice == 0) | ~jnp.isfinite(bound)
        fixed = jnp.where(free, 0.0, bound)
        x = _equalities(rows, wanted - rows @ fixed, costs, free.astype(weights.dtype))
        x = jnp.clip(jnp.where(free, x, fixed), low, high)
        miss = rows @ x - wanted
        # Nearness first, cost second.
        return x, jnp.sum(miss**2) / _nearness(x.dtype) + 0.5 * jnp.sum(costs * x**2)

    found, objective = jax.vmap(candidate)(choices)
    return found[jnp.argmin(lax.stop_gradient(objective))]


def _equalities(
    rows: Float[Array, "greek instrument"],
    wanted: Float[Array, " greek"],
    costs: Float[Array, " instrument"],
    free: Float[Array, " instrument"],
) -> Float[Array, " instrument"]:
    """The least cost among the free instruments, by the method of multipliers.

    A ridge keeps the system regular where the instruments cannot reach some mix of the Greeks;
    each refinement divides what it leaves out of the others by its inverse.
    """
    cheap = free / costs
    gram = (rows * cheap[None, :]) @ rows.T
    ridge = float(np.sqrt(jnp.finfo(rows.dtype).eps))
    size = jnp.maximum(jnp.trace(gram), 1e-6)
    system = gram + ridge * size * jnp.eye(gram.shape[0], dtype=gram.dtype)
    multipliers = jnp.zeros_like(wanted)
    for _ in range(_REFINEMENTS):
        miss = wanted - gram @ multipliers
        multipliers = multipliers + jnp.linalg.solve(system, miss)
    return cheap * (rows.T @ multipliers)


def _nearness(dtype: np.dtype) -> float:
    return 1e-16 if dtype == np.float64 else 1e-7
