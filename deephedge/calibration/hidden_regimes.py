"""Regimes that nobody tells one about, from a history of prices."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from deephedge.calibration.returns import log_returns
from deephedge.numerics import hidden_markov, safe
from deephedge.numerics.checks import at_least_one, positive, real
from deephedge.typing import Array, Float, Scalar


class HiddenRegimes(eqx.Module):
    r"""Log-returns over steps of `dt` years that are normal given a hidden Markov chain.

    $$r_t = m_j\,\Delta + \sigma_j\sqrt\Delta\,Z_t, \qquad P(j_t = k\,|\,j_{t-1} = i) = P_{ik}$$

    with m `means` and $\sigma$ `vols` per year; the regimes stand in the order of their
    volatility, the calmest first.

    Reference: Hamilton (1989).
    """

    means: Float[Array, " regime"] = eqx.field(converter=real("means"))
    vols: Float[Array, " regime"] = eqx.field(converter=positive("vols"))
    transition: Float[Array, "regime regime"] = eqx.field(converter=real("transition"))
    dt: Scalar = eqx.field(converter=positive("dt"))

    def log_density(self, returns: Float[Array, " step"]) -> Float[Array, "step regime"]:
        """Log-density of each log-return in each regime."""
        root = safe.sqrt(self.dt)
        return hidden_markov.normal_log_density(returns, self.means * self.dt, self.vols * root)

    def filtered(self, returns: Float[Array, " step"]) -> Float[Array, "step regime"]:
        """Chances of the regimes after each return, from the returns up to and with it.

        These may be traded on: no later return enters. The chain starts in its long run.
        """
        start = hidden_markov.stationary(self.transition)
        return hidden_markov.filtered(start, self.transition, self.log_density(returns))[0]

    def log_likelihood(self, returns: Float[Array, " step"]) -> Scalar:
        """Of the returns; differentiable in the parameters."""
        start = hidden_markov.stationary(self.transition)
        return hidden_markov.filtered(start, self.transition, self.log_density(returns))[2]


def fit_hidden_regimes(
    prices: object, *, dt: float = 1 / 252, n_regimes: int = 2, n_iterations: int = 200
) -> HiddenRegimes:
    """Regimes from prices that are `dt` years apart, by expectation-maximisation.

    Each iteration smooths with the parameters so far and takes the means, variances and moves
    that follow; the likelihood never falls. What is found is a local maximum, the nearest one to
    regimes cut by the size of recent moves. Pass only prices up to the date of the decision: the
    fit uses all of them.

    Reference: Hamilton (1990), Analysis of time series subject to changes in regime; Dempster,
    Laird and Rubin (1977).
    """
    at_least_one(n_regimes=n_regimes, n_iterations=n_iterations)
    _, returns = log_returns(prices, dt)
    if len(returns) < 20 * n_regimes:
        raise ValueError(
            f"`prices` must have at least {20 * n_regimes} returns for {n_regimes} regimes, got "
            f"{len(returns)}."
        )
    if np.var(returns) <= 0:
        raise ValueError("`prices` must move; the volatility is zero.")
    first = _first_guess(returns, n_regimes)
    # Lengths that double, so that fits to more and more years compile a few times only.
    room = 1 << (len(returns) - 1).bit_length()
    padded = np.pad(returns, (0, room - len(returns)))
    known = np.arange(room) < len(returns)
    data, counted = (jnp.asarray(x, dtype=float) for x in (padded, known))
    fitted = _maximised(data, counted, *first, n_iterations=n_iterations)
    means, deviations, transition = (np.asarray(x, dtype=float) for x in fitted)
    order = np.argsort(deviations)
    return HiddenRegimes(
        means=means[order] / dt,
        vols=deviations[order] / math.sqrt(dt),
        transition=transition[np.ix_(order, order)],
        dt=dt,
    )


def _first_guess(returns: np.ndarray, n: int) -> tuple[Array, Array, Array]:
    """Means and deviations of the returns, cut into equal parts by the size of recent moves."""
    size = np.sqrt(np.convolve(returns**2, np.ones(10) / 10, mode="full")[: len(returns)])
    rank = np.argsort(np.argsort(size)) * n // len(returns)
    parts = [returns[rank == i] for i in range(n)]
    stay = np.full((n, n), 0.05 / max(n - 1, 1))
    np.fill_diagonal(stay, 0.95 if n > 1 else 1.0)
    deviations = [max(float(np.std(part)), 1e-3 * float(np.std(returns))) for part in parts]
    return (
        jnp.asarray([float(np.mean(part)) for part in parts], dtype=float),
        jnp.asarray(deviations, dtype=float),
        jnp.asarray(stay, dtype=float),
    )


@eqx.filter_jit
def _maximised(
    returns: Float[Array, " step"],
    known: Float[Array, " step"],
    means: Float[Array, " regime"],
    deviations: Float[Array, " regime"],
    transition: Float[Array, "regime regime"],
    *,
    n_iterations: int,
) -> tuple[Array, Array, Array]:
    """Parameters after the iterations; a step that is not `known` is as good as not there."""
    n = jnp.sum(known)
    centre = jnp.sum(known * returns) / n
    # A regime of one return would have no variance and an infinite likelihood.
    least = 1e-3 * safe.sqrt(jnp.sum(known * (returns - centre) ** 2) / n)

    def iteration(_, parameters: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        means, deviations, transition = parameters
        density = hidden_markov.normal_log_density(returns, means, deviations)
        density = known[:, None] * density
        start = hidden_markov.stationary(transition)
        after, before, _ = hidden_markov.filtered(start, transition, density)
        chances, moves = hidden_markov.smoothed(after, before, transition, known)
        chances = known[:, None] * chances
        weight = jnp.sum(chances, axis=0)
        means = safe.divide(chances.T @ returns, weight)
        squares = (returns[:, None] - means[None, :]) ** 2
        variances = safe.divide(jnp.sum(chances * squares, axis=0), weight)
        transition = safe.divide(moves, jnp.sum(moves, axis=1, keepdims=True))
        return means, jnp.maximum(safe.sqrt(variances), least), transition

    return lax.fori_loop(0, n_iterations, iteration, (means, deviations, transition))


def regime_standard_errors(model: HiddenRegimes, prices: object) -> HiddenRegimes:
    """Standard errors of means, vols and the chances to leave, in the fields they belong to.

    From the curvature of the log-likelihood at the fitted parameters; the diagonal of
    `transition` has the errors of the chances to stay, the rest is 0. Two regimes only.
    """
    if model.vols.shape[0] != 2:
        raise ValueError(f"`model` must have two regimes, got {model.vols.shape[0]}.")
    _, returns = log_returns(prices, float(model.dt))
    data = jnp.asarray(returns, model.vols.dtype)

    def rebuilt(x: Float[Array, " parameter"]) -> HiddenRegimes:
        stay = x[4:]
        moves = jnp.stack([jnp.stack([stay[0], 1 - stay[0]]), jnp.stack([1 - stay[1], stay[1]])])
        return HiddenRegimes(means=x[:2], vols=x[2:4], transition=moves, dt=model.dt)

    at = jnp.concatenate([model.means, model.vols, jnp.diag(model.transition)])
    # Six parameters: forward twice, which needs no memory of the scan.
    slope = jax.jacfwd(lambda x: -rebuilt(x).log_likelihood(data))
    curvature = jax.jit(jax.jacfwd(slope))(at)
    errors = safe.sqrt(jnp.diag(jnp.linalg.inv(curvature)))
    return eqx.tree_at(
        lambda m: (m.means, m.vols, m.transition),
        model,
        (errors[:2], errors[2:4], jnp.diag(errors[4:])),
    )
