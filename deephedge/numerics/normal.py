r"""The standard normal law, with derivatives that are exact, cheap and finite in the tails.

Density $\varphi(x) = e^{-x^2/2}/\sqrt{2\pi}$, distribution $\Phi(x) = \int_{-\infty}^x \varphi$.
The derivative rules $\Phi' = \varphi$ and $\varphi' = -x\varphi$ are stated to JAX, so that every
Greek reuses the density instead of differentiating an approximation of $\Phi$.
"""

import math

import jax
import jax.numpy as jnp
from jax.scipy.special import ndtri

from deephedge.typing import Array

_ROOT_HALF = math.sqrt(0.5)
_DENSITY_AT_ZERO = 1.0 / math.sqrt(2.0 * math.pi)


@jax.custom_jvp
def pdf(x: Array) -> Array:
    """Standard normal density."""
    return _DENSITY_AT_ZERO * jnp.exp(-0.5 * x * x)


@pdf.defjvp
def _pdf_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    density = pdf(x)
    # Beyond 40 the density is 0 in float64, and 0 times an infinite x would not be a number.
    return density, -jnp.clip(x, min=-40.0, max=40.0) * density * dx


@jax.custom_jvp
def cdf(x: Array) -> Array:
    """Standard normal distribution function, accurate in the lower tail."""
    return 0.5 * jax.lax.erfc(-x * _ROOT_HALF)


@cdf.defjvp
def _cdf_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    return cdf(x), pdf(x) * dx


def quantile(p: Array) -> Array:
    """Inverse of `cdf`."""
    return ndtri(p)
