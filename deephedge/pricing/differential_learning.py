"""Regression on simulated payoffs and their pathwise derivatives."""

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax import lax

from deephedge.claims.base import AbstractClaim
from deephedge.markets.base import AbstractModel, Path, Snapshot
from deephedge.numerics.draws import pseudo
from deephedge.numerics.perceptron import Perceptron
from deephedge.pricing.pathwise import settled
from deephedge.typing import Array, Float, Int, PRNGKeyArray, PyTree, Scalar

BATCH = 4096
"""Examples simulated at a time."""

Shifted = tuple[Float[Array, " asset"], Float[Array, " factor"], Float[Array, " progress"], Array]
"""What an example is differentiated by: prices, factors, progress, shifts of vol and rate."""


class Examples(eqx.Module):
    r"""States, a discounted payoff from each, and its derivatives by all inputs but the first.

    The payoff is the mean over two paths with opposite normals.

    The inputs are $\sqrt{T - t}$, prices, factors, progress, and the shifts of vol and rate.
    """

    inputs: Float[Array, "*sample input"]
    values: Float[Array, "*sample"]
    slopes: Float[Array, "*sample slope"]


class Normalisation(eqx.Module):
    r"""Means and deviations of the inputs and values, and the sizes of the scaled differentials.

    $$\lambda_j = \Bigl(\frac1n\sum_i \bar y_{ij}^2\Bigr)^{-1/2}, \quad
    \bar y_{ij} = \frac{s_{x_j}}{s_y}\frac{\partial y_i}{\partial x_j}$$
    """

    centre: Float[Array, " input"]
    scale: Float[Array, " input"]
    value_centre: Scalar
    value_scale: Scalar
    weights: Float[Array, " slope"]

    @classmethod
    def of(cls, examples: Examples) -> "Normalisation":
        """Those of a set of examples. An input that never moves keeps the scale 1."""
        scale = _or_one(jnp.std(examples.inputs, axis=0))
        value_scale = _or_one(jnp.std(examples.values))
        slopes = examples.slopes * scale[None, 1:] / value_scale
        return cls(
            centre=jnp.mean(examples.inputs, axis=0),
            scale=scale,
            value_centre=jnp.mean(examples.values),
            value_scale=value_scale,
            weights=1.0 / _or_one(jnp.sqrt(jnp.mean(slopes**2, axis=0))),
        )

    def value(self, network: Perceptron, inputs: Float[Array, " input"]) -> Scalar:
        """The network's value of one state, in cash."""
        return self.value_centre + self.value_scale * self.standard(network, inputs)

    def standard(self, network: Perceptron, inputs: Float[Array, " input"]) -> Scalar:
        """The same in deviations from the mean."""
        return network((inputs - self.centre) / self.scale)[0]


def _or_one(size: Array) -> Array:
    return jnp.where(size > 1e-6 * jnp.maximum(jnp.max(size), 1e-30), size, 1.0)


@eqx.filter_jit
def examples_of(
    model: AbstractModel,
    claim: AbstractClaim,
    box: tuple[float, float, float],
    n_samples: int,
    n_steps: int,
    *,
    key: PRNGKeyArray,
) -> Examples:
    """Examples at the `n_steps` dates before maturity, equally likely.

    `box`: the deviation of the log-prices at time 0, and the greatest shifts of vol and rate.
    """
    dtype = model.start().prices.dtype
    spread, *widths = (jnp.asarray(x, dtype) for x in box)
    draw_key, date_key, price_key, shift_key = jax.random.split(key, 4)
    source = pseudo(draw_key, n_samples, 2 * n_steps, model.normals_per_step, dtype)
    dates = jax.random.randint(date_key, (n_samples,), 0, n_steps)
    n_assets = model.start().prices.shape[0]
    moves = spread * jax.random.normal(price_key, (n_samples, n_assets), dtype)
    shifts = jax.random.uniform(shift_key, (n_samples, 2), dtype, -1.0) * jnp.stack(widths)[None]

    def one(index: Int[Array, ""]) -> Examples:
        normals = source(index)
        date = dates[index]
        now = _met(model, claim, date, moves[index], normals[:n_steps])
        return _example(model, claim, now, date, shifts[index], normals[n_steps:])

    return lax.map(one, jnp.arange(n_samples), batch_size=min(BATCH, n_samples))


