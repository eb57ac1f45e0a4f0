"""The best hedge under exponential utility, by dynamic programming."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from deephedge.numerics.cubic_weights import cubic_weights
from deephedge.optimum.asked import setting_of
from deephedge.optimum.backward import Backward, Grid, Setting, backward
from deephedge.optimum.grids import Resolution, grid_of, holdings_range
from deephedge.optimum.solved import Solved
from deephedge.optimum.variance_law import HestonLaw
from deephedge.policies.base import AbstractPolicy
from deephedge.policies.tabulated.band import TabulatedBand
from deephedge.policies.tabulated.state_grid import StateGrid
from deephedge.policies.tabulated.target import TabulatedTarget
from deephedge.policies.tabulated.trigger import TabulatedTrigger
from deephedge.risk.base import AbstractRiskMeasure
from deephedge.rollout.problem import HedgingProblem
from deephedge.typing import Array

MOST_WIDENINGS = 4
"""How often the range of holdings is doubled before a problem is given up."""


def solve_entropic(
    problem: HedgingProblem,
    risk: AbstractRiskMeasure,
    *,
    resolution: Resolution | None = None,
) -> Solved:
    r"""The least entropic risk of a sold claim, and the hedge that has it.

    $$\min_h \tfrac1a \log E\,e^{-a\,\mathrm{PnL}(h)}$$

    over all hedges that see the past, for a claim on the final price in `BlackScholes`, `Merton`,
    `Kou` or `Heston`, with no, proportional, fixed or quadratic costs. Backward over the dates on
    a grid of log-prices, variances and holdings, in certainty equivalents and in float64; wealth
    is no state. Jumps rarer in one step than 1e-12, and normal moves beyond 9 deviations (up to 19
    where the aversion is high), are left out: without that, the entropic risk of a short call that
    is not covered in full would be infinite in every one of these markets.
    In Heston the law is that of the library's paths.

    Reference: Hodges and Neuberger (1989); Davis, Panas and Zariphopoulou (1993).
    """
    resolution = Resolution() if resolution is None else resolution
    with jax.enable_x64(True):
        setting = setting_of(problem, risk, resolution.variances, resolution.deviations)
        low, high = holdings_range(setting)
        gap = (high - low) / (resolution.holdings - 1)
        for _ in range(MOST_WIDENINGS):
            grid = grid_of(setting, resolution, (low, high), gap)
            fine = backward(setting, grid)
            if not _pinned(fine, grid):
                break
            low, high = low - 0.5 * (high - low), high + 0.5 * (high - low)
        else:
            raise ValueError(
                f"the optimal holdings must lie within {low:g} and {high:g}, got more: the "
                "problem may have no optimum; lower the drift, or raise the aversion."
            )
        coarse_setting, wide = coarsened(setting, grid)
        coarse = backward(coarse_setting, wide)
        value = at_start(setting, fine)
        error = abs(value - at_start(coarse_setting, coarse))
        policy = _policy(problem, setting, grid, fine)
        decision = fine.decisions
        edges = (_between(setting, x[0, :, grid.n_prices // 2]) for x in decision[:2])
        lower, upper = (float(x) for x in edges)
    premium = float(problem.premium_at(problem.market.start()))
    return Solved(value - premium, error, lower, upper, policy)


def coarsened(setting: Setting, grid: Grid) -> tuple[Setting, Grid]:
    """The same sizes at half the resolution: nothing is compiled again."""
    wide = dataclasses.replace(grid, dx=2 * grid.dx, held=_doubled(grid.held))
    law = setting.law
    if isinstance(law, HestonLaw):
        first = law.roots[0]
        law = dataclasses.replace(law, roots=first + 2 * (law.roots - first))
    return dataclasses.replace(setting, law=law), wide


def _doubled(held: Array) -> Array:
    """As many holdings, twice as far apart; 0 is still one of them."""
    return 2 * held - 2 * held[held.shape[0] // 4]


def _pinned(solution: Backward, grid: Grid) -> bool:
    """Whether the region around the start is cut off at the first or the last of the holdings."""
    lower, upper = (np.asarray(x) for x in solution.decisions[2:4])
    third = grid.n_prices // 3
    lower, upper = (x[:, :, third : 2 * third] for x in (lower, upper))
    held = np.asarray(grid.held)
    return bool(np.any(lower >= held[-1]) or np.any(upper <= held[0]))


def _between(setting: Setting, values: Array) -> Array:
    """A value at the first date's variance, from those at the nodes."""
    if not isinstance(setting.law, HestonLaw):
        return values[0]
    roots = setting.law.roots
    position = (jnp.sqrt(setting.law.model.variance) - roots[0]) / (roots[1] - roots[0])
    left = int(np.clip(np.floor(position), 1, roots.shape[0] - 3))
    weights = jnp.stack(cubic_weights(position - left))
    return jnp.tensordot(weights, values[left - 1 : left + 3], axes=1)


def at_start(setting: Setting, solution: Backward) -> float:
    """The risk at the first date, with nothing held."""
    risk = solution.risk
    middle = risk.value.shape[1] // 2
    start = dataclasses.replace(risk, value=risk.value[:, middle], slope=risk.slope[:, middle]).at(
        jnp.zeros((risk.value.shape[0], 1), risk.value.dtype)
    )
    return float(_between(setting, start[:, 0]))


def _policy(
    problem: HedgingProblem, setting: Setting, grid: Grid, solution: Backward
) -> AbstractPolicy:
    """The tables of what to hold, in the problem's type."""
    dtype = problem.times.dtype
    roots = jnp.sqrt(setting.law.variances)
    parts = (setting.times[:-1], solution.levels, grid.log_prices(), roots)
    state_grid = StateGrid(*(_cast(x, dtype) for x in parts))
    decisions, held = solution.decisions, grid.held
    if decisions.target is not None:
        return TabulatedTarget(state_grid, _cast(held, dtype), _cast(decisions.target, dtype))
    tables = decisions[:4]
    if not setting.charges.has_fee:
        return TabulatedBand(state_grid, *(_cast(x, dtype) for x in tables[:2]))
    # No holdings on the grid are beyond its ends: an edge there stands for none.
    gap = held[1] - held[0]
    finite = (jnp.clip(x, held[0] - gap, held[-1] + gap) for x in tables)
    return TabulatedTrigger(state_grid, *(_cast(x, dtype) for x in finite))


def _cast(x: Array, dtype: jnp.dtype) -> Array:
    return jnp.asarray(np.asarray(x), dtype)
