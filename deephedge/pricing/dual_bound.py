r"""A price of early exercise that is never too low in the mean.

For any martingale M that starts at 0, $V_0 \le E \max_k\,(Z_k - M_k)$ with $Z$ the discounted
exercise value: no holder, not even one who knows the path, earns more than the right side. The
bound is tight where M is the martingale part of the true value.

Reference: Rogers (2002), theorem 1; Haugh and Kogan (2004); Andersen and Broadie (2004).
"""

import jax
import jax.numpy as jnp
from jax import lax

from deephedge.claims.american import AbstractEarlyExercise
from deephedge.markets.base import Path, Snapshot
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.longstaff_schwartz import LongstaffSchwartz, gains, least_squares
from deephedge.typing import Array, Float, PRNGKeyArray, Scalar


def dual_bound(
    simulation: LongstaffSchwartz,
    claim: AbstractEarlyExercise,
    now: Snapshot,
    european: AbstractPricer,
    *,
    key: PRNGKeyArray,
) -> tuple[Scalar, Scalar]:
    r"""An upper bound on the price at the simulation's exercise dates, and its standard error.

    The martingale is what a hedge earns that trades, at these dates, the asset and the European
    claim: with X the discounted prices of both and $\psi$ the features of the regression,
    $$M_{k+1} - M_k = \sum_i \beta_{ki}^\top \psi(S_k)\,(X^i_{k+1} - X^i_k).$$
    The coefficients are those that best explain, by least squares on paths of their own, what the
    learned rule earns after date k. No simulation within the simulation is needed (Belomestny,
    Bender and Schoenmakers 2009), since the gains of trading are martingales as they stand.

    Args:
        simulation: whose model, dates, features and rule of exercise serve.
        claim: with early exercise.
        now: where the price is wanted.
        european: prices `claim.european()` exactly in the model, so `pricer_for(model)`.
        key: for the paths of the bound; not the simulation's own.
    """
    learning, _ = jax.random.split(simulation.key)
    paths = simulation.paths(claim, now, learning)
    rule = simulation.rule(claim, now, paths)
    hedge = _learned_hedge(simulation, claim, now, european, rule, paths)
    fresh = simulation.paths(claim, now, key)
    gain, permitted = gains(claim, now, fresh)
    columns = _trading_gains(simulation, claim, european, fresh)
    martingale = jnp.cumsum(jnp.sum(columns * hedge[None], axis=2), axis=1)
    value = jnp.maximum(gain, 0.0)
    never = jnp.where(permitted[None], value - martingale, -jnp.inf)
    best = jnp.max(never, axis=1) * claim.strike
    if claim.any_time:
        best = jnp.maximum(best, claim.intrinsic(now.prices[claim.asset]))
    pairs = jnp.mean(best.reshape(-1, 2), axis=1)
    return jnp.mean(pairs), jnp.std(pairs, ddof=1) / pairs.shape[0] ** 0.5


def _learned_hedge(
    simulation: LongstaffSchwartz,
    claim: AbstractEarlyExercise,
    now: Snapshot,
    european: AbstractPricer,
    rule: Float[Array, "waiting feature"],
    paths: Path,
) -> Float[Array, "date column"]:
    """Coefficients of the trading gains at each date, from maturity back."""
    gain, permitted = gains(claim, now, paths)
    features = simulation.features(claim, paths)
    columns = _trading_gains(simulation, claim, european, paths)
    waiting = jnp.sum(features[:, 1:-1] * rule[None], axis=2)
    stops = (gain[:, :-1] > 0) & (gain[:, :-1] >= waiting) & permitted[None, :-1]
    # Nobody stops at the start, which is no date of the rule's.
    stops = jnp.concatenate([jnp.zeros_like(stops[:, :1]), stops], axis=1)
    at_stop = jnp.concatenate([jnp.zeros_like(gain[:, :1]), gain[:, :-1]], axis=1)
    width = features.shape[2]

    def back(value: Array, inputs: tuple[Array, ...]) -> tuple[Array, Array]:
        features, columns, stops, gain = inputs
        fit = least_squares(jnp.concatenate([features, columns], axis=1), value)
        # What the hedge explains is taken out, so that earlier dates see less noise.
        return jnp.where(stops, gain, value - columns @ fit[width:]), fit[width:]

    by_date = [jnp.moveaxis(x, 1, 0) for x in (features[:, :-1], columns, stops, at_stop)]
    return lax.scan(back, jnp.maximum(gain[:, -1], 0.0), tuple(by_date), reverse=True)[1]


def _trading_gains(
    simulation: LongstaffSchwartz,
    claim: AbstractEarlyExercise,
    european: AbstractPricer,
    paths: Path,
) -> Float[Array, "path date column"]:
    """Features times the change of each discounted price, per unit of strike."""
    value = jax.vmap(
        lambda path: jax.vmap(lambda x: european.price(claim.european(), x))(path.snapshots())
    )(paths)
    relative = paths.discount / paths.discount[:, :1] / claim.strike
    growth = paths.accrual[:, :, claim.asset] / paths.accrual[:, :1, claim.asset]
    asset = relative * growth * paths.prices[:, :, claim.asset]
    features = simulation.features(claim, paths)[:, :-1]
    moves = [jnp.diff(x, axis=1)[:, :, None] for x in (asset, relative * value)]
    return jnp.concatenate([features * move for move in moves], axis=2)
