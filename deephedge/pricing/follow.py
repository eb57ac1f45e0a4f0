r"""First derivatives of a simulated expectation, for payoffs that jump at levels of the price.

Along a path with fixed normals, a price crosses the level as a parameter moves, and the jump is
lost. Here the normal z of each step is displaced so that prices at a level stay on it, and prices
further than `REACH` deviations away move as they would:

$$z' = z + \sum_i \bigl(g_i(\theta, z) - g_i(\theta_0, z)\bigr)\,
  \frac{h(g_i(\theta_0, z)/r_i)}{s(\theta)}, \quad h(x) = (1 - x^2)_+^3, \quad
  w = \frac{\varphi(z')}{\varphi(z)}\,\Bigl|\frac{dz'}{dz}\Bigr|$$

with $g_i$ the distance of the next log-price to level i and s its deviation. So the payoff is
continuous in the parameters, and the derivative of w times the payoff is right in the mean. It is
the pathwise derivative, with a likelihood ratio only for the steps that end near a level.

Reference: Giles (2009), Vibrato Monte Carlo sensitivities, for the split of the two methods by
step; the split by distance is ours. Glasserman (2003), section 7.3, for the likelihood ratio.
"""

import jax
import jax.numpy as jnp
from jax import lax

from deephedge.numerics import safe
from deephedge.pricing.chain import (
    VANISHED,
    Chain,
    Normals,
    State,
    Step,
    is_affine,
    one_step,
    solve,
)
from deephedge.typing import Array, Float, PyTree, Scalar

REACH = 2.0
"""How near to a level, in deviations of a step, a price is displaced with it."""


def follow(
    chain: Chain, parameters: PyTree, reference: PyTree, normals: Normals
) -> tuple[Normals, Scalar]:
    """The normals that keep prices at the levels there, and the density ratio.

    Both are `normals` and 1 where `parameters` are `reference`.
    """
    levels = chain.levels(parameters, normals)
    if not levels:
        return normals, jnp.ones((), normals.dtype)
    assets = [asset for asset, _ in levels]
    old = chain.levels(reference, normals)
    here, there = (jnp.stack([x[1:] for _, x in some], axis=1) for some in (levels, old))
    first = chain.start(parameters), chain.start(reference)
    n_assets = first[0][0].shape[0]
    least = jnp.log(first[1][0]) - VANISHED

    def step(states: tuple[State, State], inputs):
        k, z, level, old_level = inputs
        own = z[:n_assets]
        new_step = one_step(chain, parameters, k, states[0], z)
        old_step = one_step(chain, reference, k, states[1], z)
        old_after = chain.advance(reference, k, states[1], z)

        def displaced(shock: Float[Array, " asset"]) -> Float[Array, " asset"]:
            moves = _moves(new_step, old_step, level, old_level, assets, shock)
            return shock + solve(new_step, moves, jnp.zeros_like(shock))[0]

        moved = displaced(own)
        log_ratio = _log_det(jax.jacfwd(displaced)(own))
        log_ratio = log_ratio - 0.5 * jnp.sum((moved - own) * (moved + own))
        log_after = jnp.log(jnp.maximum(old_after[0], jnp.finfo(own.dtype).tiny))
        vanished = jnp.any(log_after < least)
        sound = vanished | is_affine(old_step, log_after, own)
        log_ratio = jnp.where(vanished, 0.0, log_ratio) * jnp.where(sound, 1.0, jnp.nan)
        moved = z.at[:n_assets].set(jnp.where(vanished, own, moved))
        return (chain.advance(parameters, k, states[0], moved), old_after), (moved, log_ratio)

    inputs = (jnp.arange(normals.shape[0]), normals, here, there)
    _, (moved, log_ratios) = lax.scan(step, first, inputs)
    return moved, jnp.exp(jnp.sum(log_ratios))


def _moves(
    new: Step,
    old: Step,
    level: Float[Array, " level"],
    old_level: Float[Array, " level"],
    assets: list[int],
    shock: Float[Array, " asset"],
) -> Float[Array, " asset"]:
    """How far each log-price is displaced; a level that is not finite displaces nothing."""
    active = jnp.isfinite(old_level) & (old_level > 0) & jnp.isfinite(level) & (level > 0)
    which = jnp.asarray(assets)
    gap = jnp.log(jnp.where(active, level, 1.0)) - (new.mean + new.scale @ shock)[which]
    log_old = jnp.log(jnp.where(active, old_level, 1.0))
    old_gap = log_old - (old.mean + old.scale @ shock)[which]
    deviation = safe.sqrt(jnp.sum(old.scale**2, axis=1))[which]
    # A level's own displacement ends at the next level; levels that coincide share one.
    apart = jnp.abs(log_old[:, None] - log_old[None, :])
    paired = active[:, None] & active[None, :] & (which[:, None] == which[None, :])
    same = apart <= 1e-6
    nearest = jnp.min(jnp.where(paired & ~same, apart, jnp.inf), axis=1)
    reach = jnp.minimum(REACH * deviation, nearest)
    active = active & (reach > 0)
    x = jnp.where(active, old_gap / jnp.where(active, reach, 1.0), 1.0)
    share = 1.0 / jnp.maximum(jnp.sum((paired & same).astype(x.dtype), axis=1), 1.0)
    bump = share * jnp.maximum(1.0 - x**2, 0.0) ** 3
    return jnp.zeros_like(shock).at[which].add(jnp.where(active, (gap - old_gap) * bump, 0.0))


def _log_det(matrix: Float[Array, "asset asset"]) -> Scalar:
    return jnp.log(jnp.abs(matrix[0, 0])) if matrix.size == 1 else jnp.linalg.slogdet(matrix)[1]
