r"""The bivariate normal law, to rounding error at every correlation, with exact derivatives.

$$\Phi_2(x, y; \rho) = P(X \le x,\ Y \le y)$$

for standard normals with correlation $\rho$. Since $\partial_\rho \Phi_2 = \varphi_2$ (Plackett),
it is $\Phi(x)\Phi(y)$ plus the integral of the density over the correlation, here in the angle
$\arcsin\rho$, by Gauss-Legendre quadrature on 20 points; from $|\rho| = 0.925$ on, the distance
to $|\rho| = 1$ is integrated, with the singular part of the density taken out in closed form.

Reference: Drezner and Wesolowsky (1990); Genz (2004), Numerical computation of rectangular
bivariate and trivariate normal and t probabilities, for the second case.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from deephedge.numerics import normal, safe
from deephedge.typing import Array, Float

Values = Float[Array, "..."]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(20)
_SWITCH = 0.925
_FAR = 40.0  # Beyond, the normal distribution is 0 or 1 and its density 0, also in float64.


def cdf(x: Values, y: Values, correlation: Values) -> Values:
    """Probability that both normals lie below `x` and `y`, element by element."""
    x, y, correlation = jnp.broadcast_arrays(x, y, correlation)
    near_x, near_y = (jnp.clip(z, min=-_FAR, max=_FAR) for z in (x, y))
    return _cdf(near_x, near_y, jnp.clip(correlation, min=-1.0, max=1.0))


def pdf(x: Values, y: Values, correlation: Values) -> Values:
    """The density; 0 at a correlation of 1 or -1, where there is none."""
    rest = (1.0 - correlation) * (1.0 + correlation)
    form = x * x - 2.0 * correlation * x * y + y * y
    inside = rest > 0
    known = jnp.where(inside, rest, 1.0)
    density = jnp.exp(-0.5 * form / known) / (2.0 * math.pi * jnp.sqrt(known))
    return jnp.where(inside, density, 0.0)


@jax.custom_jvp
def _cdf(x: Values, y: Values, correlation: Values) -> Values:
    high = jnp.abs(correlation) >= _SWITCH
    moderate = _moderate(x, y, jnp.where(high, 0.0, correlation))
    extreme = _extreme(-x, -y, jnp.where(high, correlation, 1.0))
    return jnp.clip(jnp.where(high, extreme, moderate), min=0.0, max=1.0)


@_cdf.defjvp
def _cdf_jvp(primals, tangents):
    x, y, correlation = primals
    dx, dy, drho = tangents
    slope_x = normal.pdf(x) * normal.cdf(_given(x, y, correlation))
    slope_y = normal.pdf(y) * normal.cdf(_given(y, x, correlation))
    slope = slope_x * dx + slope_y * dy + pdf(x, y, correlation) * drho
    return _cdf(x, y, correlation), slope


def _given(known: Values, other: Values, correlation: Values) -> Values:
    """`other` as a standard normal given the value of `known`."""
    rest = safe.sqrt((1.0 - correlation) * (1.0 + correlation))
    gap = other - correlation * known
    return safe.divide(gap, rest) + jnp.where(rest > 0, 0.0, 1e3 * jnp.sign(gap))


def _moderate(x: Values, y: Values, correlation: Values) -> Values:
    nodes, weights = _rule(x)
    angle = jnp.arcsin(correlation)
    sine = jnp.sin(0.5 * angle[..., None] * (1.0 + nodes))
    product, squares = (x * y)[..., None], (0.5 * (x * x + y * y))[..., None]
    density = jnp.exp((sine * product - squares) / (1.0 - sine * sine))
    integral = jnp.sum(weights * density, axis=-1) * 0.5 * angle
    return normal.cdf(x) * normal.cdf(y) + integral / (2.0 * math.pi)


def _extreme(h: Values, k: Values, correlation: Values) -> Values:
    """P(X > h, Y > k) at a large correlation of either sign, by reflection to a positive one."""
    positive = correlation > 0
    k = jnp.where(positive, k, -k)
    beyond = _missing(h, k, jnp.abs(correlation))
    # The smaller of two differences of distributions keeps its digits in both tails.
    tail = jnp.where(h < 0, normal.cdf(k) - normal.cdf(h), normal.cdf(-h) - normal.cdf(-k))
    together = normal.cdf(-jnp.maximum(h, k)) - beyond
    return jnp.where(positive, together, jnp.maximum(tail, 0.0) + beyond)


def _missing(h: Values, k: Values, correlation: Values) -> Values:
    r"""How far P(X > h, Y > k) is below its value at correlation 1, for correlations near 1."""
    nodes, weights = _rule(h)
    rest = (1.0 - correlation) * (1.0 + correlation)
    root, gap, product = safe.sqrt(rest), (h - k) ** 2, h * k
    c, d = (4.0 - product) / 8.0, (12.0 - product) / 80.0
    far = -0.5 * (safe.divide(gap, rest) + product)
    curved = 1.0 - c * (gap - rest) * (1.0 - d * gap) / 3.0 + c * d * rest * rest
    body = jnp.where(far > -100.0, root * jnp.exp(jnp.maximum(far, -100.0)) * curved, 0.0)
    distance = jnp.abs(h - k)
    tail = normal.cdf(-jnp.where(rest > 0, safe.divide(distance, root), _FAR))
    tail = tail * math.sqrt(2.0 * math.pi) * distance * (1.0 - c * gap * (1.0 - d * gap) / 3.0)
    known = body - jnp.exp(-0.5 * jnp.maximum(product, -100.0)) * jnp.where(
        product > -100.0, tail, 0.0
    )
    half = 0.5 * root[..., None]
    xs = (half * (1.0 + nodes)) ** 2
    exponent = -0.5 * (safe.divide(gap[..., None], xs) + product[..., None])
    series = 1.0 + c[..., None] * xs * (1.0 + 5.0 * d[..., None] * xs)
    cosine = jnp.sqrt(1.0 - xs)
    exact = jnp.exp(-0.5 * product[..., None] * xs / (1.0 + cosine) ** 2) / cosine
    correction = jnp.exp(jnp.maximum(exponent, -100.0)) * (series - exact)
    correction = jnp.where(exponent > -100.0, correction, 0.0)
    integral = half[..., 0] * jnp.sum(weights * correction, axis=-1)
    return jnp.where(rest > 0, (known - integral) / (2.0 * math.pi), 0.0)


def _rule(x: Values) -> tuple[Array, Array]:
    """Nodes and weights on (-1, 1), with as many axes as `x` and one more."""
    shape = (1,) * x.ndim + (len(_NODES),)
    nodes, weights = (jnp.asarray(v, x.dtype).reshape(shape) for v in (_NODES, _WEIGHTS))
    return nodes, weights
