"""Measures that tilt every step's normals to another normal law, without a bound on the density."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.optimum.certificate_chain import Chain
from deephedge.optimum.certificate_dual import AbstractDual, Moved, State
from deephedge.optimum.certificate_penalty import AbstractPenalty
from deephedge.optimum.certificate_shadow import Shadow
from deephedge.optimum.certificate_step import Step, Width
from deephedge.optimum.tilt import Nodes, root
from deephedge.policies.base import AbstractPolicy
from deephedge.typing import Array, Float, PyTree, Scalar


class TiltedDual(AbstractDual):
    """For risk measures whose penalty is finite for such a density; paths are drawn under Q."""

    chain: Chain
    shadow: Shadow
    policy: AbstractPolicy | None
    premium: Scalar
    nodes: Nodes
    finer: Nodes | None
    penalty: AbstractPenalty
    n_iterations: int = eqx.field(static=True)
    close_out: bool = eqx.field(static=True)

    def opening(self) -> Scalar:
        return jnp.zeros_like(self.premium)

    def judged(self, measure: Scalar) -> tuple[Scalar, Scalar]:
        return self.penalty(measure), jnp.ones_like(measure)

    def moved(self, state: State, k: Array, noise: Float[Array, " normal"]) -> Moved:
        choice = self.shadow.choice(state.now, state.place, state.account.holdings)
        step = self.begun(state, k, choice)
        width = step.width()
        step = eqx.tree_at(lambda s: s.choice, step, choice.damped(state.place, step.ease(width)))
        values = step.values(width, self.nodes.points)
        shift = self._solved(step, width, values, state.shadow)
        standard = shift + noise
        missed = jnp.zeros_like(state.drift)
        if self.finer is not None:
            values = step.values(width, self.finer.points)
            missed = jnp.abs(step.mean(self.finer, values, width, shift) - state.shadow)
        measure = state.measure + choice.tilt.log_density(standard, noise)
        return Moved(step, standard, step.later(standard), measure, missed)

    def _solved(
        self, step: Step, width: Width, values: Array, shadow: Float[Array, " asset"]
    ) -> Float[Array, " normal"]:
        r"""The shift $\delta$ that makes the shadow price a martingale over the step."""
        n = shadow.shape[0]
        rest = jnp.zeros(step.choice.tilt.mean.shape[0] - n, shadow.dtype)

        def drift(parameters: PyTree, moved: Float[Array, " asset"]) -> Float[Array, " asset"]:
            level, slope, width, values, shadow = parameters
            shift = jnp.concatenate([moved, rest])
            exact = (1.0 - step.unused) * width.mean(level, slope, shift)
            return self.nodes.expectation(values, shift) + exact - shadow

        parameters = (step.choice.level, step.choice.slope, width, values, shadow)
        moved = root(drift, parameters, jnp.zeros_like(shadow), self.n_iterations)
        return jnp.concatenate([moved, rest])
