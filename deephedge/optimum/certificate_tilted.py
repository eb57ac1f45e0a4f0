"""Measures that tilt every step's normals to another normal law, without a bound on the density."""

import jax.numpy as jnp
from jax import lax

from deephedge.optimum.certificate_dual import AbstractDensity, Dual, Effort, Moved, State
from deephedge.optimum.certificate_penalty import AbstractPenalty
from deephedge.optimum.certificate_step import Step, Width
from deephedge.optimum.tilt import gauss_hermite, root
from deephedge.typing import Array, Float, PyTree, Scalar

_EACH = 3
"""Newton's iterations before the rule is placed anew, around the shift so far."""


class TiltedDensity(AbstractDensity):
    """For risk measures whose penalty is finite for such a density; paths are drawn under Q."""

    penalty: AbstractPenalty

    @property
    def effort(self) -> Effort:
        return Effort(gauss_hermite, n_nodes=6, n_more=3, n_iterations=9, quick=(5, 3))

    @property
    def n_seen(self) -> int:
        return 0

    def opening(self, dtype: jnp.dtype) -> Scalar:
        return jnp.zeros((), dtype)

    def judged(self, measure: Scalar) -> tuple[Scalar, Scalar]:
        return self.penalty(measure), jnp.ones_like(measure)

    def moved(self, dual: Dual, state: State, k: Array, noise: Float[Array, " normal"]) -> Moved:
        wanted = dual.shadow.choice(state.now, state.place, state.account.holdings)
        before = lax.stop_gradient(state)
        ease = dual.begun(before, k, wanted).ease()
        choice = wanted.eased(state.place, ease)
        step, fixed = dual.begun(state, k, choice), dual.begun(before, k, lax.stop_gradient(choice))
        # The second order is taken out of a sum and put in again: it has no slope of its own.
        width = fixed.width()
        centre = _centre(dual, fixed, width, before.shadow)
        shift = _solved(dual, step, width, state.shadow, centre, 1)
        standard = shift + noise
        missed = jnp.zeros_like(state.drift)
        if dual.finer is not None:
            missed = jnp.abs(step.mean(dual.finer, width, shift) - state.shadow)
        measure = state.measure + choice.tilt.log_density(standard, noise)
        return Moved(step, standard, step.later(standard), measure, missed)


def _centre(
    dual: Dual, step: Step, width: Width, shadow: Float[Array, " asset"]
) -> Float[Array, " normal"]:
    """The shift that makes the shadow price a martingale over the step, before its slope is taken.

    It is solved for again with the rule around what was found so far: a rule around no shift sees
    little of a long one.
    """

    def nearer(_, centre: Float[Array, " normal"]) -> Float[Array, " normal"]:
        return _solved(dual, step, width, shadow, centre, _EACH)

    start = jnp.zeros_like(step.choice.tilt.mean)
    return lax.stop_gradient(lax.fori_loop(0, dual.n_iterations // _EACH, nearer, start))


def _solved(
    dual: Dual,
    step: Step,
    width: Width,
    shadow: Float[Array, " asset"],
    centre: Float[Array, " normal"],
    n_iterations: int,
) -> Float[Array, " normal"]:
    """The shift by Newton's method, with the rule's points around `centre`."""
    rest = jnp.zeros(centre.shape[0] - shadow.shape[0], shadow.dtype)

    def drift(parameters: PyTree, moved: Float[Array, " asset"]) -> Float[Array, " asset"]:
        level, slope, width, values, shadow = parameters
        further = jnp.concatenate([moved, rest])
        exact = (1.0 - step.unused) * width.mean(level, slope, centre + further)
        return dual.nodes.expectation(values, further) + exact - shadow

    values = step.values(width, centre[None] + dual.nodes.points)
    parameters = (step.choice.level, step.choice.slope, width, values, shadow)
    moved = root(drift, parameters, jnp.zeros_like(shadow), n_iterations)
    return centre + jnp.concatenate([moved, rest])
