"""From a trained or an optimal band to a formula that can be read."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deephedge.markets.base import Path
from deephedge.markets.simulate import simulate
from deephedge.policies.base import AbstractBandPolicy
from deephedge.policies.classical.band_formula import BandFormula, floor_width
from deephedge.policies.greeks import model_delta_gamma
from deephedge.rollout.problem import HedgingProblem
from deephedge.typing import Array, Float, PRNGKeyArray

NEVER = 0.5
"""Half-width, in units, beyond which a band says no more than not to trade."""


class Lesson(NamedTuple):
    """A band to learn from, where it stands, and the formula with that problem's own numbers."""

    problem: HedgingProblem
    band: AbstractBandPolicy
    start: BandFormula


class Distilled(NamedTuple):
    """The formulas, which differ in their problems' numbers alone, and how well they fit."""

    rules: tuple[BandFormula, ...]
    """One a lesson; `str(rule)` is the formula."""
    explained: float
    """Share of the variation of the half-widths that the formula explains, weighted as fitted."""
    middle_error: float
    """Root mean square distance between the middles of the bands, in units."""


class _Rows(NamedTuple):
    """What a lesson shows at each state, as columns of numbers."""

    speed: Float[np.ndarray, " state"]
    """How far delta goes when the price moves by its own size, S gamma: what makes for trades."""
    floor: Float[np.ndarray, " state"]
    logs: Float[np.ndarray, "state power"]
    width: Float[np.ndarray, " state"]
    middle: Float[np.ndarray, " state"]


def distil(
    lessons: Sequence[Lesson], *, asset: int = 0, key: PRNGKeyArray, n_paths: int = 256
) -> Distilled:
    r"""The band formula nearest to given bands, on the states that paths of their markets visit.

    For each B, $\log(w - B w_0) = \log A + p \log\varepsilon + q \log(S\Gamma^2/\lambda)
    + r \log\tau$ by least squares, each state counted with the square of what stands in the
    logarithm, so that it is the error in units that is small, and with that of $S\Gamma$: where
    delta stands still nothing is traded. The best B, and then the shift of the volatility by least
    squares of the middles, by golden sections. A power that the lessons do not tell (that of the
    cost, from one cost alone) stays what the first lesson's formula says.
    """
    rows = [_rows(lesson, asset, key, n_paths) for lesson in lessons]
    speed, floor, logs, width, _ = (np.concatenate(x) for x in zip(*rows, strict=True))
    first = lessons[0].start
    names = ("cost_power", "gamma_power", "time_power")
    began = np.asarray([np.log(float(first.scale)), *(float(vars(first)[x]) for x in names)])

    def fitted(share: float) -> tuple[np.ndarray, np.ndarray]:
        """The powers, and the half-widths that they make."""
        rest = np.maximum(width - share * floor, 1e-6)
        left = np.log(rest) - logs @ began
        # The smallest change that fits best: what is not told keeps its value.
        weight = speed * rest
        change = np.linalg.lstsq(logs * weight[:, None], left * weight, rcond=1e-8)[0]
        return began + change, share * floor + np.exp(logs @ (began + change))

    weights = speed**2 / np.sum(speed**2)
    share = _least(lambda x: float(np.sum(weights * (fitted(x)[1] - width) ** 2)), 0.0, 2.0)
    fit, found = fitted(share)

    def errors(shift: float) -> float:
        return _middle_errors(lessons, asset, key, n_paths, shift)

    shift = _least(errors, -10.0, 40.0)
    powers = dict(zip(names, fit[1:], strict=True)) | {"scale": np.exp(fit[0])}
    numbers = {**powers, "floor": share, "vol_shift": shift}
    rules = tuple(_with(lesson.start, numbers) for lesson in lessons)
    spread = np.sum(weights * (width - np.sum(weights * width)) ** 2)
    explained = 1.0 - np.sum(weights * (found - width) ** 2) / spread
    error = np.sqrt(errors(shift) / np.sum(speed**2))
    return Distilled(rules, float(explained), float(error))


