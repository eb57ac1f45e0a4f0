"""Volatility from its own averages over a day, a week and a month."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from deephedge.numerics import safe
from deephedge.numerics.checks import non_negative, positive, real
from deephedge.policies.forecasts.base import AbstractForecast, remembered, squared_start
from deephedge.typing import Array, Float, Scalar

DAYS = (1, 5, 22)
"""Steps in a day, a week and a month."""


class HAR(AbstractForecast):
    r"""The heterogeneous autoregression of the variance.

    $$\sigma_{t+1}^2 = c + \beta_d\,v^{(1)}_t + \beta_w\,v^{(5)}_t + \beta_m\,v^{(22)}_t, \qquad
    v^{(n)}_t = \frac1n\sum_{i=0}^{n-1}\frac{r_{t-i}^2}{\Delta_{t-i}}$$

    with c `base` per year, and `daily`, `weekly`, `monthly` coefficients; one step is one day.
    The paper measures a day's variance from its intraday returns; where only closes are known,
    the squared return stands for it. Until 22 returns are known, those missing count as `start`.

    Reference: Corsi (2009), Journal of Financial Econometrics 7(2), equation 8.
    """

    start: Scalar = eqx.field(converter=positive("start"))
    base: Scalar = eqx.field(converter=non_negative("base"))
    daily: Scalar = eqx.field(converter=real("daily"))
    weekly: Scalar = eqx.field(converter=real("weekly"))
    monthly: Scalar = eqx.field(converter=real("monthly"))

    @classmethod
    def fit(cls, log_returns: np.ndarray, *, interval: float) -> "HAR":
        """Coefficients by least squares on past returns, `interval` years apart.

        A negative constant is set to zero, and the other coefficients fitted without it.
        """
        squared = np.asarray(log_returns, float) ** 2 / interval
        longest = DAYS[-1]
        if squared.ndim != 1 or squared.size < 3 * longest:
            raise ValueError(
                f"`log_returns` must be a row of at least {3 * longest} numbers, "
                f"got shape {squared.shape}."
            )
        sums = np.concatenate([[0.0], np.cumsum(squared)])
        ends = np.arange(longest, squared.size)
        averages = [(sums[ends] - sums[ends - n]) / n for n in DAYS]
        found = _least_squares([np.ones(ends.size), *averages], squared[ends])
        if found[0] < 0:
            found = np.append(0.0, _least_squares(averages, squared[ends]))
        base, daily, weekly, monthly = (float(x) for x in found)
        start = float(np.sqrt(np.mean(squared)))
        return cls(start=start, base=base, daily=daily, weekly=weekly, monthly=monthly)

    def init(self) -> Float[Array, " step"]:
        return squared_start(self, DAYS[-1])

    def update(
        self, squared: Scalar, log_return: Scalar, memory: Float[Array, " step"]
    ) -> Float[Array, " step"]:
        return remembered(memory, squared)

    def vol(self, memory: Float[Array, " step"]) -> Scalar:
        day, week, month = (jnp.mean(memory[:n]) for n in DAYS)
        variance = self.base + self.daily * day + self.weekly * week + self.monthly * month
        return safe.sqrt(variance)

    @classmethod
    def example(cls) -> "HAR":
        """A typical member, for tests and documentation."""
        return cls(start=0.2, base=0.004, daily=0.1, weekly=0.3, monthly=0.5)


def _least_squares(columns: list[np.ndarray], values: np.ndarray) -> np.ndarray:
    return np.linalg.lstsq(np.stack(columns, axis=1), values, rcond=None)[0]
