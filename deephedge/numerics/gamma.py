r"""Gamma variates from standard normals, for every shape from one far below 1 to thousands.

Of density $x^{a-1} e^{-x}/\Gamma(a)$, shape $a$, scale 1. A process sampled daily has a shape of a
few hundredths, whose variates mostly lie below the smallest float: so their logarithm is returned.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import scipy.special
from jax import lax
from jax.scipy.special import digamma, gammainc, gammaincc, gammaln

from deephedge.numerics import normal
from deephedge.typing import Array, Float, Scalar

_STEPS = 7
_TINY = 1e-6
_FARTHEST, _PER_UNIT = 8, 16
_NODES = np.linspace(-_FARTHEST, _FARTHEST, 2 * _FARTHEST * _PER_UNIT + 1)


def log_gamma(shape: Scalar, z: Scalar) -> Scalar:
    """Logarithm of the variate of `shape` behind the standard normal z.

    Cubic interpolation of `log_quantile` between 257 values of z, less its asymptote at low z:
    within 1e-7. The table depends on the shape only, so that under `vmap` over z it is made once.
    """
    nodes = jnp.asarray(_NODES, z.dtype)

    def correction(z: Array) -> Array:
        return log_quantile(jnp.broadcast_to(shape, z.shape), z) - _bound(shape, z)

    values, slopes = jax.jvp(correction, (nodes,), (jnp.ones_like(nodes),))
    return _bound(shape, z) + _interpolate(values, slopes, z)


def erlang(count: Scalar, z: Scalar, most: int) -> Scalar:
    """Sum of `count` (whole, up to `most`, else NaN) unit exponentials, behind the normal z."""
    values, slopes = _erlang_table(most)
    row = jnp.clip(count, 0, most).astype(int)
    total = _interpolate(jnp.asarray(values, z.dtype)[row], jnp.asarray(slopes, z.dtype)[row], z)
    return jnp.where(count <= most, jnp.maximum(total, 0.0), jnp.nan)


@functools.cache
def _erlang_table(most: int) -> tuple[np.ndarray, np.ndarray]:
    """Quantiles at the nodes and their slopes, a row for each count from 0."""
    counts = np.arange(1.0, most + 1.0)[:, None]
    nodes = np.broadcast_to(_NODES, (most, _NODES.size))
    below = scipy.special.gammaincinv(counts, scipy.special.ndtr(np.minimum(nodes, 0.0)))
    above = scipy.special.gammainccinv(counts, scipy.special.ndtr(-np.maximum(nodes, 0.0)))
    values = np.where(nodes < 0.0, below, above)
    log_density = (counts - 1.0) * np.log(values) - values - scipy.special.gammaln(counts)
    slopes = np.exp(-0.5 * nodes**2 - 0.5 * np.log(2.0 * np.pi) - log_density)
    return np.pad(values, ((1, 0), (0, 0))), np.pad(slopes, ((1, 0), (0, 0)))


def _interpolate(values: Float[Array, " node"], slopes: Float[Array, " node"], z: Scalar) -> Scalar:
    """Cubic Hermite interpolation between the nodes."""
    position = (jnp.clip(z, -_FARTHEST, _FARTHEST) + _FARTHEST) * _PER_UNIT
    left = jnp.clip(jnp.floor(lax.stop_gradient(position)), 0, _NODES.size - 2).astype(int)
    t = position - left.astype(z.dtype)
    start, end = values[left], values[left + 1]
    rise = end - start
    first, last = (slopes[i] / _PER_UNIT - rise for i in (left, left + 1))
    return start + t * (rise + (1.0 - t) * (first * (1.0 - t) - last * t))


@jax.custom_jvp
def log_quantile(shape: Array, z: Array) -> Array:
    r"""$y = \log x$ with $P(a, x) = \Phi(z)$, differentiable at every order in a and z.

    Below the median Newton's method solves $\log P(a, e^y) = \log\Phi(z)$, concave in y; above,
    $\log Q(a, x) = \log\Phi(-z)$, convex in x for $a < 1$ and concave otherwise. Each therefore
    converges from one side: from the bound $(\log\Phi(z) + \log\Gamma(a + 1))/a \le y$ for
    $a < 1$, from the approximation of Wilson and Hilferty (1931) for $a \ge 1$.
    """
    below = z <= 0
    log_upper = jnp.log(jnp.maximum(normal.cdf(-z), 1e-37))
    log_lower = _log_cdf(z)
    bound = _bound(shape, z)
    cube_root = 1.0 - 1.0 / (9.0 * shape) + z / (3.0 * jnp.sqrt(shape))
    cube = 3.0 * jnp.log(jnp.maximum(cube_root, 1e-3)) + jnp.log(shape)
    start = jnp.where(shape < 1.0, bound, jnp.maximum(bound, cube))

    def improve(_, y: Array) -> Array:
        x = jnp.exp(y)
        density = jnp.exp(_log_density(shape, y))
        lower, upper = (jnp.maximum(f(shape, x), 1e-37) for f in (gammainc, gammaincc))
        down = (jnp.log(lower) - log_lower) * lower / density
        up = (jnp.log(upper) - log_upper) * upper / density
        return jnp.where(below, y - down, y + jnp.log1p(jnp.maximum(up, -0.9)))

    # Where x is tiny, P = x^a / Gamma(a + 1) (1 - a x / (a + 1)) to the order of x^2.
    tiny = bound < jnp.log(_TINY)
    y = lax.fori_loop(0, _STEPS, improve, jnp.where(tiny, jnp.log(_TINY), start))
    return jnp.where(tiny, bound + jnp.exp(bound) / (shape + 1.0), y)


@log_quantile.defjvp
def _log_quantile_jvp(primals, tangents):
    (shape, z), (d_shape, dz) = primals, tangents
    y = log_quantile(shape, z)
    by_z = jnp.exp(-0.5 * z * z - 0.5 * jnp.log(2.0 * jnp.pi) - _log_density(shape, y))
    return y, _by_shape(shape, y) * d_shape + by_z * dz


def _log_cdf(z: Array) -> Array:
    """Logarithm of the normal distribution function, accurate in both tails."""
    low = z <= 0
    lower = jnp.maximum(normal.cdf(jnp.where(low, z, 0.0)), 1e-37)
    return jnp.where(low, jnp.log(lower), jnp.log1p(-normal.cdf(-jnp.where(low, 0.0, z))))


def _bound(shape: Array, z: Array) -> Array:
    """What log_quantile is above everywhere, and tends to where it is low."""
    return (_log_cdf(z) + gammaln(shape + 1.0)) / shape


def _log_density(shape: Array, y: Array) -> Array:
    """Of the logarithm of the variate."""
    return shape * y - jnp.exp(y) - gammaln(shape)


@jax.custom_jvp
def _by_shape(shape: Array, y: Array) -> Array:
    """Slope of log_quantile in the shape, z held: that of the implicit function."""
    tiny = y < jnp.log(_TINY)
    x = jnp.exp(jnp.where(tiny, 0.0, y))
    # JAX wraps this function so that its optional `dtype` looks required.
    plain = lax.random_gamma_grad(shape, x) / x  # pyright: ignore[reportCallIssue]
    return jnp.where(tiny, (digamma(shape + 1.0) - y) / shape, plain)


@_by_shape.defjvp
def _by_shape_jvp(primals, tangents):
    (shape, y), (d_shape, dy) = primals, tangents
    slope = _by_shape(shape, y)
    # The density's own slopes give that in y. That in the shape has no elementary form: a central
    # difference, of a function of the same kind, so that derivatives of any order exist.
    in_y = digamma(shape) - y - slope * (shape - jnp.exp(y))
    step = 1e-3 * shape
    in_shape = (_by_shape(shape + step, y) - _by_shape(shape - step, y)) / (2.0 * step)
    return slope, in_shape * d_shape + in_y * dy
