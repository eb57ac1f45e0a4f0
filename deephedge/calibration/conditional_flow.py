"""A market learned from a record of prices, by likelihood and by signatures."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from deephedge.calibration.returns import log_returns
from deephedge.markets.conditional_flow import (
    TREND_DECAYS,
    VOL_DECAYS,
    ConditionalFlow,
    following,
)
from deephedge.numerics.signature import energy_distance, signature
from deephedge.typing import Array, Float, Int, PRNGKeyArray, PyTree, Scalar


class Days(eqx.Module):
    """A record, day by day: what was known the evening before, and the excess return."""

    vols: Float[Array, "day horizon"]
    trends: Float[Array, "day trend"]
    excess: Float[Array, " day"]
    """Log-return less its mean growth."""


@dataclasses.dataclass(frozen=True)
class LearnedFlow:
    """What a record taught: a market that goes on from its last price, and how well it fits."""

    model: ConditionalFlow
    log_likelihood: float
    """Of the log-returns."""
    signature_score: float
    """Distance of simulated from recorded stretches: the mean of 8 `signature_score`s of 512."""


def fit_conditional_flow(
    prices: object,
    *,
    dt: float,
    key: PRNGKeyArray,
    width: int = 16,
    depth: int = 1,
    n_updates: int = 600,
    signature_updates: int = 150,
    signature_weight: float = 0.5,
    stretch: int = 40,
    batch_size: int = 128,
    learning_rate: float = 0.01,
) -> LearnedFlow:
    r"""Learn the law of each day's return from prices that are `dt` years apart.

    First by maximum likelihood, the sum of `ConditionalFlow.log_density` over the days; then, for
    `signature_updates` more steps, by the negative mean log-likelihood plus `signature_weight`
    times the `signature_score` of stretches of `stretch` days, whose simulated halves start at
    the very states from which the recorded ones do. Likelihood judges a day given the past; the
    signatures judge what days add up to. The drift is the record's mean growth.

    Args:
        batch_size: stretches in a step.
        learning_rate: of Adam, with a cosine decay over each part.

    Reference: Ni, Szpruch, Wiese, Liao and Xiao (2020) for signatures as a score of generators;
    Székely and Rizzo (2013) for the distance.
    """
    prices, returns = log_returns(prices, dt)
    _refuse_short(returns, stretch)
    if signature_updates > 0 and (batch_size < 2 or stretch < 2):
        raise ValueError(
            f"`batch_size` and `stretch` must be at least 2, got {batch_size} and {stretch}."
        )
    growth = float(np.log(np.mean(np.exp(returns)))) / dt
    level = float(np.std(returns)) / np.sqrt(dt)
    network_key, batch_key, judge_key = jax.random.split(key, 3)
    model = ConditionalFlow.untrained(
        spot=prices[-1], level=level, key=network_key, width=width, depth=depth
    )
    days, vols, trends = days_of(model, returns - growth * dt, dt)
    step = jnp.asarray(dt, model.level.dtype)
    parts = [(n_updates, learning_rate, 0.0)]
    if signature_updates > 0:
        parts.append((signature_updates, 0.3 * learning_rate, signature_weight))
    for part in parts:
        model = _descend(model, days, step, batch_key, *part, stretch, batch_size)
    model = dataclasses.replace(
        model, vols=vols, trends=trends, drift=jnp.asarray(growth, step.dtype)
    )
    return LearnedFlow(
        model=model,
        log_likelihood=float(jnp.sum(log_densities(model, days, step))),
        signature_score=float(_judged(model, days, step, stretch, key=judge_key)),
    )


def _refuse_short(returns: np.ndarray, stretch: int) -> None:
    """A record that holds no stretch, or never moves."""
    if len(returns) <= stretch:
        raise ValueError(
            f"`prices` must be more than {stretch + 1} days, got {len(returns) + 1}; "
            f"pass `stretch={max(len(returns) // 2, 2)}`."
        )
    if not np.std(returns) > 0:
        raise ValueError("`prices` must move; the volatility is zero.")


def days_of(
    model: ConditionalFlow, excess: np.ndarray, dt: float
) -> tuple[Days, Float[Array, " horizon"], Float[Array, " trend"]]:
    """The averages before each day of a record, and those after its last day."""
    moves = jnp.asarray(excess / np.sqrt(dt), model.level.dtype)

    def step(state: tuple[Array, Array], move: Scalar):
        return following(*state, move), state

    start = (
        jnp.full(len(VOL_DECAYS), model.level),
        jnp.zeros(len(TREND_DECAYS), model.level.dtype),
    )
    (vols, trends), before = lax.scan(step, start, moves)
    return Days(*before, jnp.asarray(excess, moves.dtype)), vols, trends


@eqx.filter_jit
def log_densities(model: ConditionalFlow, days: Days, dt: Scalar) -> Float[Array, " day"]:
    """Log-density of each day's log-return given the days before."""
    return jax.vmap(model.log_density, in_axes=(0, 0, 0, None))(
        days.vols, days.trends, days.excess, dt
    )


