"""Variance that follows the last returns."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer

from deephedge.markets.base import (
    AbstractModel,
    Path,
    Snapshot,
    at_start,
    flat_discount,
    one_asset_path,
)
from deephedge.numerics import normal, safe
from deephedge.numerics.checks import as_array, non_negative, optional, positive, real
from deephedge.numerics.running import partial_sums
from deephedge.typing import Array, Float, Scalar


def _standardised(value: object) -> Array:
    """The residuals in rising order, with mean 0 and mean square 1."""
    residuals = as_array("residuals", value)
    if isinstance(residuals, Tracer):
        return residuals
    got = np.asarray(residuals)
    if got.ndim != 1 or got.size < 2 or not np.all(np.isfinite(got)) or not np.std(got) > 0:
        raise ValueError(
            "`residuals` must be a row of finite numbers that are not all the same, "
            f"got shape {got.shape}."
        )
    got = np.sort((got - np.mean(got)) / np.std(got))
    return jnp.asarray(got, residuals.dtype)


class Garch(AbstractModel):
    r"""GARCH(1,1), and with `leverage` the model of Glosten, Jagannathan and Runkle.

    One step is one trading day of $\Delta$ years, whatever its length; $h$ is per year:

    $$\log\frac{S_{t+1}}{S_t} = (r - q)\Delta + \sqrt{h_t\Delta}\,\xi - \log E\,e^{\sqrt{h_t\Delta}
    \xi}, \quad h_{t+1} = \omega + (\alpha + \gamma 1\{\varepsilon < 0\})h_t\varepsilon^2
    + \beta h_t$$

    with $h_0$ `variance`, $\omega$ `base` (per year: 252 times that of daily returns), $\alpha$
    `news`, $\gamma$ `leverage`, $\beta$ `memory`. The shock $\xi$ is standard normal, or drawn
    from `residuals` (filtered historical simulation), which are standardised and kept in order.
    The one factor is $h$.

    The law is the locally risk-neutral one, $\varepsilon = \xi - \lambda$ with $\lambda$
    `risk_price`, the reward per unit of a day's volatility. A `drift` makes it the real-world one:
    $\varepsilon = \xi$, and each log-return is larger by $(\mu - r + q)\Delta +
    \lambda\sqrt{h_t\Delta}$. Duan's pair of measures has $\mu = r - q$.

    With `residuals` a day's return has no density: Monte Carlo has no second-order Greeks there,
    nor any of a payoff that jumps (they are not a number).

    Reference: Bollerslev (1986); Glosten, Jagannathan and Runkle (1993); Duan (1995), equations
    2.1 and 2.8; Barone-Adesi, Engle and Mancini (2008) for the residuals.
    """

    spot: Scalar = eqx.field(converter=positive("spot"))
    variance: Scalar = eqx.field(converter=non_negative("variance"))
    base: Scalar = eqx.field(converter=positive("base"))
    news: Scalar = eqx.field(converter=non_negative("news"))
    memory: Scalar = eqx.field(converter=non_negative("memory"))
    leverage: Scalar = eqx.field(converter=non_negative("leverage"), default=0.0)
    risk_price: Scalar = eqx.field(converter=real("risk_price"), default=0.0)
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)
    drift: Scalar | None = eqx.field(converter=optional(real("drift")), default=None)
    residuals: Float[Array, " draw"] | None = eqx.field(
        converter=optional(_standardised), default=None
    )

    @property
    def normals_per_step(self) -> int:
        return 1

    def start(self) -> Snapshot:
        return at_start(self.spot[None], self.variance[None])

    def path(self, times: Float[Array, " time"], normals: Float[Array, "step normal"]) -> Path:
        dt = jnp.diff(times)
        growth = self.rate - self.dividend if self.drift is None else self.drift
        reward = 0.0 if self.drift is None else self.risk_price

        def step(variance: Scalar, inputs: tuple[Scalar, Scalar]):
            dt, shock = inputs
            deviation = safe.sqrt(variance * dt)
            log_return = deviation * (shock + reward) - self.log_moment(deviation)
            after = self.next_variance(variance, shock)
            return after, (log_return, after)

        shocks = self._shocks(normals[:, 0])
        _, (log_returns, variances) = lax.scan(step, self.variance, (dt, shocks))
        log_growth = partial_sums(log_returns + growth * dt)
        return one_asset_path(
            times,
            self.spot * jnp.exp(log_growth),
            discount=flat_discount(times, self.rate),
            dividend=self.dividend,
            factors=jnp.append(self.variance[None], variances)[:, None],
        )

    def _shocks(self, normals: Float[Array, " step"]) -> Float[Array, " step"]:
        if self.residuals is None:
            return normals
        n = self.residuals.shape[0]
        rank = jnp.floor(normal.cdf(normals) * n).astype(int)
        return self.residuals[jnp.clip(rank, 0, n - 1)]

    def log_moment(self, deviation: Scalar) -> Scalar:
        r"""$\log E\,e^{s\xi}$ at s = `deviation`."""
        if self.residuals is None:
            return 0.5 * deviation**2
        exponents = deviation * self.residuals
        return jnp.log(jnp.mean(jnp.exp(exponents - exponents[-1]))) + exponents[-1]

    def next_variance(self, variance: Scalar, shock: Scalar) -> Scalar:
        """Variance per year of the next day, after a `shock` of today's own law."""
        news = shock - self.risk_price if self.drift is None else shock
        slope = self.news + self.leverage * (news < 0).astype(news.dtype)
        return self.base + (slope * news**2 + self.memory) * variance

    @property
    def persistence(self) -> Scalar:
        r"""Expected share of a day's excess variance that is left the day after.

        $\beta + E[(\alpha + \gamma 1\{\varepsilon < 0\})\varepsilon^2]$ under the model's measure.
        """
        shift = self.risk_price if self.drift is None else jnp.zeros_like(self.risk_price)
        if self.residuals is None:
            below = (1.0 + shift**2) * normal.cdf(shift) + shift * normal.pdf(shift)
            square = 1.0 + shift**2
        else:
            news = self.residuals - shift
            square = jnp.mean(news**2)
            below = jnp.mean(jnp.where(news < 0, news**2, 0.0))
        return self.memory + self.news * square + self.leverage * below

    @property
    def long_variance(self) -> Scalar:
        """Unconditional variance per year; infinite, or negative here, at `persistence` >= 1."""
        return self.base / (1.0 - self.persistence)

    def at(self, now: Snapshot) -> "Garch":
        return dataclasses.replace(self, spot=now.prices[0], variance=now.factors[0], drift=None)

    def shifted(self, now: Snapshot, *, vol: Scalar, rate: Scalar) -> tuple["Garch", Snapshot]:
        factors = (safe.sqrt(now.factors) + vol) ** 2
        return (
            dataclasses.replace(self, rate=self.rate + rate),
            dataclasses.replace(now, factors=factors),
        )

    @classmethod
    def example(cls) -> "Garch":
        """A typical member, for tests and documentation."""
        return cls(
            spot=100.0,
            variance=0.04,
            base=0.0008,
            news=0.03,
            memory=0.88,
            leverage=0.1,
            rate=0.02,
            dividend=0.01,
        )
