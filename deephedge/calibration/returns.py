"""Model parameters from a history of prices, by maximum likelihood."""

import dataclasses
import math
from collections.abc import Callable, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optimistix

from deephedge.calibration.domains import Domain
from deephedge.markets.base import AbstractModel
from deephedge.markets.black_scholes import BlackScholes
from deephedge.markets.merton import Merton
from deephedge.typing import Array, Float, Scalar

MOST_JUMPS = 20
"""Jumps between two prices that the density counts."""

Parameters = tuple[tuple[str, Domain], ...]
"""Names and domains of what is fitted."""

Density = Callable[[Array, Array, Array], Array]
"""From parameters, log-returns and dt to the log-density of each log-return."""

_LINE, _HALF = Domain(-math.inf, math.inf), Domain(0.0, math.inf)
_MERTON = (
    ("drift", _LINE),
    ("vol", _HALF),
    ("intensity", _HALF),
    ("jump_mean", _LINE),
    ("jump_vol", _HALF),
)


@dataclasses.dataclass(frozen=True)
class Fitted:
    """A model under the real-world measure, with its drift, starting from the last price."""

    model: AbstractModel
    parameters: dict[str, float]
    standard_errors: dict[str, float]
    """Of the observed information; infinite where the likelihood is flat."""
    log_likelihood: float
    """Of the log-returns."""
    converged: bool


def fit_black_scholes(prices: object, *, dt: float) -> Fitted:
    r"""Geometric Brownian motion, in closed form, from prices that are `dt` years apart.

    With m and $s^2$ the mean and variance (over n) of the log-returns, $\sigma^2 = s^2/dt$ and
    $\mu = m/dt + \sigma^2/2$, with standard errors $\sigma/\sqrt{2n}$ and
    $\sqrt{\sigma^2/(n\,dt) + \sigma^4/(2n)}$.
    """
    prices, returns = log_returns(prices, dt)
    n, variance = len(returns), float(np.var(returns))
    if variance <= 0:
        raise ValueError("`prices` must move; the volatility is zero.")
    vol = math.sqrt(variance / dt)
    drift = float(np.mean(returns)) / dt + 0.5 * vol**2
    return Fitted(
        model=BlackScholes(spot=prices[-1], vol=vol, drift=drift),
        parameters={"drift": drift, "vol": vol},
        standard_errors={
            "drift": math.sqrt(vol**2 / (n * dt) + vol**4 / (2 * n)),
            "vol": vol / math.sqrt(2 * n),
        },
        log_likelihood=-0.5 * n * (math.log(2.0 * math.pi * variance) + 1.0),
        converged=True,
    )


def fit_merton(
    prices: object, *, dt: float, start: Merton | None = None, max_steps: int = 2000
) -> Fitted:
    r"""Merton's jump diffusion from prices that are `dt` years apart.

    The log-return is a mixture over the number n of jumps, Poisson with mean $\lambda\,dt$, of
    normals with mean $(\mu - \sigma^2/2 - \lambda k)\,dt + n m$ and variance $\sigma^2 dt + n s^2$.
    The likelihood is unbounded as the volatility goes to 0, so what is found is a local maximum.

    Args:
        prices: positive, evenly spaced in time.
        dt: years between two prices.
        start: where the search starts; left out, from the variance and the large returns.
        max_steps: of the search.

    Reference: Merton (1976); Honoré (1998), Pitfalls in estimating jump-diffusion models.
    """
    prices, returns = log_returns(prices, dt)
    if start is None:
        start = _first_guess(returns, dt, prices[-1])
    begin = [_start_value(start, name) for name, _ in _MERTON]
    found = maximum_likelihood(merton_log_density, _MERTON, begin, returns, dt, max_steps)
    return Fitted(dataclasses.replace(start, spot=prices[-1], **found[0]), *found)


def maximum_likelihood(
    density: Density,
    fitted: Parameters,
    start: Sequence[float],
    returns: np.ndarray,
    dt: float,
    max_steps: int,
) -> tuple[dict[str, float], dict[str, float], float, bool]:
    """Parameters, their standard errors, the log-likelihood, and whether the search converged."""
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        with jax.numpy_rank_promotion("allow"):
            raw = [d.unbounded(jnp.asarray(x)) for x, (_, d) in zip(start, fitted, strict=True)]
            data, step = jnp.asarray(returns), jnp.asarray(float(dt))
            solved = _maximise(density, fitted, jnp.stack(raw), data, step, max_steps)
            values, slope, information, likelihood = (np.asarray(x) for x in solved[1:])
    names = [name for name, _ in fitted]
    return (
        {name: float(x) for name, x in zip(names, values, strict=True)},
        dict(zip(names, _errors(information), strict=True)),
        float(likelihood),
        bool(solved[0] == optimistix.RESULTS.successful) or _at_maximum(slope, information),
    )