def _with(rule: BandFormula, numbers: dict[str, float]) -> BandFormula:
    """The formula with other powers, in its own type."""
    names = list(numbers)
    return eqx.tree_at(
        lambda x: [vars(x)[name] for name in names],
        rule,
        [jnp.asarray(numbers[name], rule.cost_rate.dtype) for name in names],
    )


def _rows(lesson: Lesson, asset: int, key: PRNGKeyArray, n_paths: int) -> _Rows:
    seen = _seen(lesson, _paths(lesson, key, n_paths), asset)
    speed, floor, logs, width, middle = (np.asarray(x).reshape(-1, *x.shape[2:]) for x in seen)
    kept = np.all(np.isfinite(logs), axis=1) & (width > 1e-6) & (width < NEVER)
    if not kept.any():
        raise ValueError(
            f"`band` must be between 0 and {NEVER} units wide at some state, got none such."
        )
    return _Rows(speed[kept], floor[kept], logs[kept], width[kept], middle[kept])


def _paths(lesson: Lesson, key: PRNGKeyArray, n_paths: int) -> Path:
    return simulate(lesson.problem.market, lesson.problem.times, n_paths, key=key)


@eqx.filter_jit
def _seen(lesson: Lesson, paths: Path, asset: int) -> tuple[Array, Array, Array, Array, Array]:
    """The speed, the floor, logs of what the rest of the width is made of, width and middle."""
    start = lesson.start

    def one(now) -> tuple[Array, Array, Array, Array, Array]:
        lower, upper = lesson.band.band(now)
        _, gamma = model_delta_gamma(start.pricer, start.claim, now)
        aversion, tau = start.aversion * now.discount, start.claim.tau(now)
        curvature = now.prices * gamma**2 / aversion
        floor = floor_width(start.pricer.vol_at(now), tau, now, start.cost_rate, aversion)
        logs = jnp.stack(
            [
                jnp.ones_like(now.time),
                jnp.log(start.cost_rate),
                jnp.log(curvature[asset]),
                jnp.log(tau),
            ]
        )
        width, middle = 0.5 * (upper - lower), 0.5 * (upper + lower)
        speed = now.prices * jnp.sqrt(gamma**2)
        return speed[asset], floor[asset], logs, width[asset], middle[asset]

    def of_path(path: Path) -> tuple[Array, Array, Array, Array, Array]:
        path = eqx.tree_at(lambda x: x.progress, path, lesson.problem.claim.progress(path))
        return jax.vmap(one)(jax.tree.map(lambda x: x[:-1], path.snapshots()))

    return jax.vmap(of_path)(paths)


@eqx.filter_jit
def _squares(lesson: Lesson, paths: Path, asset: int, shift: Array) -> Array:
    """Squared distance of the middles where the band is narrow enough to say something."""
    rule = eqx.tree_at(lambda x: x.vol_shift, lesson.start, shift)
    speed, _, _, width, middle = _seen(lesson, paths, asset)
    *_, own = _seen(lesson._replace(band=rule), paths, asset)
    told = (width > 1e-6) & (width < NEVER)
    return jnp.sum(jnp.where(told, (speed * (own - middle)) ** 2, 0.0))


def _middle_errors(
    lessons: Sequence[Lesson], asset: int, key: PRNGKeyArray, n_paths: int, shift: float
) -> float:
    total = 0.0
    for lesson in lessons:
        value = jnp.asarray(shift, lesson.start.vol_shift.dtype)
        total += float(_squares(lesson, _paths(lesson, key, n_paths), asset, value))
    return total


def _least(errors: Callable[[float], float], low: float, high: float) -> float:
    """Where a function of one number is least, by golden sections."""
    golden, close = 0.5 * (5**0.5 - 1), 1e-5 * (high - low)
    left, right = high - golden * (high - low), low + golden * (high - low)
    at_left, at_right = errors(left), errors(right)
    while high - low > close:
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - golden * (high - low)
            at_left = errors(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + golden * (high - low)
            at_right = errors(right)
    return 0.5 * (low + high)