def _met(
    model: AbstractModel,
    claim: AbstractClaim,
    date: Int[Array, ""],
    moves: Float[Array, " asset"],
    normals: Float[Array, "step normal"],
) -> Snapshot:
    """The state at a date of a path that starts `moves` away from the model's own start."""
    start = model.start()
    start = eqx.tree_at(lambda now: now.prices, start, start.prices * jnp.exp(moves))
    fractions = jnp.arange(normals.shape[0] + 1, dtype=normals.dtype) / normals.shape[0]
    path = model.at(start).path(claim.maturity * fractions, normals)
    path = eqx.tree_at(lambda p: p.progress, path, claim.progress(path))
    return jax.tree.map(lambda x: x[date], path.snapshots())


def _example(
    model: AbstractModel,
    claim: AbstractClaim,
    now: Snapshot,
    date: Int[Array, ""],
    shifts: Float[Array, " shift"],
    normals: Float[Array, "step normal"],
) -> Examples:
    """The state, the discounted payoff of two paths that go on from it, and its slopes."""
    n_steps = normals.shape[0]
    steps = jnp.arange(n_steps + 1)
    times = claim.maturity * ((date + steps).astype(normals.dtype) / n_steps)
    # Every path has the same number of steps, so it runs past maturity, where it is frozen.
    kept = jnp.minimum(steps, n_steps - date)

    def value(at: Shifted) -> Scalar:
        prices, factors, progress, (vol, rate) = at
        moved = eqx.tree_at(
            lambda n: (n.prices, n.factors, n.progress), now, (prices, factors, progress)
        )
        shifted, moved = model.shifted(moved, vol=vol, rate=rate)

        def worth(normals: Float[Array, "step normal"]) -> Scalar:
            path: Path = jax.tree.map(lambda x: x[kept], shifted.at(moved).path(times, normals))
            return settled(claim, moved, path) * path.discount[-1] / path.discount[0]

        return 0.5 * (worth(normals) + worth(-normals))

    at = (now.prices, now.factors, now.progress, shifts)
    payoff, slopes = jax.value_and_grad(value)(at)
    root = jnp.sqrt(claim.maturity - times[0])[None]
    return Examples(jnp.concatenate([root, *at]), payoff, jnp.concatenate(slopes))


@eqx.filter_jit
def fitted(
    network: PyTree,
    normalisation: Normalisation,
    examples: Examples,
    *,
    alpha: float,
    n_updates: int,
    batch_size: int,
    learning_rate: float,
    key: PRNGKeyArray,
) -> Perceptron:
    r"""The network after `n_updates` steps of Adam on the weighted squares.

    $$\frac{1}{1 + \alpha n}\,\overline{(f_i - y_i)^2} + \frac{\alpha n}{1 + \alpha n}\,
    \frac1n\sum_{j=1}^n \lambda_j^2\,\overline{(\partial_j f_i - \bar y_{ij})^2}$$

    over the n inputs with differentials, all in standard units. `learning_rate` is the highest of
    a cycle.

    Reference: Huge and Savine (2020), sections 2.3 and 3; appendix 2 for the normalisation.
    """
    n_slopes = examples.slopes.shape[1]
    share = 1.0 / (1.0 + alpha * n_slopes)
    optimizer = optax.adam(optax.cosine_onecycle_schedule(n_updates, learning_rate))
    values = (examples.values - normalisation.value_centre) / normalisation.value_scale
    scale = normalisation.scale / normalisation.value_scale
    slopes = examples.slopes * scale[None, 1:]
    inputs = (examples.inputs - normalisation.centre[None]) / normalisation.scale[None]

    def loss(network: Perceptron, rows: Int[Array, " batch"]) -> Scalar:
        if alpha == 0:
            return jnp.mean((jax.vmap(network)(inputs[rows])[:, 0] - values[rows]) ** 2)
        twin = jax.vmap(jax.value_and_grad(lambda x: network(x)[0]))
        got, slope = twin(inputs[rows])
        wrong = normalisation.weights[None] * (slope[:, 1:] - slopes[rows])
        return share * jnp.mean((got - values[rows]) ** 2) + (1.0 - share) * jnp.mean(wrong**2)

    def update(state: tuple, step: Int[Array, ""]) -> tuple:
        network, optimizer_state = state
        drawn = jax.random.randint(jax.random.fold_in(key, step), (batch_size,), 0, values.shape[0])
        slope = jax.grad(loss)(network, drawn)
        # optax mixes Python and array scalars, which strict promotion would refuse.
        with jax.numpy_dtype_promotion("standard"):
            change, optimizer_state = optimizer.update(slope, optimizer_state, network)
            network = eqx.apply_updates(network, change)
        return (network, optimizer_state), None

    with jax.numpy_dtype_promotion("standard"):
        start = (network, optimizer.init(network))
    return lax.scan(update, start, jnp.arange(n_updates))[0][0]
