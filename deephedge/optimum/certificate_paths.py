"""Fresh paths under the measure of a certificate, and what quadrature misses on each."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from deephedge.numerics.draws import AbstractSource
from deephedge.optimum.certificate_dual import Dual, Outcome
from deephedge.optimum.tilt import kinked
from deephedge.rollout.sample import MOST_PATHS
from deephedge.typing import Array, Float, Int

_SMALL, _RARE = 0.1, 0.05
_NODES, _FINE = (5, 7), (400, 1000)
_FEW = 16


def evaluated(dual: Dual, source: AbstractSource, n_paths: int) -> Outcome:
    """What every path contributes.

    Where a step has kinks, as the quadratic-exponential scheme has where the variance comes near
    zero, a Gauss-Hermite rule misses too much. Such paths, if they are rare, are taken again with
    a rule of many equally spaced points in one of the normals: from the last, since the first are
    those that move the prices. A rule that is right for them is right for the others too, where
    the two differ by what is counted as missed.
    """
    paths = _sampled(dual, source, jnp.arange(n_paths), min(MOST_PATHS, n_paths))
    # Not a number is not small either.
    missed = np.flatnonzero(~(np.asarray(slack_shares(paths)) <= _SMALL))
    if missed.size == 0 or missed.size > max(_RARE * n_paths, _FEW):
        return paths
    again = jnp.asarray(np.resize(missed, _FEW * -(-missed.size // _FEW)))
    n_normals = dual.shadow.n_normals
    for normal in reversed(range(n_normals)):
        rules = (
            kinked(n, m, normal, n_normals, dual.premium.dtype)
            for n, m in zip(_NODES, _FINE, strict=True)
        )
        careful = dataclasses.replace(dual, **dict(zip(("nodes", "finer"), rules, strict=True)))
        found = _sampled(careful, source, again, _FEW)
        if bool(jnp.max(slack_shares(found)) <= 1.0):
            return jax.tree.map(lambda x, y: x.at[again].set(y), paths, found)
    return paths


def slack_shares(paths: Outcome) -> Float[Array, " path"]:
    """What errors of the quadrature take of the room left for them, on each path."""
    return jnp.max(paths.drift / paths.allowance, axis=1)


@eqx.filter_jit
def _sampled(
    dual: Dual, source: AbstractSource, paths: Int[Array, " path"], batch_size: int
) -> Outcome:
    return lax.map(lambda i: dual.path(source(i)), paths, batch_size=batch_size)
