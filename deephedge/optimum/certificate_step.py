"""One step of a certificate: where the shadow price goes, as a function of the step's normals."""

import equinox as eqx
import jax
import jax.numpy as jnp

from deephedge.markets.base import Snapshot
from deephedge.optimum.certificate_chain import Chain
from deephedge.optimum.certificate_shadow import SOFTNESS, Choice, ramp
from deephedge.optimum.tilt import Nodes
from deephedge.typing import Array, Float, Scalar

_LONGEST_SHIFT = 0.75
"""Of the normals, in deviations, that the shadow price may ask for by its way in the spread."""


class Width(eqx.Module):
    r"""The half-spread to second order: $w_0 + g\cdot e + \tfrac12 e\cdot He$."""

    value: Float[Array, " asset"]
    slope: Float[Array, "asset normal"]
    curvature: Float[Array, "asset normal normal"]

    def __call__(self, standard: Float[Array, " normal"]) -> Float[Array, " asset"]:
        return self.value + self.slope @ standard + 0.5 * self.curvature @ standard @ standard

    def mean(
        self,
        level: Float[Array, " asset"],
        slope: Float[Array, "asset normal"],
        shift: Float[Array, " normal"],
    ) -> Float[Array, " asset"]:
        r"""The mean of $(w_0 + g\cdot e + \tfrac12 e\cdot He)\,r(\alpha + \beta\cdot e)$, exactly.

        With r the ramp, R its mean and $e = \delta + \epsilon$: $E[\epsilon r] = \beta R'$ and
        $E[\epsilon\epsilon^\top r] = R + \beta\beta^\top R''$ (Stein's lemma).
        """
        softness = jnp.sqrt(SOFTNESS**2 + jnp.sum(slope**2, axis=1))
        place = level + slope @ shift
        mean, steepness, bend = ramp(place, softness)
        along = self.slope + self.curvature @ shift
        trace = jnp.trace(self.curvature, axis1=1, axis2=2)
        twice = jnp.einsum("ai,aij,aj->a", slope, self.curvature, slope)
        first = self(shift) * mean + jnp.sum(along * slope, axis=1) * steepness
        return first + 0.5 * (trace * mean + twice * bend)


class Step(eqx.Module):
    r"""One step: functions of its normals in the form $e = \delta + \epsilon$."""

    chain: Chain
    choice: Choice
    now: Snapshot
    k: Array
    charged: Scalar
    """0 at a last date that nothing is traded at, else 1."""
    unused: Scalar
    """The share of the spread that is left unused."""

    def later(self, standard: Float[Array, " normal"]) -> Snapshot:
        """What is known at the next date."""
        return self.chain.after(self.k, self.now, self.choice.tilt.normals(standard))

    def spread(self, later: Snapshot) -> Float[Array, " asset"]:
        """What trading one unit costs then."""
        return self.charged * self.chain.half_width(later)

    def width(self) -> Width:
        """The half-spread to second order around no noise and no shift."""

        def spread(standard: Array) -> Array:
            return self.spread(self.later(standard))

        zero = jnp.zeros_like(self.choice.tilt.mean)
        slope = jax.jacfwd(spread)
        return Width(spread(zero), slope(zero), jax.jacfwd(slope)(zero))

    def ease(self) -> Scalar:
        """How much of what is chosen can be done, from 0 to 1.

        The shadow price may move from edge to edge, and the prices must make up for it in the mean.
        Where they hardly move, as with hardly any variance, only a long shift of the normals does.
        """
        width = self.chain.half_width(self.now)
        n = width.shape[0]

        def grown(normals: Float[Array, " normal"]) -> Float[Array, " asset"]:
            return self.grown(self.chain.after(self.k, self.now, normals))

        moves = jax.jacfwd(grown)(jnp.zeros_like(self.choice.tilt.mean))[:, :n]
        shifts = 1.0 / moves if n == 1 else jnp.linalg.inv(moves)
        longest = jnp.max(jnp.abs(shifts) @ (2.0 * width))
        near = longest <= _LONGEST_SHIFT
        far = jnp.where(near | ~jnp.isfinite(longest), jnp.inf, longest)
        return jnp.where(near, 1.0, _LONGEST_SHIFT / far)

    def position(self, standard: Float[Array, " normal"]) -> Float[Array, " asset"]:
        """Where in the spread the shadow price is then, from -1 to 1, but for what is unused."""
        return (1.0 - self.unused) * ramp(self.place(standard), SOFTNESS).value

    def above(self, standard: Float[Array, " normal"], later: Snapshot) -> Float[Array, " asset"]:
        """By how much the shadow price is above the price: never more than the spread."""
        return self.spread(later) * self.position(standard)

    def grown(self, later: Snapshot) -> Float[Array, " asset"]:
        """The price with the dividends of the step, in today's money."""
        return later.discount * later.prices * later.accrual / self.now.accrual

    def values(self, width: Width, points: Float[Array, "node normal"]) -> Array:
        """What quadrature integrates: the price, and what the spread is beyond second order."""

        def one(standard: Array) -> Array:
            later = self.later(standard)
            rest = self.spread(later) - width(standard)
            return self.grown(later) + rest * self.position(standard)

        return jax.vmap(one)(points)

    def mean(
        self, nodes: Nodes, width: Width, shift: Float[Array, " normal"]
    ) -> Float[Array, " asset"]:
        """The mean of the shadow price, with dividends, under the tilt with that shift."""
        exact = width.mean(self.choice.level, self.choice.slope, shift)
        values = self.values(width, shift[None] + nodes.points)
        return nodes.weights @ values + (1.0 - self.unused) * exact

    def place(self, standard: Float[Array, " normal"]) -> Float[Array, " asset"]:
        """The next position in the spread."""
        return self.choice.level + self.choice.slope @ standard
