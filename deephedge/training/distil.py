"""From a trained or an optimal band to a formula that can be read."""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deephedge.markets.base import Path
from deephedge.markets.simulate import simulate
from deephedge.policies.base import AbstractBandPolicy
from deephedge.policies.classical.band_formula import BandFormula
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
    """Share of the variation of the half-widths that the formula explains."""
    middle_error: float
    """Root mean square distance between the middles of the bands, in units."""


class _Rows(NamedTuple):
    """What a lesson shows at each state, as columns of numbers."""

    logs: Float[np.ndarray, "state power"]
    width: Float[np.ndarray, " state"]
    middle: Float[np.ndarray, " state"]


def distil(
    lessons: Sequence[Lesson], *, asset: int = 0, key: PRNGKeyArray, n_paths: int = 256
) -> Distilled:
    r"""The band formula nearest to given bands, on the states that paths of their markets visit.

    $\log w = \log A + p \log\varepsilon + q \log(S\Gamma^2/\lambda) + r \log\tau$ by least
    squares, each state counted with its $w^2$, so that it is the error in units that is small;
    then the shift of the volatility by least squares of the middles. A power that the lessons do
    not tell (that of the cost, from one cost alone) stays what the first lesson's formula says.
    """
    rows = [_rows(lesson, asset, key, n_paths) for lesson in lessons]
    logs, width, middle = (np.concatenate(x) for x in zip(*rows, strict=True))
    first = lessons[0].start
    names = ("cost_power", "gamma_power", "time_power")
    began = np.asarray([np.log(float(first.scale)), *(float(vars(first)[x]) for x in names)])
    left = np.log(width) - logs @ began
    # The smallest change that fits best: what is not told keeps its value.
    change = np.linalg.lstsq(logs * width[:, None], left * width, rcond=1e-8)[0]
    fit = began + change
    powers = dict(zip(names, fit[1:], strict=True)) | {"scale": np.exp(fit[0])}
    shift = _shift(lessons, asset, key, n_paths)
    rules = tuple(_with(lesson.start, {**powers, "vol_shift": shift}) for lesson in lessons)
    found = np.exp(logs @ fit)
    explained = 1.0 - np.sum((found - width) ** 2) / np.sum((width - width.mean()) ** 2)
    error = _middle_errors(lessons, asset, key, n_paths, shift)
    return Distilled(rules, float(explained), float(np.sqrt(error / len(middle))))


def _with(rule: BandFormula, numbers: dict[str, float]) -> BandFormula:
    """The formula with other powers, in its own type."""
    names = list(numbers)
    return eqx.tree_at(
        lambda x: [vars(x)[name] for name in names],
        rule,
        [jnp.asarray(numbers[name], rule.cost_rate.dtype) for name in names],
    )


def _rows(lesson: Lesson, asset: int, key: PRNGKeyArray, n_paths: int) -> _Rows:
    logs, width, middle = _seen(lesson, _paths(lesson, key, n_paths), asset)
    logs, width, middle = (np.asarray(x).reshape(-1, *x.shape[2:]) for x in (logs, width, middle))
    kept = np.all(np.isfinite(logs), axis=1) & (width > 1e-6) & (width < NEVER)
    if not kept.any():
        raise ValueError(
            f"`band` must be between 0 and {NEVER} units wide at some state, got none such."
        )
    return _Rows(logs[kept], width[kept], middle[kept])


def _paths(lesson: Lesson, key: PRNGKeyArray, n_paths: int) -> Path:
    return simulate(lesson.problem.market, lesson.problem.times, n_paths, key=key)


@eqx.filter_jit
def _seen(lesson: Lesson, paths: Path, asset: int) -> tuple[Array, Array, Array]:
    """Logs of what the width is made of, the width and the middle; by path and date."""
    start = lesson.start

    def one(now) -> tuple[Array, Array, Array]:
        lower, upper = lesson.band.band(now)
        _, gamma = model_delta_gamma(start.pricer, start.claim, now)
        curvature = now.prices * gamma**2 / (start.aversion * now.discount)
        logs = jnp.stack(
            [
                jnp.ones_like(now.time),
                jnp.log(start.cost_rate),
                jnp.log(curvature[asset]),
                jnp.log(start.claim.tau(now)),
            ]
        )
        return logs, 0.5 * (upper - lower)[asset], 0.5 * (upper + lower)[asset]

    def of_path(path: Path) -> tuple[Array, Array, Array]:
        path = eqx.tree_at(lambda x: x.progress, path, lesson.problem.claim.progress(path))
        return jax.vmap(one)(jax.tree.map(lambda x: x[:-1], path.snapshots()))

    return jax.vmap(of_path)(paths)


@eqx.filter_jit
def _squares(lesson: Lesson, paths: Path, asset: int, shift: Array) -> Array:
    """Squared distance of the middles where the band is narrow enough to say something."""
    rule = eqx.tree_at(lambda x: x.vol_shift, lesson.start, shift)
    _, width, middle = _seen(lesson, paths, asset)
    _, _, own = _seen(lesson._replace(band=rule), paths, asset)
    return jnp.sum(jnp.where((width > 1e-6) & (width < NEVER), (own - middle) ** 2, 0.0))


def _middle_errors(
    lessons: Sequence[Lesson], asset: int, key: PRNGKeyArray, n_paths: int, shift: float
) -> float:
    total = 0.0
    for lesson in lessons:
        value = jnp.asarray(shift, lesson.start.vol_shift.dtype)
        total += float(_squares(lesson, _paths(lesson, key, n_paths), asset, value))
    return total


def _shift(lessons: Sequence[Lesson], asset: int, key: PRNGKeyArray, n_paths: int) -> float:
    """The shift of the volatility with the least squares, by golden sections."""

    def errors(shift: float) -> float:
        return _middle_errors(lessons, asset, key, n_paths, shift)

    vols = [float(x.start.pricer.vol_at(x.problem.market.start())) for x in lessons]
    low, high, golden = -0.5 * min(vols), 2.0 * min(vols), 0.5 * (5**0.5 - 1)
    left, right = high - golden * (high - low), low + golden * (high - low)
    at_left, at_right = errors(left), errors(right)
    while high - low > 1e-6:
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - golden * (high - low)
            at_left = errors(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + golden * (high - low)
            at_right = errors(right)
    return 0.5 * (low + high)
