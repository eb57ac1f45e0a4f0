"""Diffusion with double exponential jumps."""

import dataclasses
import math

import equinox as eqx
import jax
import jax.numpy as jnp

from deephedge.markets.base import (
    AbstractAffineModel,
    Path,
    Snapshot,
    at_start,
    flat_discount,
    one_asset_path,
)
from deephedge.numerics.checks import between, non_negative, optional, positive, real
from deephedge.numerics.gamma import erlang
from deephedge.numerics.poisson import MOST_EVENTS, poisson
from deephedge.numerics.running import partial_sums
from deephedge.typing import Array, Float, Scalar


class Kou(AbstractAffineModel):
    r"""Black-Scholes with jumps of exponential size, up and down, sampled exactly at any dates.

    $$\frac{dS}{S} = (\mu - \lambda k)\,dt + \sigma\,dW + (e^J - 1)\,dN, \quad
    J = \begin{cases} +E/\eta_1 & \text{with probability } p \\ -E/\eta_2 & \text{else}\end{cases},
    \quad k = \frac{p\eta_1}{\eta_1 - 1} + \frac{(1 - p)\eta_2}{\eta_2 + 1} - 1$$

    E a unit exponential; $\lambda$ is `intensity` (jumps a year), p `up_probability`, and the mean
    log-sizes are $1/\eta_1$ `up_size`, below 1, and $1/\eta_2$ `down_size`. $\mu = r - q$ unless
    `drift` is given. No factors. Five normals a step: diffusion, the numbers of jumps up and
    down (independent Poisson), and their sums. As in `Merton`, the slope of a path in the
    intensity or the probability leaves out the jumps that appear: take those from `Fourier`.
    Prices are not a number where a step expects more than `MOST_EXPECTED` jumps (31).

    Reference: Kou (2002), Management Science 48(8).
    """

    spot: Scalar = eqx.field(converter=positive("spot"))
    vol: Scalar = eqx.field(converter=non_negative("vol"))
    intensity: Scalar = eqx.field(converter=non_negative("intensity"))
    up_probability: Scalar = eqx.field(converter=between("up_probability", 0.0, 1.0))
    up_size: Scalar = eqx.field(converter=between("up_size", 0.0, 1.0))
    down_size: Scalar = eqx.field(converter=between("down_size", 0.0, math.inf))
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)
    drift: Scalar | None = eqx.field(converter=optional(real("drift")), default=None)

    @property
    def normals_per_step(self) -> int:
        return 5

    @property
    def _compensator(self) -> Scalar:
        """Expected relative jump k, without the cancellation of the formula above."""
        p, up, down = self.up_probability, self.up_size, self.down_size
        return p * up / (1.0 - up) - (1.0 - p) * down / (1.0 + down)

    def start(self) -> Snapshot:
        return at_start(self.spot[None])

    def path(self, times: Float[Array, " time"], normals: Float[Array, "step normal"]) -> Path:
        dt = jnp.diff(times)
        growth = self.rate - self.dividend if self.drift is None else self.drift
        diffusion = self.vol * jnp.sqrt(dt) * normals[:, 0]
        p = self.up_probability
        up = _sums(self.intensity * p * dt, normals[:, 1], normals[:, 3])
        down = _sums(self.intensity * (1.0 - p) * dt, normals[:, 2], normals[:, 4])
        jumps = self.up_size * up - self.down_size * down
        trend = growth - 0.5 * self.vol**2 - self.intensity * self._compensator
        log_growth = partial_sums(trend * dt + diffusion + jumps)
        prices = self.spot * jnp.exp(log_growth)
        return one_asset_path(
            times,
            prices,
            discount=flat_discount(times, self.rate),
            dividend=self.dividend,
        )

    def at(self, now: Snapshot) -> "Kou":
        return dataclasses.replace(self, spot=now.prices[0], drift=None)

    def shifted(self, now: Snapshot, *, vol: Scalar, rate: Scalar) -> tuple["Kou", Snapshot]:
        return dataclasses.replace(self, vol=self.vol + vol, rate=self.rate + rate), now

    def log_characteristic(self, u: Array, tau: Scalar, factors: Float[Array, " factor"]) -> Array:
        del factors
        vol, intensity = (x.astype(u.dtype) for x in (self.vol, self.intensity))
        sizes = (self.up_probability, self.up_size, self.down_size)
        p, up, down = (x.astype(u.dtype) for x in sizes)
        iu = 1j * u
        jump = p * up * iu / (1.0 - up * iu) - (1.0 - p) * down * iu / (1.0 + down * iu)
        drift = self._compensator.astype(u.dtype) * iu
        diffusion = -0.5 * vol**2 * (u * u + iu)
        return tau.astype(u.dtype) * (diffusion + intensity * (jump - drift))

    @classmethod
    def example(cls) -> "Kou":
        """A typical member, for tests and documentation."""
        return cls(
            spot=100.0,
            vol=0.16,
            intensity=1.0,
            up_probability=0.4,
            up_size=0.1,
            down_size=0.2,
            rate=0.02,
            dividend=0.01,
        )


def _sums(
    expected: Float[Array, " step"], z_count: Float[Array, " step"], z_sum: Float[Array, " step"]
) -> Float[Array, " step"]:
    """Sums of a Poisson number of unit exponentials, step by step."""
    counts = poisson(expected, z_count)
    return jax.vmap(lambda n, z: erlang(n, z, most=MOST_EVENTS))(counts, z_sum)
