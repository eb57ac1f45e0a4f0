"""A volatility that is a power of the price."""

import dataclasses
import math

import equinox as eqx
import jax.numpy as jnp
from jax import lax

from deephedge.markets.base import (
    AbstractModel,
    Path,
    Snapshot,
    at_start,
    flat_discount,
    one_asset_path,
)
from deephedge.numerics import safe
from deephedge.numerics.checks import between, non_negative, optional, positive, real
from deephedge.typing import Array, Float, Scalar

ABSORBED = 8.0
"""Deviations of the log-price over one step beyond which the price is on its way to 0."""


class CEV(AbstractModel):
    r"""Constant elasticity of variance: the lower the price, the higher its volatility.

    $$dS = \mu S\,dt + \sigma S^\beta\,dW$$

    with $\sigma$ `scale` (the volatility at spot S is $\sigma S^{\beta - 1}$: 20 % at 100 with
    $\beta = 0.5$ is `scale=2.0`), $\beta$ `exponent` and $\mu = r - q$ unless `drift` is given. A
    price that comes to 0 stays there. No factors, one normal a step.

    Simulated by Euler's scheme for the log-price, an exact martingale of weak order 1 in the step
    (measured at the example: 1.00 from a day to a year, 1.02 at five years).
    Close to 0 its volatility has no bound and each step takes the price a large factor down: that
    is the absorption. Beyond `ABSORBED` deviations in a step the volatility is capped; a price
    below the smallest number of its type is 0.

    Reference: Cox (1975); Schroder (1989), Computing the constant elasticity of variance formula.
    """

    spot: Scalar = eqx.field(converter=positive("spot"))
    scale: Scalar = eqx.field(converter=non_negative("scale"))
    exponent: Scalar = eqx.field(converter=between("exponent", -1.0, 1.0))
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)
    drift: Scalar | None = eqx.field(converter=optional(real("drift")), default=None)

    @property
    def normals_per_step(self) -> int:
        return 1

    def start(self) -> Snapshot:
        return at_start(self.spot[None])

    def path(self, times: Float[Array, " time"], normals: Float[Array, "step normal"]) -> Path:
        growth = self.rate - self.dividend if self.drift is None else self.drift

        def step(log_price: Scalar, inputs: tuple[Scalar, Scalar]):
            dt, normal = inputs
            deviation = power_deviation(log_price, self.scale, self.exponent, dt)
            after = log_price + growth * dt - 0.5 * deviation**2 + deviation * normal
            return after, after

        first = safe.log(self.spot)
        _, log_prices = lax.scan(step, first, (jnp.diff(times), normals[:, 0]))
        return one_asset_path(
            times,
            jnp.exp(jnp.append(first[None], log_prices)),
            discount=flat_discount(times, self.rate),
            dividend=self.dividend,
        )

    def at(self, now: Snapshot) -> "CEV":
        return dataclasses.replace(self, spot=now.prices[0], drift=None)

    def shifted(self, now: Snapshot, *, vol: Scalar, rate: Scalar) -> tuple["CEV", Snapshot]:
        scale = self.scale + vol * jnp.exp((1.0 - self.exponent) * safe.log(now.prices[0]))
        return dataclasses.replace(self, scale=scale, rate=self.rate + rate), now

    @classmethod
    def example(cls) -> "CEV":
        """A typical member, for tests and documentation."""
        return cls(spot=100.0, scale=2.0, exponent=0.5, rate=0.02, dividend=0.01)


def power_deviation(log_price: Scalar, scale: Scalar, exponent: Scalar, dt: Scalar) -> Scalar:
    r"""Deviation of the log-price in a step, $\sigma S^{\beta - 1}\sqrt{dt}$, capped."""
    log_deviation = safe.log(scale) + (exponent - 1.0) * log_price + 0.5 * jnp.log(dt)
    # The bound is put on the logarithm: the slope of an overflow would not be a number.
    return jnp.exp(jnp.minimum(log_deviation, math.log(ABSORBED)))


def mean_exponential(x: Array) -> Array:
    r"""$\int_0^1 e^{ux} du = (e^x - 1)/x$, with its derivatives at x = 0."""
    small = jnp.abs(x) < 1e-2
    series = 1.0 + x / 2.0 * (1.0 + x / 3.0 * (1.0 + x / 4.0 * (1.0 + x / 5.0 * (1.0 + x / 6.0))))
    away = jnp.where(small, 1.0, x)
    return jnp.where(small, series, jnp.expm1(away) / away)
