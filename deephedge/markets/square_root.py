"""One step of a square-root diffusion by Andersen's quadratic-exponential scheme."""

import jax.numpy as jnp

from deephedge.numerics import normal, safe
from deephedge.typing import Array, Scalar

_SWITCH = 1.5
# A mean of less is certain: the square of its inverse is still a number in single precision.
_LEAST = 1e-12
# A ratio of variance to squared mean below which single precision sees none.
_SURE = 1e-12


def quadratic_exponential(
    value: Scalar,
    dt: Scalar,
    z: Scalar,
    exponent: Scalar,
    *,
    mean_reversion: Scalar,
    long_run: Scalar,
    vol: Scalar,
) -> tuple[Scalar, Scalar, Array]:
    r"""The value x `dt` years on, $\log E\,e^{cx}$ at c = `exponent`, and whether that exists.

    For $dx = \kappa(\theta - x)\,dt + \sigma\sqrt{x}\,dZ$ with the exact conditional mean m and
    variance $s^2$: for $\psi = s^2/m^2 \le 1.5$ the new value is $a(b + z)^2$, above that it is 0
    or exponential. It rises with the normal z. A mean under 1e-12 is taken for certain.

    Reference: Andersen (2008), Journal of Computational Finance 11(3), section 3.2.
    """
    decay = jnp.exp(-mean_reversion * dt)
    mean = long_run + (value - long_run) * decay
    spread = vol**2 * (1.0 - decay) / mean_reversion
    return matched(mean, spread * (value * decay + 0.5 * long_run * (1.0 - decay)), z, exponent)


def matched(
    expected: Scalar, variance: Scalar, z: Scalar, exponent: Scalar
) -> tuple[Scalar, Scalar, Array]:
    """As `quadratic_exponential`, with the mean and the variance that the new value shall have."""
    certain = expected < _LEAST
    # Double where: nothing reads the law of a mean of 1 that stands for one of nothing.
    mean = jnp.where(certain, 1.0, expected)
    psi = jnp.where(certain, 1.0, jnp.maximum(variance / mean / mean, _SURE))
    quadratic = _quadratic(mean, jnp.minimum(psi, _SWITCH), z, exponent)
    exponential = _exponential(mean, jnp.maximum(psi, _SWITCH), z, exponent)
    after, log_moment, exists = (
        jnp.where(psi <= _SWITCH, a, b) for a, b in zip(quadratic, exponential, strict=True)
    )
    return (
        jnp.where(certain, expected, after),
        jnp.where(certain, exponent * expected, log_moment),
        certain | exists,
    )


def _quadratic(
    mean: Scalar, psi: Scalar, z: Scalar, exponent: Scalar
) -> tuple[Scalar, Scalar, Array]:
    """New variance a(b + z)^2, log E exp(exponent * variance), and whether that exists."""
    ratio = 2.0 / psi
    b2 = ratio - 1.0 + jnp.sqrt(ratio) * safe.sqrt(ratio - 1.0)
    a = mean / (1.0 + b2)
    left = 1.0 - 2.0 * exponent * a
    exists = left > 0
    left = jnp.where(exists, left, 1.0)
    log_moment = exponent * b2 * a / left - 0.5 * jnp.log(left)
    return a * (safe.sqrt(b2) + z) ** 2, log_moment, exists


def _exponential(
    mean: Scalar, psi: Scalar, z: Scalar, exponent: Scalar
) -> tuple[Scalar, Scalar, Array]:
    """New variance 0 with probability p, else exponential; the rest as in `_quadratic`."""
    p = (psi - 1.0) / (psi + 1.0)
    # 1 - p without its cancellation: psi may be far beyond the inverse of the rounding error.
    living = 2.0 / (psi + 1.0)
    beta = living / mean
    # 1 - U as the distribution function of -z: no cancellation in the tail that matters.
    upper = jnp.maximum(normal.cdf(-z), 1e-30)
    after = jnp.maximum(jnp.log(living / upper), 0.0) / beta
    exists = exponent < beta
    gap = jnp.where(exists, beta - exponent, 1.0)
    moment = jnp.where(exists, p + beta * living / gap, 1.0)
    return after, jnp.log(moment), exists
