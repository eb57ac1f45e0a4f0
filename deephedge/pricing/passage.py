r"""The law of the first time that a price reaches a level, by the reflection principle.

For $\log S$ with drift $\nu = r - q - \sigma^2/2$ and the level at $\log(H/S) = h$,

$$P(\text{hit} \le T) = \Phi\Bigl(\frac{-|h| \pm \nu T}{\sigma\sqrt T}\Bigr)
+ e^{2\nu h/\sigma^2}\,\Phi\Bigl(\frac{-|h| \mp \nu T}{\sigma\sqrt T}\Bigr),$$

the upper signs for a level above.

Reference: Reiner and Rubinstein (1991); Borodin and Salminen (2002), 2.2.0.2.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from deephedge.numerics import normal, safe
from deephedge.typing import Array, Float, Scalar

_FAR = -10.0
"""Where the distribution function gives way to its continued fraction, exact to rounding there."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)


@jax.custom_jvp
def tilted(exponent: Array, x: Array) -> Array:
    r"""$e^a\,\Phi(x)$ where $e^a$ alone overflows; its derivatives likewise."""
    far = x < _FAR
    near = jnp.log(normal.cdf(jnp.where(far, 0.0, x)))
    distant = jnp.where(far, -x, 1.0 - _FAR)
    fraction = distant
    for k in range(24, 0, -1):
        fraction = distant + k / fraction
    tail = -0.5 * distant**2 - jnp.log(fraction) - 0.5 * math.log(2.0 * math.pi)
    return jnp.exp(_capped(exponent + jnp.where(far, tail, near)))


@tilted.defjvp
def _tilted_jvp(primals, tangents):
    (exponent, x), (da, dx) = primals, tangents
    density = jnp.exp(_capped(exponent - 0.5 * x * x)) / math.sqrt(2.0 * math.pi)
    return tilted(exponent, x), tilted(exponent, x) * da + density * dx


def _capped(exponent: Array) -> Array:
    """At most the exponent of a large finite number."""
    return jnp.minimum(exponent, 0.5 * float(np.log(np.finfo(exponent.dtype).max)))


def hit_probability(gap: Array, tau: Array, vol: Array, drift: Array, *, up: bool) -> Array:
    """Probability that the log-price, of drift `drift`, moves by `gap` within `tau` years."""
    sign = 1.0 if up else -1.0
    deviation = vol * jnp.sqrt(tau)
    straight = normal.cdf(sign * (drift * tau - gap) / deviation)
    mirrored = tilted(2.0 * drift * gap / vol**2, -sign * (drift * tau + gap) / deviation)
    return straight + mirrored


def hit_value(
    gap: Scalar, tau: Scalar, vol: Scalar, drift: Scalar, rate: Scalar, *, up: bool
) -> Scalar:
    r"""Value of one unit of cash paid at the hit, $E[e^{-r\,\text{hit}}\,1\{\text{hit} \le T\}]$.

    With $\theta^2 = \nu^2 + 2 r \sigma^2$: the hit probability under drift $\theta$, tilted by
    $e^{(\nu - \theta)h/\sigma^2}$. Where $\theta^2 < 0$, at rates far below 0, it is
    $e^{-rT}P(T) + r\int_0^T e^{-rt}P(t)\,dt$ by quadrature.
    """
    square = drift**2 + 2.0 * rate * vol**2
    theta = safe.sqrt(square)
    sign, deviation = (1.0 if up else -1.0), vol * jnp.sqrt(tau)
    closed = tilted(
        (drift - theta) * gap / vol**2, sign * (theta * tau - gap) / deviation
    ) + tilted((drift + theta) * gap / vol**2, -sign * (theta * tau + gap) / deviation)

    u = jnp.asarray(0.5 * (_NODES + 1.0), tau.dtype)
    step = jnp.asarray(_WEIGHTS, tau.dtype) * u
    dates = tau * u**2
    hit = hit_probability(gap, dates, vol, drift, up=up)
    growth: Float[Array, " node"] = jnp.exp(_capped(-rate * dates))
    sure = jnp.exp(_capped(-rate * tau)) * hit_probability(gap, tau, vol, drift, up=up)
    integrated = sure + rate * tau * jnp.sum(step * growth * hit)
    return jnp.where(square > 0, closed, integrated)