@eqx.filter_jit
def signature_score(
    model: ConditionalFlow,
    days: Days,
    dt: Scalar,
    stretch: int,
    n_stretches: int,
    *,
    key: PRNGKeyArray,
) -> Scalar:
    r"""Energy distance between the signatures of simulated and of recorded stretches of days.

    A stretch is the path of time, the sum of $y$ and the sum of $y^2$, each in units of its size
    at the record's volatility; its signature to order three holds its mean, its variance, how the
    sum of squares leads and lags the price (leverage), and how it gathers in time (clustering).
    Each number counts in units of its deviation over the recorded stretches.
    """
    day_key, normal_key = jax.random.split(key)
    n_days = days.excess.shape[0]
    first = jax.random.randint(day_key, (n_stretches,), 0, n_days - stretch + 1)
    recorded = jax.vmap(lambda i: lax.dynamic_slice(days.excess, (i,), (stretch,)))(first)
    normals = jax.random.normal(normal_key, (n_stretches, stretch, 1), dt.dtype)
    times = dt * jnp.arange(stretch + 1, dtype=dt.dtype)

    def simulated(day: Int[Array, ""], normals: Float[Array, "step normal"]) -> Array:
        here = dataclasses.replace(
            model, vols=days.vols[day], trends=days.trends[day], drift=jnp.zeros_like(dt)
        )
        return jnp.diff(jnp.log(here.path(times, normals).prices[:, 0]))

    def terms(excess: Float[Array, " step"]) -> Float[Array, " term"]:
        return signature(stretch_path(excess, model.level * jnp.sqrt(dt)))

    theirs = jax.vmap(terms)(recorded)
    ours = jax.vmap(terms)(jax.vmap(simulated)(first, normals))
    size = jnp.std(theirs, axis=0)
    # The powers of time are the same on every path.
    size = jnp.where(size > 1e-4, size, 1.0)[None]
    return energy_distance(ours / size, theirs / size)


def _judged(
    model: ConditionalFlow, days: Days, dt: Scalar, stretch: int, *, key: PRNGKeyArray
) -> Scalar:
    keys = jax.random.split(key, 8)
    scores = [signature_score(model, days, dt, stretch, 512, key=k) for k in keys]
    return jnp.mean(jnp.stack(scores))


def stretch_path(excess: Float[Array, " step"], daily_vol: Scalar) -> Float[Array, "time channel"]:
    """Time, sum and sum of squares of the excess returns, from 0, in units of their sizes."""
    n = excess.shape[0]
    unit = excess / daily_vol
    steps = jnp.stack([jnp.ones_like(unit), unit * np.sqrt(n).item(), unit**2], axis=1) / n
    return jnp.concatenate([jnp.zeros_like(steps[:1]), jnp.cumsum(steps, axis=0)])


@eqx.filter_jit
def _descend(
    model: ConditionalFlow,
    days: Days,
    dt: Scalar,
    key: PRNGKeyArray,
    n_updates: int,
    learning_rate: float,
    signature_weight: float,
    stretch: int,
    batch_size: int,
) -> ConditionalFlow:
    """Adam on the network's weights alone."""
    optimizer = optax.adam(optax.cosine_decay_schedule(learning_rate, n_updates))

    def loss(network: PyTree, key: PRNGKeyArray) -> Scalar:
        moved = eqx.tree_at(lambda m: m.network, model, network)
        value = -jnp.mean(log_densities(moved, days, dt))
        if signature_weight > 0:
            score = signature_score(moved, days, dt, stretch, batch_size, key=key)
            value = value + signature_weight * score
        return value

    def update(state: PyTree, step: Int[Array, ""]) -> tuple[PyTree, None]:
        network, optimizer_state = state
        slope = jax.grad(loss)(network, jax.random.fold_in(key, step))
        # optax mixes Python and array scalars, which strict promotion would refuse.
        with jax.numpy_dtype_promotion("standard"):
            change, optimizer_state = optimizer.update(slope, optimizer_state, network)
            network = eqx.apply_updates(network, change)
        return (network, optimizer_state), None

    weights: PyTree = model.network
    with jax.numpy_dtype_promotion("standard"):
        start = (weights, optimizer.init(weights))
    (weights, _), _ = lax.scan(update, start, jnp.arange(n_updates))
    return eqx.tree_at(lambda m: m.network, model, weights)
