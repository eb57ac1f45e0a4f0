"""A market without statistical arbitrage, made of the weighted paths of another."""

import dataclasses
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deephedge.markets.base import AbstractMarket, Contracts, Path, Snapshot, no_progress
from deephedge.markets.historical import Historical
from deephedge.markets.simulate import simulate
from deephedge.numerics import normal
from deephedge.numerics.checks import non_negative
from deephedge.typing import Array, Float, PRNGKeyArray, Scalar

MOST_ITERATIONS = 100
"""Newton steps before a set of paths counts as one that allows arbitrage."""

Signals = Callable[[Snapshot], Float[Array, " signal"]]


def usual_signals(now: Snapshot) -> Float[Array, " signal"]:
    """One, the discounted prices and the factors."""
    one = jnp.ones(1, now.prices.dtype)
    return jnp.concatenate([one, now.discount * now.prices * now.accrual, now.factors])


def elementary_gains(paths: Path, signals: Signals = usual_signals) -> Float[Array, "path gain"]:
    r"""Gains in today's money of holding one signal in one asset over one step.

    $f_k(t)\,(\tilde S_{t+1} - \tilde S_t)$ with the discounted price $\tilde S$, dividends
    reinvested: a column for each step, signal k and asset. Signals other than the first are taken
    less their mean and in units of their deviation over the paths, which spans the same gains.
    """
    worth = paths.discount[:, :, None] * paths.prices * paths.accrual
    moves = jnp.diff(worth, axis=1)
    known = jax.vmap(jax.vmap(signals))(jax.vmap(Path.snapshots)(paths))[:, :-1]
    spread = jnp.std(known, axis=0, keepdims=True)
    # A signal that is the same on every path, as all are at the start, is the constant once more.
    varies = spread > 1e-6 * jnp.max(jnp.abs(known), axis=0, keepdims=True)
    standard = (known - jnp.mean(known, axis=0, keepdims=True)) / jnp.where(varies, spread, 1.0)
    standard = jnp.where(varies, standard, 0.0).at[:, :, 0].set(1.0)
    gains = standard[:, :, :, None] * moves[:, :, None, :]
    return gains.reshape(gains.shape[0], -1)


def martingale_weights(
    gains: Float[Array, "path gain"], *, tolerance: float = 1e-9
) -> Float[Array, " path"]:
    r"""Probabilities of the paths, nearest in entropy to equal ones, under which no gain is left.

    $$w_i = \frac{e^{-\theta\cdot G_i}}{\sum_j e^{-\theta\cdot G_j}}, \qquad
    \theta = \arg\min_\theta \log\frac1n\sum_i e^{-\theta\cdot G_i},$$

    the minimal-entropy martingale measure among those on the paths. Then $\sum_i w_i G_i = 0$, so
    that no combination of the gains has a mean, whatever its risk. The convex dual is solved by
    Newton's method in float64 on the host, until the mean of every gain is `tolerance` of its
    deviation. Take many more paths than gains. Gains that can win and never lose raise an error,
    unless weights near 0 on the winning paths bring them within the tolerance.

    Reference: Buehler, Murray, Pakkanen and Wood (2021), Deep hedging: learning to remove the
    drift under trading frictions with minimal equivalent near-martingale measures, section 3.
    """
    raw = np.asarray(gains, dtype=np.float64)
    scale = raw.std(axis=0)
    live = scale > 1e-12 * max(float(scale.max(initial=0.0)), 1e-300)
    unit = raw[:, live] / scale[live]
    theta = np.zeros(unit.shape[1])
    value, weights = _dual(unit, theta)
    for _ in range(MOST_ITERATIONS):
        mean = weights @ unit
        if np.all(np.abs(mean) < tolerance):
            return jnp.asarray(weights, dtype=gains.dtype)
        centred = unit - mean
        curvature = (weights[:, None] * centred).T @ centred
        # Gains may be collinear: the least-norm step.
        step = np.linalg.lstsq(curvature, mean, rcond=1e-12)[0]
        length, slope = 1.0, float(mean @ step)
        while True:
            trial, trial_weights = _dual(unit, theta + length * step)
            if trial <= value - 0.25 * length * slope + 1e-14 or length < 1e-8:
                break
            length *= 0.5
        theta, value, weights = theta + length * step, trial, trial_weights
    raise ValueError(
        f"`gains` must leave no arbitrage on the paths, got {unit.shape[1]} gains on "
        f"{unit.shape[0]} paths that no weights make fair; pass more paths or fewer signals."
    )


