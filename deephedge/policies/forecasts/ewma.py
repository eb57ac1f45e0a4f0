"""Exponentially weighted volatility."""

import equinox as eqx

from deephedge.numerics import safe
from deephedge.numerics.checks import between, positive
from deephedge.policies.forecasts.base import AbstractForecast
from deephedge.typing import Scalar


class EWMA(AbstractForecast):
    r"""RiskMetrics: $\sigma_{t}^2 = \lambda\,\sigma_{t-1}^2 + (1 - \lambda)\,r_t^2/\Delta_t$.

    $\lambda$ is `decay` per step, $\Delta$ the years a step took, and `start` the first $\sigma$.

    Reference: J.P. Morgan/Reuters (1996), RiskMetrics Technical Document, equation 5.3.
    """

    start: Scalar = eqx.field(converter=positive("start"))
    decay: Scalar = eqx.field(converter=between("decay", 0.0, 1.0), default=0.94)

    def init(self) -> Scalar:
        return self.start**2

    def update(self, squared: Scalar, log_return: Scalar, memory: Scalar) -> Scalar:
        return self.decay * memory + (1.0 - self.decay) * squared

    def vol(self, memory: Scalar) -> Scalar:
        return safe.sqrt(memory)

    @classmethod
    def example(cls) -> "EWMA":
        """A typical member, for tests and documentation."""
        return cls(start=0.2)
