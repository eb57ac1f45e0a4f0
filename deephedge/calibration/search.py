"""The minimum of a least-squares problem, also where it lies at the end of a domain."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optimistix

from deephedge.calibration.problem import Problem
from deephedge.typing import Array, Bool, Float

MOST_ROUNDS = 4
"""How often the parameters to hold are looked for anew."""


class Point(eqx.Module):
    """Where a search stopped; slopes are by the parameters themselves."""

    x: Float[Array, " parameter"]
    values: Float[Array, " parameter"]
    errors: Float[Array, " quote"]
    jacobian: Float[Array, "quote parameter"]
    roughness: Float[Array, " term"]
    roughness_jacobian: Float[Array, "term parameter"]
    noise: Float[Array, "batch quote"]


@dataclasses.dataclass(frozen=True)
class Minimum:
    """The point of least squares, and which parameters are held at an end of their domain."""

    at: Point
    held: np.ndarray
    result: optimistix.RESULTS

    @property
    def converged(self) -> bool:
        return bool(self.result == optimistix.RESULTS.successful)


def search(problem: Problem, start: Float[Array, " parameter"], max_steps: int) -> Minimum:
    """Levenberg-Marquardt; what runs into an end and would go on is held there, the rest refitted.

    On the real line such a parameter has no minimum: the search for it would never stop.
    """
    held = np.zeros(start.shape, bool)
    for _ in range(MOST_ROUNDS):
        result, at = _least(problem, start, jnp.asarray(held), max_steps)
        ended = _would_go_on(problem, at)
        if np.array_equal(ended, held):
            break
        start, held = at.x, ended
    return Minimum(at, held, result)


@eqx.filter_jit
def _least(
    problem: Problem,
    start: Float[Array, " parameter"],
    held: Bool[Array, " parameter"],
    max_steps: int,
) -> tuple[optimistix.RESULTS, Point]:
    def errors(x: Array, problem: Problem) -> Array:
        x = jnp.where(held, start, x)
        return jnp.concatenate([problem.errors(x), problem.roughness(x)])

    solution = optimistix.least_squares(
        errors,
        optimistix.LevenbergMarquardt(rtol=1e-9, atol=1e-9),
        start,
        args=problem,
        max_steps=max_steps,
        throw=False,
    )
    x = problem.steep(jnp.where(held, start, solution.value))
    values, slopes = jax.jvp(problem.values, (x,), (jnp.ones_like(x),))
    return solution.result, Point(
        x=x,
        values=values,
        errors=problem.errors(x),
        jacobian=jax.jacfwd(problem.errors)(x) / slopes[None],
        roughness=problem.roughness(x),
        roughness_jacobian=jax.jacfwd(problem.roughness)(x) / slopes[None],
        noise=problem.noise(x),
    )


def _would_go_on(problem: Problem, at: Point) -> np.ndarray:
    """Which parameters are at an end beyond which the sum of squares would still fall."""
    uphill = np.asarray(at.errors @ at.jacobian + at.roughness @ at.roughness_jacobian, np.float64)
    below, above = problem.ends(at.values)
    return (below & (uphill > 0)) | (above & (uphill < 0))