def _dual(gains: np.ndarray, theta: np.ndarray) -> tuple[float, np.ndarray]:
    """The dual objective and its weights."""
    exponent = -(gains @ theta)
    top = exponent.max()
    terms = np.exp(exponent - top)
    return float(top + np.log(terms.mean())), terms / terms.sum()


class DriftFree(AbstractMarket):
    r"""Given paths, drawn again with the probabilities `martingale_weights` gives them.

    `DriftFree.of` simulates a market and reweights its paths, so that no strategy linear in the
    signals of each date earns anything in the mean: a hedge trained on what is left hedges, and
    does not bet on the drift of the sample. The prices themselves stay as they are. One normal a
    step, of which only the first picks the path; `times` must be the first of the paths' own
    dates. Every path starts at its own factors. The contracts that its columns are, and so what
    their rolls cost, are those of `origin`, the market that made the paths; without one every
    column is an asset for good.

    Reference: Buehler, Murray, Pakkanen and Wood (2021).
    """

    paths: Path
    weights: Float[Array, " path"] = eqx.field(converter=non_negative("weights"))
    origin: AbstractMarket | None = None

    def __check_init__(self):
        if self.weights.shape != self.paths.time.shape[:1]:
            raise ValueError(
                f"`weights` must have a value per path, {self.paths.time.shape[0]}, got shape "
                f"{self.weights.shape}."
            )

    @classmethod
    def of(
        cls,
        market: AbstractMarket,
        times: Float[Array, " time"],
        n_paths: int,
        *,
        key: PRNGKeyArray,
        signals: Signals = usual_signals,
    ) -> "DriftFree":
        """`n_paths` paths of the market, reweighted."""
        paths = simulate(market, times, n_paths, key=key)
        return cls(paths, martingale_weights(elementary_gains(paths, signals)), market)

    @property
    def normals_per_step(self) -> int:
        return 1

    def start(self) -> Snapshot:
        """The state at time 0, with the weighted mean of the factors: every path has its own."""
        first = jax.tree.map(lambda x: x[0], self.paths).at(0)
        factors = self.weights @ self.paths.factors[:, 0] / jnp.sum(self.weights)
        return eqx.tree_at(lambda now: now.factors, first, factors)

    def path(self, times: Float[Array, " time"], normals: Float[Array, "step normal"]) -> Path:
        n_dates = times.shape[0]
        if n_dates > self.paths.time.shape[1]:
            raise ValueError(
                f"`times` must be dates of the paths, {self.paths.time.shape[1]}, got {n_dates}."
            )
        drawn = jax.tree.map(lambda x: x[self._pick(normals[0, 0])][:n_dates], self.paths)
        return Path(
            time=times,
            prices=drawn.prices,
            factors=drawn.factors,
            discount=drawn.discount,
            accrual=drawn.accrual,
            progress=no_progress(times),
        )

    def contracts(self, path: Path) -> Contracts | None:
        return None if self.origin is None else self.origin.contracts(path)

    def _pick(self, z: Scalar) -> Array:
        """The path at the quantile of the normal z."""
        reached = jnp.cumsum(self.weights)
        place = jnp.searchsorted(reached, normal.cdf(z) * reached[-1], side="right")
        return jnp.minimum(place, reached.shape[0] - 1)

    @classmethod
    def example(cls) -> "DriftFree":
        """A typical member: paths of a bootstrap that keeps the drift of its record."""
        market = dataclasses.replace(Historical.example(), keep_drift=True)
        times = jnp.arange(11, dtype=market.spot.dtype) / 252.0
        return cls.of(market, times, 1024, key=jax.random.key(0))
