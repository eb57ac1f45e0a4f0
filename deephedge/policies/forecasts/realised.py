"""Realised volatility over a window."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.numerics import safe
from deephedge.numerics.checks import at_least_one, positive
from deephedge.policies.forecasts.base import AbstractForecast, remembered, squared_start
from deephedge.typing import Array, Float, Scalar


class RealisedVol(AbstractForecast):
    r"""The root of the mean square of the last n returns.

    $$\sigma_t^2 = \frac1n \sum_{i=0}^{n-1} \frac{r_{t-i}^2}{\Delta_{t-i}}$$

    with $\Delta$ the years a step took and n `window` steps. Until n returns are known, those
    that are missing count as `start`. No mean is taken off: over days it is noise.
    """

    window: int = eqx.field(static=True)
    start: Scalar = eqx.field(converter=positive("start"))

    def __check_init__(self):
        at_least_one(window=self.window)

    def init(self) -> Float[Array, " step"]:
        return squared_start(self, self.window)

    def update(
        self, squared: Scalar, log_return: Scalar, memory: Float[Array, " step"]
    ) -> Float[Array, " step"]:
        return remembered(memory, squared)

    def vol(self, memory: Float[Array, " step"]) -> Scalar:
        return safe.sqrt(jnp.mean(memory))

    @classmethod
    def example(cls) -> "RealisedVol":
        """A typical member, for tests and documentation."""
        return cls(window=21, start=0.2)
