"""How far and how fine the grids of dynamic programming are."""

import dataclasses
import math

import jax.numpy as jnp
import numpy as np

from deephedge.claims.base import Pieces
from deephedge.optimum.backward import Grid, Setting, whole_blocks
from deephedge.optimum.law import ExponentialJumps, NormalJumps
from deephedge.optimum.variance_law import HestonLaw

TAIL = 1e-12
"""The probability beyond which jumps in one step are left out."""

STEEPEST = 0.8
"""How much the exponent of the unhedged payoff may change from one log-price to the next."""

FARTHEST = 12.0
"""How many deviations more than seven a step is followed, at most, where aversion is high."""


@dataclasses.dataclass(frozen=True)
class Resolution:
    """How fine the grids are.

    Args:
        prices: log-prices within one deviation of the shortest step; 2 at least. Up to four times
            as many are taken where the aversion is so high that they would be too few.
        holdings: holdings from the lowest to the highest that the claim may ask for.
        variances: nodes of the variance, where it is a state.
        deviations: how many deviations of the price until maturity the grid covers, either side.
        step_deviations: how many deviations one step may cross; more where the aversion is so high
            that these would matter.
    """

    prices: float = 5.0
    holdings: int = 81
    variances: int = 17
    deviations: float = 7.0
    step_deviations: float = 9.0

    def __post_init__(self):
        if self.prices < 2 or self.holdings < 9 or self.variances < 5:
            raise ValueError(
                "`Resolution` must have at least 2 prices, 9 holdings and 5 variances, got "
                f"{self.prices:g}, {self.holdings} and {self.variances}."
            )


def holdings_range(setting: Setting) -> tuple[float, float]:
    """The least and the most units that a hedger may want: slopes of the payoff, and some more."""
    pieces = setting.claim.pieces()
    vol, dt = _vol(setting), float(np.min(np.diff(np.asarray(setting.times))))
    slopes, jumps = _slopes(pieces)
    peak = float(np.max(np.abs(jumps) / np.asarray(pieces.strike).clip(1e-300), initial=0.0))
    peak *= 0.4 / (vol * math.sqrt(dt))
    excess = float(setting.law.growth - setting.rate + setting.dividend)
    # What a hedger with that aversion would hold for the drift's sake (Merton, 1969).
    bet = abs(excess) / (float(setting.aversion * setting.spot) * vol**2)
    low, high = min(slopes.min(), 0.0) - peak, max(slopes.max(), 0.0) + peak
    margin = 0.1 * (high - low) if high > low else 0.05
    return low - margin - bet, high + margin + bet


def _slopes(pieces: Pieces) -> tuple[np.ndarray, np.ndarray]:
    """Slopes of the payoff between its strikes, and its jumps there."""
    cash, shares, strike, sign = (
        np.asarray(x) for x in (pieces.cash, pieces.shares, pieces.strike, pieces.sign)
    )
    levels = np.unique(strike)
    between = np.concatenate([levels[:1] * 0.5, 0.5 * (levels[1:] + levels[:-1]), levels[-1:] * 2])
    slopes = np.array([np.sum(shares[sign * (s - strike) > 0]) for s in between])
    jumps = np.array([np.sum((sign * (cash + shares * k))[strike == k]) for k in levels])
    return slopes, np.array([jumps[list(levels).index(k)] for k in strike])


def _steepness(setting: Setting) -> float:
    """The change of the exponent with the log-price: aversion times price times slopes' range."""
    slopes, _ = _slopes(setting.claim.pieces())
    change = float(np.ptp(np.append(slopes, 0.0)))
    return max(float(setting.aversion * setting.spot) * change, 1e-300)


def _vol(setting: Setting) -> float:
    """The volatility of the diffusion at the start."""
    law = setting.law
    variance = law.model.variance if isinstance(law, HestonLaw) else law.variances[0]
    return math.sqrt(float(variance))


def grid_of(
    setting: Setting, resolution: Resolution, held: tuple[float, float], gap: float
) -> Grid:
    """The grid for holdings `gap` apart from the first to the second of `held`."""
    times = np.asarray(setting.times)
    steps, horizon = np.diff(times), float(times[-1] - times[0])
    vol = _vol(setting)
    # A price that hardly moves would need a grid without end: no law is that narrow here.
    dx = max(vol, 1e-4) * math.sqrt(float(steps.min())) / resolution.prices
    dx = max(0.25 * dx, min(dx, STEEPEST * (5.0 / resolution.prices) / _steepness(setting)))
    most = max(vol, float(jnp.max(jnp.sqrt(setting.law.variances))))
    farthest, jump_variance = _jumps(setting, float(steps.max()))
    step_vol = most * math.sqrt(float(steps.max()))
    # The exponential moves the mean of a step by so many deviations, at worst.
    moved = min(_steepness(setting) * step_vol, FARTHEST)
    step_reach = max(resolution.step_deviations, 7.0 + moved) * step_vol + farthest
    spread = math.sqrt((vol**2 + jump_variance) * horizon)
    strikes = np.asarray(setting.claim.pieces().strike)
    strikes = strikes[strikes > 0] / float(setting.spot)
    away = np.max(np.abs(np.log(strikes)), initial=0.0)
    half = max(resolution.deviations * spread, away + 3 * spread)
    first, last = math.floor(held[0] / gap), math.ceil(held[1] / gap)
    return Grid(
        dx=jnp.asarray(dx, "float64"),
        held=jnp.asarray(gap * np.arange(first, last + 1), "float64"),
        n_prices=whole_blocks(math.ceil(2 * half / dx)),
        reach=max(4, math.ceil(step_reach / dx)),
    )


def _jumps(setting: Setting, dt: float) -> tuple[float, float]:
    """How far a step may jump, but for a probability of `TAIL`; and the jumps' variance a year."""
    match setting.law:
        case NormalJumps() as law:
            intensity, mean, vol = (float(x) for x in (law.intensity, law.jump_mean, law.jump_vol))
            if intensity * dt <= TAIL:
                return 0.0, 0.0
            reach = abs(mean) + vol * math.sqrt(2 * math.log(intensity * dt / TAIL))
            return reach, intensity * (mean**2 + vol**2)
        case ExponentialJumps() as law:
            sides = [(law.up_intensity, law.up_size), (law.down_intensity, law.down_size)]
            sides = [(float(i), float(s)) for i, s in sides]
            reach = max(s * math.log(max(i * dt / TAIL, 1.0)) for i, s in sides)
            return reach, sum(2 * i * s**2 for i, s in sides)
    return 0.0, 0.0
