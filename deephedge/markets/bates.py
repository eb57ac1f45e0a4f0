"""Stochastic variance with log-normal jumps."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp

from deephedge.markets.base import AbstractAffineModel, Path, Snapshot
from deephedge.markets.heston import Heston
from deephedge.markets.merton import Merton
from deephedge.numerics import safe
from deephedge.numerics.checks import between, non_negative, optional, positive, real
from deephedge.typing import Array, Float, Scalar


class Bates(AbstractAffineModel):
    r"""Heston's model with the jumps of Merton's: the product of two independent martingales.

    $$\frac{dS}{S} = (\mu - \lambda k)\,dt + \sqrt{v}\,dW + (e^J - 1)\,dN, \quad
    dv = \kappa(\theta - v)\,dt + \sigma\sqrt{v}\,dZ, \quad J \sim N(m, s^2)$$

    with the parameters of `Heston` and `Merton`. The one factor is $v$. Four normals a step: the
    price's own, the variance's, then the number of jumps and their sizes, which are exact.

    Reference: Bates (1996), Review of Financial Studies 9(1).
    """

    spot: Scalar = eqx.field(converter=positive("spot"))
    variance: Scalar = eqx.field(converter=non_negative("variance"))
    mean_reversion: Scalar = eqx.field(converter=positive("mean_reversion"))
    long_variance: Scalar = eqx.field(converter=positive("long_variance"))
    vol_of_variance: Scalar = eqx.field(converter=positive("vol_of_variance"))
    correlation: Scalar = eqx.field(converter=between("correlation", -1.0, 1.0))
    intensity: Scalar = eqx.field(converter=non_negative("intensity"))
    jump_mean: Scalar = eqx.field(converter=real("jump_mean"))
    jump_vol: Scalar = eqx.field(converter=non_negative("jump_vol"))
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)
    drift: Scalar | None = eqx.field(converter=optional(real("drift")), default=None)

    @property
    def normals_per_step(self) -> int:
        return 4

    @property
    def _diffusion(self) -> Heston:
        """The model without its jumps."""
        return Heston(
            spot=self.spot,
            variance=self.variance,
            mean_reversion=self.mean_reversion,
            long_variance=self.long_variance,
            vol_of_variance=self.vol_of_variance,
            correlation=self.correlation,
            rate=self.rate,
            dividend=self.dividend,
            drift=self.drift,
        )

    @property
    def _jumps(self) -> Merton:
        """The jumps alone, as a martingale that starts at 1."""
        zero = jnp.zeros_like(self.spot)
        return Merton(
            spot=jnp.ones_like(self.spot),
            vol=zero,
            intensity=self.intensity,
            jump_mean=self.jump_mean,
            jump_vol=self.jump_vol,
            rate=zero,
            dividend=zero,
        )

    def start(self) -> Snapshot:
        return self._diffusion.start()

    def path(self, times: Float[Array, " time"], normals: Float[Array, "step normal"]) -> Path:
        diffusion = self._diffusion.path(times, normals[:, :2])
        # The jumps' model has no diffusion: the first of its three normals is not used.
        jumps = self._jumps.path(times, normals[:, 1:])
        return dataclasses.replace(diffusion, prices=diffusion.prices * jumps.prices)

    def at(self, now: Snapshot) -> "Bates":
        return dataclasses.replace(self, spot=now.prices[0], variance=now.factors[0], drift=None)

    def shifted(self, now: Snapshot, *, vol: Scalar, rate: Scalar) -> tuple["Bates", Snapshot]:
        factors = (safe.sqrt(now.factors) + vol) ** 2
        return (
            dataclasses.replace(self, rate=self.rate + rate),
            dataclasses.replace(now, factors=factors),
        )

    def log_characteristic(self, u: Array, tau: Scalar, factors: Float[Array, " factor"]) -> Array:
        diffusion = self._diffusion.log_characteristic(u, tau, factors)
        return diffusion + self._jumps.log_characteristic(u, tau, factors)

    @classmethod
    def example(cls) -> "Bates":
        """A typical member, for tests and documentation."""
        return cls(
            spot=100.0,
            variance=0.03,
            mean_reversion=1.5,
            long_variance=0.04,
            vol_of_variance=0.4,
            correlation=-0.6,
            intensity=0.5,
            jump_mean=-0.1,
            jump_vol=0.12,
            rate=0.02,
            dividend=0.01,
        )
