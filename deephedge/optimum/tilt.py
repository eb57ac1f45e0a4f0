r"""A Gaussian change of measure of one step's normals, and the shift that makes prices martingales.

Under P the d normals x of a step are standard; under Q they are $x = m + C(\delta + \epsilon)$
with $\epsilon$ standard. So Q is sampled exactly, and its density is known:

$$\log\frac{dQ}{dP} = \tfrac12\bigl(|x|^2 - |\epsilon|^2\bigr) - \log\det C,$$

the exponential of a linear and a quadratic form in the normals, up to a constant.
"""

import itertools
from collections.abc import Callable, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from deephedge.typing import Array, Float, PyTree, Scalar

_LONGEST_MOVE, _FARTHEST = 1.0, 8.0


class Tilt(eqx.Module):
    r"""The law of one step's normals under Q, but for the shift $\delta$ that is solved for."""

    mean: Float[Array, " normal"]
    """$m$: the mean of the normals without the shift."""
    factor: Float[Array, "normal normal"]
    """$C$: lower triangular, with a positive diagonal."""

    def normals(self, standard: Float[Array, " normal"]) -> Float[Array, " normal"]:
        r"""$x = m + Ce$, for $e = \delta + \epsilon$."""
        return self.mean + self.factor @ standard

    def log_density(
        self, standard: Float[Array, " normal"], noise: Float[Array, " normal"]
    ) -> Scalar:
        r"""$\log dQ/dP$ at $e$ = `standard`, drawn as $\delta$ + `noise`."""
        squares = jnp.sum(self.normals(standard) ** 2) - jnp.sum(noise**2)
        return 0.5 * squares - self._log_volume

    def divergence(self, shift: Float[Array, " normal"]) -> Scalar:
        r"""The mean of `log_density` under Q.

        $H(Q|P) = \tfrac12(|m + C\delta|^2 + \mathrm{tr}\,CC^\top - d) - \log\det C$.
        """
        squares = jnp.sum(self.normals(shift) ** 2) + jnp.sum(self.factor**2)
        return 0.5 * (squares - self.mean.shape[0]) - self._log_volume

    @property
    def _log_volume(self) -> Scalar:
        return jnp.sum(jnp.log(jnp.diagonal(self.factor)))


class Nodes(eqx.Module):
    """A quadrature rule for the standard normal law in several dimensions."""

    points: Float[Array, "node normal"]
    weights: Float[Array, " node"]

    def expectation(
        self, values: Float[Array, "node column"], shift: Float[Array, " normal"]
    ) -> Float[Array, " column"]:
        r"""The mean of a function of $\delta + \epsilon$, from its values at the points $e_i$.

        The weights are $w_i e^{\delta\cdot e_i - |\delta|^2/2}$, so that a change of the shift
        takes no new values.
        """
        exponent = self.points @ shift - 0.5 * jnp.sum(shift**2)
        return (self.weights * jnp.exp(exponent)) @ values


def gauss_hermite(n_nodes: int, n_normals: int, dtype: jnp.dtype) -> Nodes:
    """The product of Gauss-Hermite rules with `n_nodes` points in each dimension."""
    return _product([_hermite(n_nodes)] * n_normals, dtype)


def kinked(n_nodes: int, n_fine: int, normal: int, n_normals: int, dtype: jnp.dtype) -> Nodes:
    """A rule for a function with kinks in one of the normals and none in the others.

    `n_fine` equally spaced points there, within eight deviations; Gauss-Hermite rules elsewhere.
    """
    rules = [_hermite(n_nodes)] * n_normals
    rules[normal] = _spaced(n_fine)
    return _product(rules, dtype)


def equally_spaced(n_nodes: int, n_normals: int, dtype: jnp.dtype) -> Nodes:
    """The product of trapezoidal rules within eight deviations.

    For functions that are smooth, but bend within a deviation, as no polynomial does.
    """
    return _product([_spaced(n_nodes)] * n_normals, dtype)


def _spaced(n_nodes: int) -> tuple[np.ndarray, np.ndarray]:
    points = np.linspace(-_FARTHEST, _FARTHEST, n_nodes)
    weights = np.exp(-0.5 * points**2)
    return points, weights / np.sum(weights)


def _hermite(n_nodes: int) -> tuple[np.ndarray, np.ndarray]:
    points, weights = np.polynomial.hermite_e.hermegauss(n_nodes)
    return points, weights / np.sqrt(2.0 * np.pi)


def _product(rules: Sequence[tuple[np.ndarray, np.ndarray]], dtype: jnp.dtype) -> Nodes:
    grid = np.array(list(itertools.product(*(points for points, _ in rules))))
    weights = np.array([np.prod(w) for w in itertools.product(*(w for _, w in rules))])
    return Nodes(jnp.asarray(grid, dtype), jnp.asarray(weights, dtype))


def root(
    drift: Callable[[PyTree, Float[Array, " asset"]], Float[Array, " asset"]],
    parameters: PyTree,
    start: Float[Array, " asset"],
    n_iterations: int,
) -> Float[Array, " asset"]:
    """Where `drift(parameters, shift)` vanishes in `shift`, by Newton's method from `start`.

    The derivative in the parameters is that of the implicit function: only the last of the
    iterations is differentiated, and there not the slope.
    """
    fixed = lax.stop_gradient(parameters)

    def newton(_, shift: Float[Array, " asset"]) -> Float[Array, " asset"]:
        return shift - _move(drift(fixed, shift), _slope(drift, fixed, shift))

    shift = lax.fori_loop(0, n_iterations - 1, newton, lax.stop_gradient(start))
    shift = lax.stop_gradient(shift)
    slope = lax.stop_gradient(_slope(drift, fixed, shift))
    return shift - _move(drift(parameters, shift), slope)


def _slope(drift: Callable, parameters: PyTree, shift: Array) -> Float[Array, "asset asset"]:
    return jax.jacfwd(lambda x: drift(parameters, x))(shift)


def _move(value: Float[Array, " asset"], slope: Float[Array, "asset asset"]) -> Array:
    move = value / slope[0] if value.shape[0] == 1 else jnp.linalg.solve(slope, value)
    return jnp.clip(move, min=-_LONGEST_MOVE, max=_LONGEST_MOVE)
