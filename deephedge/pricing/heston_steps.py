"""Steps of Heston's equation by alternating directions, with and without exercise."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from deephedge.pricing.diffusion import backward_steps
from deephedge.pricing.heston_operator import HestonOperator, Plane
from deephedge.pricing.obstacle import pressed
from deephedge.typing import Array, Float, Scalar

_THETA = 6.0 / 13.0
# Power of the dates: between equal steps and those of a moving boundary of exercise.
_CROWDED = 1.5
_DAMPED = 4
Scheme = Callable[[HestonOperator, Plane, Scalar, Plane], Plane]
Exercised = tuple[Plane, Plane, Scalar]
"""Values, pressure of exercise, and the time since maturity."""


def free(operator: HestonOperator, values: Plane, length: Scalar, n_steps: int) -> Plane:
    """The values `length` years earlier, without exercise."""
    nothing = jnp.zeros_like(values)

    def with_scheme(scheme: Scheme) -> Callable[[Plane, Scalar], tuple[Plane, None]]:
        # Recomputed in the backward pass: a step keeps its values only, not its solves.
        @jax.checkpoint
        def step(values: Plane, dt: Scalar) -> tuple[Plane, None]:
            return scheme(operator, values, dt, nothing), None

        return step

    dt, _ = backward_steps(length, n_steps, _CROWDED)
    values, _ = lax.scan(with_scheme(douglas), values, dt[:_DAMPED])
    return lax.scan(with_scheme(modified_craig_sneyd), values, dt[_DAMPED:])[0]


def above(
    operator: HestonOperator,
    values: Plane,
    length: Scalar,
    n_steps: int,
    floor: Callable[[Scalar], Float[Array, "1 node"]],
) -> Plane:
    """The values `length` years earlier, exercised wherever that is worth more.

    Reference: Ikonen and Toivanen (2009), Operator splitting methods for pricing American options
    under stochastic volatility, section 5.
    """

    def with_scheme(scheme: Scheme) -> Callable[[Exercised, Scalar], tuple[Exercised, None]]:
        @jax.checkpoint
        def step(state: Exercised, dt: Scalar) -> tuple[Exercised, None]:
            values, pressure, before = state
            elapsed, free = before + dt, scheme(operator, values, dt, pressure)
            least = jnp.broadcast_to(floor(elapsed), values.shape)
            push = least - floor(before) - dt * operator.price_part(least)
            values, pressure = pressed(free, pressure, dt, least, push, dt * operator.diffused)
            return (values, pressure, elapsed), None

        return step

    dt, _ = backward_steps(length, n_steps)
    state = (values, jnp.zeros_like(values), jnp.zeros_like(length))
    state, _ = lax.scan(with_scheme(douglas), state, dt[:_DAMPED])
    return lax.scan(with_scheme(modified_craig_sneyd), state, dt[_DAMPED:])[0][0]


def douglas(operator: HestonOperator, values: Plane, dt: Scalar, pushed: Plane) -> Plane:
    """A step of first order that damps every wave: both directions implicit, one after another.

    `pushed` is added to the slope in time: what early exercise contributes.
    """
    return _sweep(operator, values, dt * (operator.whole(values) + pushed), dt, dt)


def modified_craig_sneyd(
    operator: HestonOperator, values: Plane, dt: Scalar, pushed: Plane
) -> Plane:
    r"""A step of second order, also with correlation.

    Stable for $\theta \ge \max(\tfrac13, \tfrac2{13}(2|\rho| + 1))$: 6/13 serves any correlation.

    Reference: In 't Hout and Welfert (2009), equation 1.4; In 't Hout and Mishra (2011).
    """
    weight = _THETA * dt
    change = dt * (operator.whole(values) + pushed)
    first = _sweep(operator, values, change, weight, weight)
    moved = first - values
    correction = weight * operator.mixed_part(moved)
    correction = correction + (0.5 * dt - weight) * operator.whole(moved)
    return _sweep(operator, values, change + correction, weight, weight)


def _sweep(
    operator: HestonOperator, values: Plane, change: Plane, by_price: Scalar, by_variance: Scalar
) -> Plane:
    """The change made implicit along prices, then along variances."""
    change = operator.solve_price(by_price, change)
    return values + operator.solve_variance(by_variance, change)
