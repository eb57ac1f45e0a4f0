"""What a calibration found, and how well it fits."""

import dataclasses
import math

import numpy as np

from deephedge.calibration.quotes import Column, Quotes
from deephedge.markets.base import AbstractMarket


@dataclasses.dataclass(frozen=True)
class Calibrated:
    """A model that was fitted to option quotes."""

    model: AbstractMarket
    quotes: Quotes
    residuals: Column
    """Model less mid price of each quote, cash."""
    parameters: dict[str, float]
    """Those that were free."""
    standard_errors: dict[str, float]
    """Infinite where the quotes do not determine a parameter, not a number where one is held."""
    converged: bool
    message: str

    cost: float
    """The sum of squared weighted errors."""

    penalty: float = 0.0
    """What was minimised beside `cost`, for smoothness; 0 for most methods."""

    @property
    def prices(self) -> Column:
        """The model's price of each quote."""
        return self.quotes.mid + self.residuals

    @property
    def inside(self) -> float:
        """Share of the quotes that the model prices between bid and ask."""
        prices = self.prices
        return float(np.mean((prices >= self.quotes.bid) & (prices <= self.quotes.ask)))

    @property
    def rmse(self) -> float:
        """Root mean square error in Black-Scholes volatility, decimal."""
        return float(np.sqrt(np.nanmean(self.vol_errors**2)))

    @property
    def vol_errors(self) -> Column:
        """Model less mid, in Black-Scholes volatility; `nan` where a price has none."""
        return self.quotes.vols(self.prices) - self.quotes.vols(self.quotes.mid)

    def __str__(self) -> str:
        width = max(map(len, self.parameters))
        lines = [
            f"{name:<{width}}  {value: .6g}  {self._error(name)}"
            for name, value in self.parameters.items()
        ]
        fit = f"{len(self.quotes)} quotes, {100.0 * self.inside:.0f} % between bid and ask, "
        fit += f"root mean square error {100.0 * self.rmse:.3g} volatility points"
        return "\n".join([*lines, fit, self.message])

    def _error(self, name: str) -> str:
        error = self.standard_errors[name]
        return "held" if math.isnan(error) else f"standard error {error:.2g}"
