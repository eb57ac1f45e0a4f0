"""The entropic risk of a given hedge, without simulation."""

from typing import NamedTuple

import jax
import numpy as np

from deephedge.optimum.asked import in_float64, setting_of
from deephedge.optimum.backward import backward
from deephedge.optimum.entropic import at_start, coarsened
from deephedge.optimum.given import Given
from deephedge.optimum.grids import Resolution, grid_of, holdings_range
from deephedge.policies.base import AbstractPolicy
from deephedge.risk.base import AbstractRiskMeasure
from deephedge.rollout.problem import HedgingProblem


class Judged(NamedTuple):
    """The risk of a hedge, on two grids."""

    value: float
    coarse: float
    """On a grid of half the resolution in every direction."""

    @property
    def error(self) -> float:
        """How far the two are apart: of the value's error, several times as much."""
        return abs(self.value - self.coarse)


def judge_entropic(
    problem: HedgingProblem,
    risk: AbstractRiskMeasure,
    policy: AbstractPolicy,
    *,
    resolution: Resolution | None = None,
) -> Judged:
    r"""The entropic risk of a hedge by the programme that finds the best: without sampling noise.

    $$J_k(s, h) = c(f_k(s, h) - h) + \tfrac1a \log E\bigl[e^{a (J_{k+1}(s', f_k(s, h))
      - f_k(s, h)\,\text{gain})}\bigr]$$

    where $f_k(s, h)$ is what the hedge holds who comes with h; on the grids, and for the problems,
    of `solve_entropic`. The hedge has no memory and sees no wealth: all classical targets and
    bands, learned bands, and `Feedforward`. Where aversion is so high that simulated risks are
    those of a few paths, this is still a number. It is that of the law without the tails that the
    programme leaves out, as the optimum is.
    """
    if jax.tree.leaves(policy.init()):
        raise ValueError(
            f"`policy` must remember nothing, got {type(policy).__name__}; compare it with the "
            "optimal hedge on simulated paths, by `compare`."
        )
    resolution = Resolution() if resolution is None else resolution
    with jax.enable_x64(True):
        setting = setting_of(problem, risk, resolution.variances, resolution.deviations)
        low, high = holdings_range(setting)
        gap = (high - low) / (resolution.holdings - 1)
        grid = grid_of(setting, resolution, (low, high), gap)
        given = in_float64(Given(policy, problem.market.start()))
        fine, coarse = (
            at_start(at, backward(at, on, given))
            for at, on in ((setting, grid), coarsened(setting, grid))
        )
    if not np.isfinite(fine):
        raise ValueError(
            f"`policy` must hold between {low:g} and {high:g} and see no wealth, since wealth is "
            f"no state; {type(policy).__name__} does not."
        )
    premium = float(problem.premium_at(problem.market.start()))
    return Judged(fine - premium, coarse - premium)
