"""The noncentral chi-square law, with every derivative, at any size of its parameters."""

import math

import jax.numpy as jnp
import numpy as np
from jax import lax

from deephedge.typing import Array, Float, Scalar

N_POINTS = 64
"""Of the quadrature, on half the contour."""

WIDTHS = 9.0
"""How far the contour runs, in widths of the integrand: it has fallen to $e^{-40}$ there."""

LEAST = 6.0
"""Of $px$ where a contour crosses to the right of the pole."""

_FRACTIONS = (np.arange(N_POINTS) + 0.5) / N_POINTS


def noncentral_chi_square(
    excess: Scalar, degrees: Scalar, noncentrality: Scalar
) -> tuple[Scalar, Scalar]:
    r"""$P(X < x)$ and $P(X > x)$ at $x = \lambda +$ `excess` for noncentrality $\lambda$.

    With n degrees of freedom, the inverse Laplace transform in $p = 1 - 2s$ is

    $$P(X > x) = \frac{1}{2\pi i} \int \frac{1}{1 - p}
      \exp\Bigl(\tfrac12 (p - 1)\bigl(x - \lambda/p\bigr)\Bigr)\, p^{-n/2}\, dp$$

    along Talbot's contour $p = c\,(\theta\cot\theta + i\theta)$ by the midpoint rule. It crosses
    the axis at the saddle point, so that nothing cancels, and no nearer than one width to the pole
    at 1; if it crosses to the right of that, it gives $-P(X < x)$. The smaller tail keeps its
    relative precision. $x$ and the other arguments are positive; $x$ is given by its excess over
    $\lambda$ so that no digits are lost where both are large.

    Reference: Talbot (1979), The accurate numerical inversion of Laplace transforms; Gil, Segura
    and Temme (2014), equation 12, for the integral and its saddle point.
    """
    # The value does not depend on the contour, so no derivative passes through it.
    crossing, reach = _contour(*(lax.stop_gradient(a) for a in (excess, degrees, noncentrality)))
    angle = reach * jnp.asarray(_FRACTIONS, excess.dtype)
    fall = _one_less_cotangent(angle)
    from_one = lax.complex(crossing - (1.0 + crossing) * fall, (1.0 + crossing) * angle)
    turn = (1.0 - fall) * fall / angle - angle
    slope = lax.complex((1.0 + crossing) * turn, jnp.full_like(angle, 1.0) * (1.0 + crossing))
    x, gap, n, centre = (
        a.astype(from_one.dtype)
        for a in (_argument(excess, noncentrality), excess, degrees, noncentrality)
    )
    p = 1.0 + from_one
    # x - centre / p: by the excess where p is close to 1, without it where p is large.
    spread = jnp.where(crossing > 1.0, x - centre / p, gap + centre * from_one / p)
    exponent = 0.5 * from_one * spread - 0.5 * n * jnp.log1p(from_one)
    # The half of the contour below the axis is the conjugate of the half above.
    terms = jnp.imag(-jnp.exp(exponent) / from_one * slope)
    integral = jnp.mean(terms) * reach / math.pi
    left = crossing < 0
    return (
        jnp.where(left, 1.0 - integral, -integral),
        jnp.where(left, integral, 1.0 + integral),
    )


def _argument(excess: Scalar, noncentrality: Scalar) -> Scalar:
    """The sum, no smaller than its own rounding."""
    rounding = 4.0 * jnp.finfo(excess.dtype).eps * noncentrality
    return jnp.maximum(jnp.maximum(noncentrality + excess, rounding), 1e-30)


def _contour(excess: Scalar, degrees: Scalar, noncentrality: Scalar) -> tuple[Scalar, Scalar]:
    """Where the contour crosses the axis, less 1, and the largest angle."""
    x = _argument(excess, noncentrality)
    root = jnp.hypot(degrees, 2.0 * jnp.sqrt(x) * jnp.sqrt(noncentrality))
    saddle = 0.5 * (degrees + root) / x - 1.0

    def width(crossing: Scalar) -> Scalar:
        return 1.0 / jnp.sqrt(noncentrality / (1.0 + crossing) + 0.5 * degrees)

    near = saddle > -(1.0 + saddle) * width(saddle)
    # To the right of the pole, px / 2 is kept from getting small: the integrand would turn sharply.
    right = jnp.maximum(jnp.maximum(saddle, width(jnp.zeros_like(saddle))), LEAST / x - 1.0)
    crossing = jnp.where(near, right, saddle)
    return crossing, jnp.minimum(WIDTHS * width(crossing), math.pi)


def _one_less_cotangent(angle: Float[Array, " point"]) -> Float[Array, " point"]:
    """The value of 1 - angle * cot(angle), by its series where that is small."""
    square = angle**2
    series = square * (1 / 3 + square * (1 / 45 + square * (2 / 945 + square / 4725)))
    return jnp.where(angle < 0.1, series, 1.0 - angle / jnp.tan(angle))
