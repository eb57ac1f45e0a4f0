"""Diffusion with log-normal jumps."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp

from deephedge.markets.base import (
    AbstractAffineModel,
    Path,
    Snapshot,
    at_start,
    flat_discount,
    one_asset_path,
)
from deephedge.numerics import safe
from deephedge.numerics.checks import non_negative, optional, positive, real
from deephedge.numerics.poisson import poisson
from deephedge.numerics.running import partial_sums
from deephedge.typing import Array, Float, Scalar


class Merton(AbstractAffineModel):
    r"""Black-Scholes with jumps, sampled exactly at any dates.

    $$\frac{dS}{S} = (\mu - \lambda k)\,dt + \sigma\,dW + (e^J - 1)\,dN, \quad
    J \sim N(m, s^2), \quad k = e^{m + s^2/2} - 1$$

    with $\lambda$ `intensity` (jumps a year), $m$ `jump_mean`, $s$ `jump_vol`, and $\mu = r - q$
    unless `drift` is given. No factors. Three normals a step: diffusion, count, sizes.
    The number of jumps is a step function of `intensity`: the slope of a path in it leaves out the
    jumps that appear, so that Greeks in `intensity` are those of `Fourier`, not of Monte Carlo.
    Prices are not a number where a step expects more than `MOST_EXPECTED` jumps (31).

    Reference: Merton (1976).
    """

    spot: Scalar = eqx.field(converter=positive("spot"))
    vol: Scalar = eqx.field(converter=non_negative("vol"))
    intensity: Scalar = eqx.field(converter=non_negative("intensity"))
    jump_mean: Scalar = eqx.field(converter=real("jump_mean"))
    jump_vol: Scalar = eqx.field(converter=non_negative("jump_vol"))
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)
    drift: Scalar | None = eqx.field(converter=optional(real("drift")), default=None)

    @property
    def normals_per_step(self) -> int:
        return 3

    @property
    def _compensator(self) -> Scalar:
        """Expected relative jump k."""
        return jnp.expm1(self.jump_mean + 0.5 * self.jump_vol**2)

    def start(self) -> Snapshot:
        return at_start(self.spot[None])

    def path(self, times: Float[Array, " time"], normals: Float[Array, "step normal"]) -> Path:
        dt = jnp.diff(times)
        growth = self.rate - self.dividend if self.drift is None else self.drift
        count = poisson(self.intensity * dt, normals[:, 1])
        diffusion = self.vol * jnp.sqrt(dt) * normals[:, 0]
        jumps = count * self.jump_mean + safe.sqrt(count) * self.jump_vol * normals[:, 2]
        trend = growth - 0.5 * self.vol**2 - self.intensity * self._compensator
        log_growth = partial_sums(trend * dt + diffusion + jumps)
        prices = self.spot * jnp.exp(log_growth)
        return one_asset_path(
            times,
            prices,
            discount=flat_discount(times, self.rate),
            dividend=self.dividend,
        )

    def at(self, now: Snapshot) -> "Merton":
        return dataclasses.replace(self, spot=now.prices[0], drift=None)

    def shifted(self, now: Snapshot, *, vol: Scalar, rate: Scalar) -> tuple["Merton", Snapshot]:
        return dataclasses.replace(self, vol=self.vol + vol, rate=self.rate + rate), now

    def log_characteristic(self, u: Array, tau: Scalar, factors: Float[Array, " factor"]) -> Array:
        del factors
        parameters = (self.vol, self.intensity, self.jump_mean, self.jump_vol)
        vol, intensity, mean, deviation = (x.astype(u.dtype) for x in parameters)
        diffusion = -0.5 * vol**2 * (u * u + 1j * u)
        jump = jnp.expm1(1j * mean * u - 0.5 * (deviation * u) ** 2)
        drift = 1j * self._compensator.astype(u.dtype) * u
        return tau.astype(u.dtype) * (diffusion + intensity * (jump - drift))

    @classmethod
    def example(cls) -> "Merton":
        """A typical member, for tests and documentation."""
        return cls(
            spot=100.0,
            vol=0.15,
            intensity=0.8,
            jump_mean=-0.1,
            jump_vol=0.15,
            rate=0.02,
            dividend=0.01,
        )
