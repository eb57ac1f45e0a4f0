r"""Gamma variates from standard normals, for every shape from one far below 1 to thousands.

Of density $x^{a-1} e^{-x}/\Gamma(a)$, shape $a$, scale 1. A process sampled daily has a shape of a
few hundredths, whose variates mostly lie below the smallest float: so the logarithm is returned.
"""

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.special import digamma, gammainc, gammaincc, gammaln

from deephedge.numerics import normal
from deephedge.typing import Array

_STEPS = 7
_TINY = 1e-6


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
    log_lower = jnp.where(
        below, jnp.log(jnp.maximum(normal.cdf(z), 1e-37)), jnp.log1p(-normal.cdf(-z))
    )
    bound = (log_lower + gammaln(shape + 1.0)) / shape
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


def _log_density(shape: Array, y: Array) -> Array:
    """Of the logarithm of the variate."""
    return shape * y - jnp.exp(y) - gammaln(shape)


@jax.custom_jvp
def _by_shape(shape: Array, y: Array) -> Array:
    """Slope of log_quantile in the shape, z held: that of the implicit function."""
    tiny = y < jnp.log(_TINY)
    x = jnp.exp(jnp.where(tiny, 0.0, y))
    plain = lax.random_gamma_grad(shape, x) / x
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
