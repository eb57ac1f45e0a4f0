"""Where the worst outcomes come from, as another law of the normals."""

import equinox as eqx
import jax
import jax.numpy as jnp

from deephedge.numerics.checks import between
from deephedge.numerics.draws import AbstractSource, pseudo
from deephedge.numerics.importance import Tilt
from deephedge.policies.base import AbstractPolicy
from deephedge.rollout.problem import HedgingProblem
from deephedge.rollout.sample import pnl_only, sample
from deephedge.typing import Array, Float, Int, PRNGKeyArray

PILOT = 65_536
"""Paths that the law is fitted to, or as many as have 500 in the tail."""


def fit_tilt(
    problem: HedgingProblem, policy: AbstractPolicy, *, tail: float, key: PRNGKeyArray
) -> Tilt:
    """The mean and the deviation of each normal over the worst `tail` of the policy's outcomes.

    Of all laws with independent normals it is the closest to that of the worst paths (in relative
    entropy). Pass `draws=tilted(antithetic, fit_tilt(...))` to `train` or `sample_law`. The gain
    depends on how far losses come from one side. Measured for a short call over 30 days in
    Black-Scholes and expected shortfall at 1 %: the variance of the risk falls by 48 without a
    hedge, and by 4.1 for a band hedged daily, whose losses come from both sides; that of the
    band's gradient by 1.9 (`tests/rollout/test_tilted_draws.py`).

    Reference: Rubinstein (1999), The cross-entropy method; Glasserman, Heidelberger and
    Shahabuddin (2000), Variance reduction techniques for estimating value-at-risk.
    """
    tail = float(between("tail", 0.0, 1.0)(tail))
    n_paths = max(PILOT, round(500 / tail))
    pnl = sample(problem, policy, n_paths, key=key, keep=pnl_only)
    worst = jnp.argsort(pnl)[: max(round(tail * n_paths), 2)]
    source = pseudo(key, n_paths, problem.n_steps, problem.normals_per_step, problem.times.dtype)
    normals = _normals(source, worst)
    return Tilt(jnp.mean(normals, axis=0), jnp.std(normals, axis=0))


@eqx.filter_jit
def _normals(
    source: AbstractSource, indices: Int[Array, " path"]
) -> Float[Array, "path step normal"]:
    return jax.vmap(source)(indices)