def merton_log_density(
    parameters: Float[Array, " parameter"], returns: Float[Array, " step"], dt: Scalar
) -> Float[Array, " step"]:
    """Log-density of each log-return; parameters are drift, vol, intensity, jump mean and vol."""
    drift, vol, intensity, jump_mean, jump_vol = parameters
    count = jnp.arange(MOST_JUMPS, dtype=returns.dtype)
    expected = intensity * dt
    log_chance = count * jnp.log(expected) - expected - jax.lax.lgamma(count + 1.0)
    compensator = jnp.expm1(jump_mean + 0.5 * jump_vol**2)
    mean = (drift - 0.5 * vol**2 - intensity * compensator) * dt + count * jump_mean
    variance = vol**2 * dt + count * jump_vol**2
    distance = (returns[:, None] - mean[None, :]) ** 2 / variance[None, :]
    log_normal = -0.5 * (distance + jnp.log(2.0 * jnp.pi * variance)[None, :])
    return jax.nn.logsumexp(log_chance[None, :] + log_normal, axis=1)


@eqx.filter_jit
def _maximise(
    density: Density,
    fitted: Parameters,
    start: Float[Array, " parameter"],
    returns: Float[Array, " step"],
    dt: Scalar,
    max_steps: int,
):
    def values(x: Array) -> Array:
        return jnp.stack([domain.value(x[i]) for i, (_, domain) in enumerate(fitted)])

    def total(parameters: Array) -> Scalar:
        return jnp.sum(density(parameters, returns, dt))

    def loss(x: Array, _) -> Scalar:
        return -total(values(x)) / len(returns)

    # The square root of rounding: nearer to its minimum the loss no longer changes.
    solver = optimistix.BFGS(rtol=1e-6, atol=1e-7)
    found = optimistix.minimise(loss, solver, start, max_steps=max_steps, throw=False)
    best = values(found.value)
    return found.result, best, jax.grad(total)(best), -jax.hessian(total)(best), total(best)


def _at_maximum(slope: np.ndarray, information: np.ndarray) -> bool:
    r"""Whether Newton's next step would gain less than $10^{-3}$ of log-likelihood.

    That is a step of 0.04 standard errors. A search that rounding stops there has arrived.
    """
    if not np.all(np.isfinite(information)) or np.linalg.eigvalsh(information)[0] <= 0:
        return False
    return bool(0.5 * slope @ np.linalg.solve(information, slope) < 1e-3)


def _errors(information: np.ndarray) -> list[float]:
    """Roots of the diagonal of the inverse; infinite if it is not positive definite."""
    size = np.sqrt(np.abs(np.diag(information)))
    unit = np.where(size > 0, size, 1.0)
    scaled = information / np.outer(unit, unit)
    if not np.all(np.isfinite(scaled)) or np.linalg.eigvalsh(scaled)[0] < 1e-12:
        return [math.inf] * len(unit)
    return (np.sqrt(np.diag(np.linalg.inv(scaled))) / unit).tolist()


def _first_guess(returns: np.ndarray, dt: float, spot: float) -> Merton:
    """Returns beyond three deviations are taken for jumps, the others for the diffusion."""
    centred = returns - np.median(returns)
    deviation = 1.4826 * float(np.median(np.abs(centred)))
    deviation = deviation if deviation > 0 else float(np.std(returns))
    large = centred[np.abs(centred) > 3.0 * deviation]
    some = len(large) > 1
    return Merton(
        spot=spot,
        vol=deviation / math.sqrt(dt),
        intensity=max(len(large), 1) / (len(returns) * dt),
        jump_mean=float(np.mean(large)) if some else 0.0,
        jump_vol=max(float(np.std(large)) if some else 0.0, 2.0 * deviation),
        drift=float(np.mean(returns)) / dt + 0.5 * float(np.var(returns)) / dt,
    )


def _start_value(start: Merton, name: str) -> float:
    value = vars(start)[name]
    number = 0.0 if value is None else float(value)
    if name in ("vol", "intensity", "jump_vol") and number <= 0:
        raise ValueError(f"`{name}` must start above 0 to be fitted, got {number:g}.")
    return number


def log_returns(prices: object, dt: float) -> tuple[np.ndarray, np.ndarray]:
    """The prices and their log-returns, checked."""
    try:
        values = np.asarray(prices, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError("`prices` must be numbers.") from None
    if values.ndim != 1 or len(values) < 10:
        raise ValueError(f"`prices` must be one column of 10 or more, got shape {values.shape}.")
    good = np.isfinite(values) & (values > 0)
    if not np.all(good):
        i = int(np.argmin(good))
        raise ValueError(f"`prices` must be positive, got {values[i]:g} in row {i + 1}.")
    if not (math.isfinite(dt) and dt > 0):
        raise ValueError(f"`dt` must be positive, got {dt:g}.")
    return values, np.diff(np.log(values))
