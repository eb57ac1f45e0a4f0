"""Measures whose density has a cap, for expected shortfall."""

import dataclasses

import jax
import jax.numpy as jnp
from jax import lax

from deephedge.numerics import normal
from deephedge.optimum.certificate_dual import AbstractDensity, Dual, Effort, Moved, State
from deephedge.optimum.certificate_shadow import Choice
from deephedge.optimum.certificate_step import Step
from deephedge.optimum.tilt import Nodes, Tilt, equally_spaced, root
from deephedge.typing import Array, Bool, Float, PyTree, Scalar

_FARTHEST = 3.5
"""Probits of the density beyond which it stays where it is."""


class CappedDensity(AbstractDensity):
    r"""Densities $L_t = \Phi(a_t)/\tau$, which no path takes above $1/\tau$.

    Over a step of normals e, $a' = \alpha + \beta\cdot e + \tfrac12\sum_i\gamma_i(e_i^2 - 1)$; a
    network chooses $\gamma$, and $\alpha$ and $\beta$ are solved for, so that L and LM are
    martingales under P. Where they cannot be, or L is nearly 0 or at its cap, the step leaves L and
    the shadow price's place in the spread as they are: then they are if the market's prices are
    martingales under P, as without a drift. Paths are drawn under P and weighed by L. The best
    density of expected shortfall is 1/tau in the tail and 0 elsewhere, and its conditional means
    have just that form where the loss is normal.

    Reference: Artzner, Delbaen, Eber and Heath (1999), Coherent measures of risk, for the dual.
    """

    tail: Scalar

    @property
    def effort(self) -> Effort:
        # The density is integrated by the rule too, which takes more nodes and iterations.
        return Effort(equally_spaced, n_nodes=64, n_more=16, n_iterations=12, quick=(32, 5))

    @property
    def n_seen(self) -> int:
        return 1

    def opening(self, dtype: jnp.dtype) -> Scalar:
        return normal.quantile(self.tail.astype(dtype))

    def judged(self, measure: Scalar) -> tuple[Scalar, Scalar]:
        return jnp.zeros_like(measure), normal.cdf(measure) / self.tail

    def moved(self, dual: Dual, state: State, k: Array, noise: Float[Array, " normal"]) -> Moved:
        a = state.measure
        holdings = state.account.holdings
        choice = dual.shadow.choice(state.now, state.place, holdings, jnp.tanh(0.5 * a)[None])
        bend = jnp.log(jnp.diagonal(choice.tilt.factor))
        still = Tilt(jnp.zeros_like(noise), jnp.eye(noise.shape[0], dtype=noise.dtype))
        wanted = dataclasses.replace(choice, tilt=still)
        frozen = dataclasses.replace(wanted, level=state.place, slope=0.0 * choice.slope)

        far = jnp.abs(a) > _FARTHEST
        start = jnp.zeros(1 + state.shadow.shape[0], a.dtype).at[0].set(a)
        fixed = lax.stop_gradient((wanted, bend, state, start))
        found, ok = self._tried(dual, *fixed, k)
        ok = ok & ~far

        def kept(x: PyTree, y: PyTree) -> PyTree:
            return jax.tree.map(lambda x, y: jnp.where(ok, x, y), x, y)

        choice: Choice = kept(wanted, frozen)
        bend = kept(bend, 0.0 * bend)
        step = dual.begun(state, k, choice)
        shape = (a, bend, self._shadows(step, dual.nodes), state.shadow)
        unknown = root(self._drift(dual.nodes), shape, kept(found, start), 1)
        unknown = kept(unknown, start)
        missed = jnp.zeros_like(state.drift)
        if dual.finer is not None:
            shape = (a, bend, self._shadows(step, dual.finer), state.shadow)
            errors = jnp.abs(self._drift(dual.finer)(shape, unknown))
            missed = errors[1:] + errors[0] * jnp.abs(state.shadow)
        measure = _probit(unknown, bend, noise)
        return Moved(step, noise, step.later(noise), measure, missed)

    def _tried(
        self, dual: Dual, choice: Choice, bend: Array, state: State, start: Array, k: Array
    ) -> tuple[Array, Bool[Array, ""]]:
        """The solution for a choice, and whether it is one."""
        step = dual.begun(state, k, choice)
        shape = (state.measure, bend, self._shadows(step, dual.nodes), state.shadow)
        drift = self._drift(dual.nodes)
        found = root(drift, shape, start, dual.n_iterations)
        size = jnp.finfo(found.dtype).eps ** 0.75 * jnp.max(jnp.abs(state.shadow))
        return found, jnp.max(jnp.abs(drift(shape, found))) < size

    def _shadows(self, step: Step, nodes: Nodes) -> Float[Array, "node asset"]:
        """The shadow price with the step's dividends at the nodes."""

        def one(standard: Array) -> Array:
            later = step.later(standard)
            return step.grown(later) + step.above(standard, later)

        return jax.vmap(one)(nodes.points)

    def _drift(self, nodes: Nodes):
        """What L and LM gain over a step, relative to L."""

        def drift(shape: PyTree, unknown: Array) -> Array:
            a, bend, shadows, shadow = shape
            ahead = jax.vmap(lambda e: normal.cdf(_probit(unknown, bend, e)))(nodes.points)
            weights = nodes.weights * ahead / normal.cdf(a)
            change = weights @ (shadows - shadow[None])
            return jnp.concatenate([jnp.sum(weights)[None] - 1.0, change])

        return drift


def _probit(unknown: Array, bend: Array, normals: Float[Array, " normal"]) -> Scalar:
    n = unknown.shape[0] - 1
    linear = unknown[0] + jnp.sum(unknown[1:] * normals[:n])
    return linear + 0.5 * jnp.sum(bend * (normals**2 - 1.0))
