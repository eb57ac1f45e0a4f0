"""The terms that `price` and `greeks` take."""

import dataclasses
from typing import Literal


@dataclasses.dataclass(frozen=True, kw_only=True)
class Contract:
    """What is valued: the terms of the claim, the model and the method."""

    spot: float = 100.0
    """Price of the underlier now."""
    strike: float | None = None
    """Strike of the claim."""
    maturity: float
    """Years to maturity."""
    barrier: float | None = None
    """Barrier of an up-and-out claim."""
    rate: float = 0.0
    """Interest rate per year, continuously compounded."""
    dividend: float = 0.0
    """Dividend yield per year, continuously compounded."""
    model: Literal["black-scholes", "heston", "merton"] = "black-scholes"
    """The model of the underlier."""
    method: Literal["closed", "fourier", "monte-carlo"] | None = None
    """How to value it; left out, the most accurate method that fits."""
    vol: float | None = None
    """Volatility per year (Black-Scholes, Merton)."""
    variance: float | None = None
    """Heston: the variance now."""
    mean_reversion: float | None = None
    """Heston: speed at which the variance returns to its mean, per year."""
    long_variance: float | None = None
    """Heston: the mean that the variance returns to."""
    vol_of_variance: float | None = None
    """Heston: volatility of the variance."""
    correlation: float | None = None
    """Heston: correlation of price and variance."""
    intensity: float | None = None
    """Merton: jumps per year."""
    jump_mean: float | None = None
    """Merton: mean log-size of a jump."""
    jump_vol: float | None = None
    """Merton: standard deviation of the log-size of a jump."""
    n_paths: int = 100_000
    """Monte Carlo: paths."""
    n_steps: int = 100
    """Monte Carlo: steps."""
    seed: int = 0
    """Monte Carlo: seed."""
