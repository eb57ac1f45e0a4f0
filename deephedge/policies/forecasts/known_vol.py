"""A volatility that is known."""

import equinox as eqx

from deephedge.numerics.checks import positive
from deephedge.policies.forecasts.base import AbstractForecast
from deephedge.typing import Scalar


class KnownVol(AbstractForecast):
    """The same volatility, `start` per year, whatever the returns."""

    start: Scalar = eqx.field(converter=positive("start"))

    def init(self) -> None:
        return None

    def update(self, squared: Scalar, log_return: Scalar, memory: None) -> None:
        return None

    def vol(self, memory: None) -> Scalar:
        return self.start

    @classmethod
    def example(cls) -> "KnownVol":
        """A typical member, for tests and documentation."""
        return cls(start=0.2)
