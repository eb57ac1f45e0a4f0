r"""A step of a price that its holder, or its issuer, keeps between bounds: smooth in everything.

Exercise holds a price V at or above a bound g by a pressure $p \ge 0$ that acts only where
$V = g$. On a grid the edge of exercise then jumps from node to node, and derivatives of a price by
a parameter beyond the first are wrong on every grid, however fine. Here the pressure fades over a
few nodes beside the edge instead. With $w = V - g$ over a step of length $\Delta$, and $\mu$ of
the size $(kh)^2/(\sigma^2F^2\Delta)$ for k gaps h of the grid,
$$w = \varepsilon\log\bigl(1 + e^{(w - \mu\,p\Delta)/\varepsilon}\bigr),
\qquad \varepsilon = \tfrac12\mu\,\hat p\Delta,$$
where $\hat p$ is the pressure that holds V at the bound. For $\varepsilon \to 0$ either w or p is
zero. Every derivative now exists and is that of the values, and the error is of second order in
h as is the grid's own.

Far from the edge V is too high by a share of $\mu\hat p\Delta$ that is the same everywhere: in
units of $\mu\hat p\Delta$ and kh the layer beside the edge obeys $\tfrac12w'' = 1 - p(w)$ with
$p(w) = -\tfrac12\log(1 - e^{-2w})$, and its first integral gives
$w_0 + \int_{w_0}^\infty p\,dw = -\tfrac12\log(1 - e^{-2}) + \tfrac14\mathrm{Li}_2(1 - e^{-2})$.
The bound is moved out by as much.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from deephedge.numerics import safe
from deephedge.pricing.diffusion import Matrix, Nodes, change, known
from deephedge.typing import Array, Float, Scalar

REACH = 2.0
"""Over how many gaps of the grid the pressure fades: fewer, and third Greeks feel each node."""
SHARP = 0.05
"""A reach at which the edge is where exercise begins, for those who ask where that is."""
TOO_HIGH = 0.37618037
r"""$-\tfrac12\log(1 - e^{-2}) + \tfrac14\mathrm{Li}_2(1 - e^{-2})$."""
# Of the variance of a step, in which an edge moves on.
_PER_STEP = 0.05
# Newton's method settles in a few rounds; this many only if rounding makes it cycle.
_MOST = 30

Plane = Float[Array, "*dimension node"]
Bounds = tuple[Nodes, Nodes]
"""The least and the most that holder and issuer let the price be."""


def advance_between(
    matrix: Matrix,
    values: Nodes,
    dt: Scalar,
    implicit: Scalar,
    bounds: Bounds,
    before: Bounds,
    income: Nodes | float = 0.0,
    reach: float = REACH,
) -> Nodes:
    r"""The step of `advance` with the values held between bounds.

    With $AU = b$ for the free step it solves $U = m(U - \mu(AU - b))$ at every node by Newton's
    method, m being the identity bent smoothly at the floor and at the ceiling. Where those meet
    the value is the floor. The rounds that find the solution are not differentiated; two more
    that are make derivatives of first to third order exact.

    Args:
        bounds: floor and ceiling after the step; a ceiling may be infinite.
        before: the same before it.
        income: cash a year at each node.
        reach: over how many nodes the pressure fades.
    """
    weight, free = implicit * dt, known(matrix, values, dt, implicit) + dt * income
    rested = (
        known(matrix, _finite(before[0]), dt, implicit) + dt * income,
        known(matrix, _finite(before[1]), dt, implicit) + dt * income,
    )
    layer = _layer(matrix, weight, bounds, rested, reach)
    system = _Held(matrix, weight, free, bounds, layer)
    fixed = lax.stop_gradient(system)
    settled = 1e-2 * jnp.maximum(fixed.layer.floor, fixed.layer.ceiling) + 16.0 * _rounding(values)

    def improve(state: tuple[Nodes, Array, Array]) -> tuple[Nodes, Array, Array]:
        better = fixed.newton(state[0])
        return better, jnp.any(jnp.abs(better - state[0]) > settled), state[2] + 1

    def unsettled(state: tuple[Nodes, Array, Array]) -> Array:
        return state[1] & (state[2] < _MOST)

    first = jnp.clip(lax.stop_gradient(values), *fixed.bounds)
    guess = lax.while_loop(unsettled, improve, (first, jnp.asarray(True), jnp.asarray(0)))[0]
    return system.newton(system.newton(lax.stop_gradient(guess)))


def at_least(values: Plane, floor: Plane) -> Plane:
    r"""The larger of the two at one date, rounded off over a few nodes where they cross.

    $$g + \varepsilon\log(1 + e^{(V - g)/\varepsilon})$$ with $\varepsilon$ half of what V - g
    changes by over one gap of the grid. Without it second derivatives by a parameter miss the
    crossing's move.
    """
    soft = 0.25 * REACH * _per_node(values - floor)
    soft = jnp.maximum(soft, _rounding(values))
    return floor + soft * jax.nn.softplus((values - floor) / soft)


def pressed(
    free: Plane, pressure: Plane, dt: Scalar, floor: Plane, push: Plane, diffused: Plane
) -> tuple[Plane, Plane]:
    r"""The price and the pressure after a step that was taken freely under the last pressure.

    As `advance_between` with $\mu = 1$, which needs no solution; the softness is the same, and
    what the layer beside the edge puts on top is, for $\varepsilon = \tfrac r2\hat p\Delta$,
    $-\tfrac12\log(1 - e^{-2/r}) + \tfrac r4\mathrm{Li}_2(1 - e^{-2/r})$.

    Args:
        free: the values with the last pressure in them.
        pressure: cash a year.
        floor: the least that they may be.
        push: what keeps them there over the step, in cash; negative where they rise by themselves.
        diffused: $\sigma^2F^2\Delta/h^2$ of the step.
    """
    push = jnp.maximum(push, 0.0)
    scale = _scale(diffused, push, _per_node(floor), REACH)
    rests = jnp.exp(-2.0 / scale)
    high = -0.5 * jnp.log1p(-rests) + 0.25 * scale * jax.scipy.special.spence(rests)
    floor = floor - high * scale * push
    soft = jnp.maximum(0.5 * scale * push, _rounding(free))
    over = free - dt * pressure - floor
    above = soft * jax.nn.softplus(over / soft)
    return floor + above, (above - over) / dt


def _scale(diffused: Plane, push: Plane, slope: Plane, reach: float) -> Plane:
    r"""$\mu$: what makes the pressure fade over `reach` gaps, and more where steps are long.

    An edge that passes many nodes in a step would be felt by each. And where there is next to no
    diffusion the layer is no deeper than the floor's own change over it.
    """
    scale = reach**2 * (safe.divide(jnp.ones_like(diffused), diffused, 1e12) + _PER_STEP)
    return jnp.minimum(scale, safe.divide(0.5 * reach * slope, push, 1e12))


class _Layer(eqx.Module):
    """How soft each bound is at each node, in cash."""

    scale: Nodes
    """$\\mu$; 0 at the ends of the grid."""
    floor: Nodes
    """$\\mu\\hat p\\Delta$ of the floor."""
    ceiling: Nodes


def _layer(matrix: Matrix, weight: Scalar, bounds: Bounds, rested: Bounds, reach: float) -> _Layer:
    below, above = matrix
    floor, ceiling = (
        jnp.maximum(sign * (x - weight * change(matrix, x) - b), 0.0)
        for sign, x, b in zip((1.0, -1.0), map(_finite, bounds), rested, strict=True)
    )
    ceiling = jnp.where(jnp.isfinite(bounds[1]), ceiling, 0.0)
    slope = jnp.maximum(*(_per_node(_finite(x)) for x in bounds))
    scale = _scale(weight * (below + above), floor + ceiling, slope, reach)
    scale = jnp.where(below + above > 0, scale, 0.0)
    return _Layer(scale, scale * floor, scale * ceiling)


class _Held(eqx.Module):
    """The equation of one step."""

    matrix: Matrix
    weight: Scalar
    free: Nodes
    bounds: Bounds
    layer: _Layer

    def newton(self, values: Nodes) -> Nodes:
        """A better solution than `values`, by one step of Newton's method."""
        (below, above), scale = self.matrix, self.layer.scale
        size = self.weight * (below + above)
        surplus = values - self.weight * change(self.matrix, values) - self.free
        surplus, from_values, from_surplus = self._capped(values, surplus, size)
        bent, slope = self._bent(values - scale * surplus)
        low, high = self.bounds
        ends, meeting = scale == 0, low >= high
        bent = jnp.where(ends, jnp.clip(self.free, low, high), bent)
        bent = jnp.where(meeting, low, bent)
        slope = jnp.where(ends | meeting, 0.0, slope)
        pull = slope * scale * from_surplus
        diagonal = 1.0 - slope + slope * scale * from_values + pull * (1.0 + size)
        lower, upper = (-pull * self.weight * x for x in self.matrix)
        wrong = (values - bent)[:, None]
        return values - lax.linalg.tridiagonal_solve(lower, diagonal, upper, wrong)[:, 0]

    def _bent(self, values: Nodes) -> tuple[Nodes, Nodes]:
        """The values bent at the floor, and the slope of that."""
        floor = self.layer.floor
        soft = jnp.maximum(0.5 * floor, _rounding(self.free))
        low = self.bounds[0] - TOO_HIGH * floor
        x = (values - low) / soft
        return low + soft * jax.nn.softplus(x), jax.nn.sigmoid(x)

    def _capped(self, values: Nodes, surplus: Nodes, size: Nodes) -> tuple[Nodes, Nodes, Nodes]:
        """The surplus under the ceiling, and its slopes by the values and by the surplus."""
        ceiling, high = self.layer.ceiling, self.bounds[1]
        finite = jnp.isfinite(high)
        # Where nothing presses, a step no longer than Jacobi's: between two bounds that are close
        # a longer one would go to and fro.
        scale = jnp.where(ceiling > 0, self.layer.scale, 1.0 / (1.0 + size))
        soft = jnp.maximum(0.5 * ceiling, _rounding(self.free))
        over = values - _finite(high) - TOO_HIGH * ceiling
        x = (scale * surplus - over) / soft
        share = jnp.where(finite, jax.nn.sigmoid(x), 1.0)
        capped = jnp.where(finite, (over + soft * jax.nn.softplus(x)) / scale, surplus)
        return capped, (1.0 - share) / scale, share


def _finite(bound: Nodes) -> Nodes:
    return jnp.where(jnp.isfinite(bound), bound, 0.0)


def _per_node(values: Plane) -> Plane:
    """By how much they change from node to node."""
    gap = jnp.abs(jnp.diff(values, axis=-1))
    first, last = gap[..., :1], gap[..., -1:]
    return 0.5 * (jnp.concatenate([first, gap], -1) + jnp.concatenate([gap, last], -1))


def _rounding(values: Plane) -> Scalar:
    return 4.0 * jnp.finfo(values.dtype).eps * jnp.max(jnp.abs(lax.stop_gradient(values)))
