r"""Heston's equation on a grid of prices and variances.

With x the price, b its rate of growth, v the variance, undiscounted and in the time left,
$$U_\tau = \underbrace{\rho\sigma v x\,U_{xv}}_{A_0} + \underbrace{\tfrac12 v x^2 U_{xx}
+ b x\,U_x}_{A_1} + \underbrace{\tfrac12\sigma^2 v\,U_{vv} + \kappa(\theta - v)\,U_v}_{A_2}.$$
"""

import equinox as eqx
import jax.numpy as jnp
from jax import lax

from deephedge.markets.heston_law import AbstractHeston
from deephedge.pricing.diffusion import Matrix, diffusion
from deephedge.typing import Array, Float, Scalar

Plane = Float[Array, "variance node"]


class HestonOperator(eqx.Module):
    """The equation's three parts as differences. At an end of the variances no condition is set.

    At v = 0 the equation holds as it is, with differences from above; at the top and at the far
    ends of the prices the curvature is dropped. At a barrier the value grows at the rate.

    Reference: In 't Hout and Foulon (2010), section 2.2, for the differences.
    """

    variances: Float[Array, " variance"]
    mixed: Scalar
    """Correlation times vol of variance."""
    slope: Matrix
    """Weights of the lower and the upper neighbour's difference in $x U_x$."""
    curvature: Matrix
    """The same of $x^2 U_{xx} / 2$."""
    carry: Scalar
    held_growth: Float[Array, " node"]
    """The rate at a node on the barrier, else 0."""
    across: Float[Array, "variance variance"]
    r"""$\partial_v$."""
    of_variance: Float[Array, "variance variance"]
    """$A_2$."""

    def mixed_part(self, values: Plane) -> Plane:
        """$A_0 U$."""
        weight = (self.mixed * self.variances)[:, None]
        return weight * _differences(self.slope, self.across @ values)

    def price_part(self, values: Plane) -> Plane:
        """$A_1 U$."""
        curved = self.variances[:, None] * _differences(self.curvature, values)
        sloped = self.carry * _differences(self.slope, values)
        return curved + sloped + self.held_growth[None, :] * values

    def variance_part(self, values: Plane) -> Plane:
        """$A_2 U$."""
        return self.of_variance @ values

    def whole(self, values: Plane) -> Plane:
        """$(A_0 + A_1 + A_2) U$."""
        return self.mixed_part(values) + self.price_part(values) + self.variance_part(values)

    @property
    def diffused(self) -> Plane:
        """$v x^2/h^2$ at each node, h being the gaps beside it; 0 at the ends."""
        below, above = self.curvature
        return self.variances[:, None] * (below + above)[None, :]

    def solve_price(self, weight: Scalar, right: Plane) -> Plane:
        """U with $(1 - w A_1) U$ = `right`: a tridiagonal system for each variance."""
        scale = self.variances[:, None]
        below, above = (
            weight * (scale * curved[None, :] + self.carry * sloped[None, :])
            for curved, sloped in zip(self.curvature, self.slope, strict=True)
        )
        diagonal = 1.0 + below + above - weight * self.held_growth[None, :]
        return lax.linalg.tridiagonal_solve(-below, diagonal, -above, right[:, :, None])[:, :, 0]

    def solve_variance(self, weight: Scalar, right: Plane) -> Plane:
        """U with $(1 - w A_2) U$ = `right`: one tridiagonal system for all prices."""
        matrix = -weight * self.of_variance
        diagonal = 1.0 + jnp.diagonal(matrix)
        above = jnp.diagonal(matrix, 1)
        # The row at v = 0 has a third entry, which the next row takes away.
        share = matrix[0, 2] / matrix[1, 2]
        diagonal = diagonal.at[0].add(-share * matrix[1, 0])
        above = above.at[0].add(-share * diagonal[1])
        right = right.at[0].add(-share * right[1])
        lower = jnp.pad(jnp.diagonal(matrix, -1), (1, 0))
        return lax.linalg.tridiagonal_solve(lower, diagonal, jnp.pad(above, (0, 1)), right)


def heston_operator(
    model: AbstractHeston,
    prices: Float[Array, " node"],
    variances: Float[Array, " variance"],
    *,
    carry: Scalar,
    at_barrier: Float[Array, " node"],
) -> HestonOperator:
    """The equation on a grid.

    Args:
        model: for its parameters.
        prices: ascending.
        variances: ascending from 0.
        carry: the price's rate of growth b, 0 for forward prices.
        at_barrier: 1 at the node, if any, that is the barrier, else 0.
    """
    free = 1.0 - at_barrier
    slope = _slope(prices)
    across, curved = _variance_differences(variances)
    pull = model.mean_reversion * (model.long_variance - variances)
    spread = 0.5 * model.vol_of_variance**2 * variances
    return HestonOperator(
        variances=variances,
        mixed=model.correlation * model.vol_of_variance,
        slope=(slope[0] * free, slope[1] * free),
        curvature=diffusion(prices, jnp.ones_like(carry)),
        carry=carry,
        held_growth=at_barrier * model.rate,
        across=across,
        of_variance=spread[:, None] * curved + pull[:, None] * across,
    )


def _differences(matrix: Matrix, values: Plane) -> Plane:
    below, above = matrix
    before, after = jnp.roll(values, 1, axis=1), jnp.roll(values, -1, axis=1)
    return below[None, :] * (before - values) + above[None, :] * (after - values)


def _slope(nodes: Float[Array, " node"]) -> Matrix:
    """Weights of $x U_x$: exact for parabolas inside, one-sided at the ends."""
    gap = jnp.diff(nodes)
    down, up = gap[:-1] / nodes[1:-1], gap[1:] / nodes[1:-1]
    below, above = -up / (down * (down + up)), down / (up * (down + up))
    zero = jnp.zeros_like(nodes[:1])
    first, last = nodes[:1] / gap[:1], -nodes[-1:] / gap[-1:]
    return jnp.concatenate([zero, below, last]), jnp.concatenate([first, above, zero])


def _variance_differences(v: Float[Array, " variance"]) -> tuple[Array, Array]:
    """First and second derivative as matrices; at the ends one-sided, and none."""
    gap = jnp.diff(v)
    down, up = gap[:-1], gap[1:]
    size = v.shape[0]
    inner = jnp.arange(1, size - 1)
    empty = jnp.zeros((size, size), v.dtype)

    def filled(below: Array, above: Array) -> Array:
        matrix = empty.at[inner, inner - 1].set(below).at[inner, inner + 1].set(above)
        return matrix.at[inner, inner].set(-below - above)

    first = filled(-up / (down * (down + up)), down / (up * (down + up)))
    second = filled(2.0 / (down * (down + up)), 2.0 / (up * (down + up)))
    a, b = gap[0], gap[1]
    start = jnp.stack([-(2.0 * a + b) / (a * (a + b)), (a + b) / (a * b), -a / (b * (a + b))])
    last = jnp.stack([-1.0 / gap[-1], 1.0 / gap[-1]])
    return first.at[0, :3].set(start).at[-1, -2:].set(last), second
