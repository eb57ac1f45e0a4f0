"""Sums of cosines and sines of equally spaced frequencies."""

import math

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_derivatives import SymbolicZero

from deephedge.typing import Array, Float


@jax.custom_jvp
def trigonometric_sums(
    x: Float[Array, " point"], spacing: Float[Array, ""], weights: Float[Array, " term"]
) -> tuple[Float[Array, " point"], Float[Array, " point"]]:
    r"""$\sum_j w_j \cos(jhx)$ and $\sum_j w_j \sin(jhx)$ at each x; h, the `spacing`, is fixed.

    For n terms j = pm + q with m near $\sqrt n$. By the addition theorem the sums are
    $\sum_p e^{ipmhx} \sum_q w_{pm+q}\,e^{iqhx}$: some $2\sqrt n$ cosines and sines a point, and a
    product of small matrices. The slopes are stated to be such sums with other weights, so value
    and derivatives of any order share the cosines and sines.
    """
    n_terms = weights.shape[0]
    n_near = math.isqrt(n_terms - 1) + 1
    n_far = -(-n_terms // n_near)
    table = jnp.pad(weights, (0, n_near * n_far - n_terms)).reshape(n_far, n_near).T
    near = x[:, None] * (spacing * jnp.arange(n_near, dtype=x.dtype))[None, :]
    far = x[:, None] * (spacing * n_near * jnp.arange(n_far, dtype=x.dtype))[None, :]
    # An accelerator's default product of float32 matrices keeps three digits.
    cosines, sines = (
        jnp.matmul(wave, table, precision=lax.Precision.HIGHEST)
        for wave in (jnp.cos(near), jnp.sin(near))
    )
    cos_far, sin_far = jnp.cos(far), jnp.sin(far)
    return (
        jnp.sum(cos_far * cosines - sin_far * sines, axis=1),
        jnp.sum(sin_far * cosines + cos_far * sines, axis=1),
    )


def _slopes(primals, tangents):
    (x, spacing, weights), (dx, _, change) = primals, tangents
    cosines = sines = jnp.zeros_like(x)
    # Where only the strike or only the law moves, the other half of the work is left out.
    if not isinstance(dx, SymbolicZero):
        frequencies = spacing * jnp.arange(weights.shape[0], dtype=x.dtype)
        c, s = trigonometric_sums(x, spacing, frequencies * weights)
        cosines, sines = -s * dx, c * dx
    if not isinstance(change, SymbolicZero):
        c, s = trigonometric_sums(x, spacing, change)
        cosines, sines = cosines + c, sines + s
    return trigonometric_sums(x, spacing, weights), (cosines, sines)


trigonometric_sums.defjvp(_slopes, symbolic_zeros=True)
