"""Brownian motion on a random clock."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.core import Tracer

from deephedge.markets.base import (
    AbstractAffineModel,
    Path,
    Snapshot,
    at_start,
    flat_discount,
    one_asset_path,
)
from deephedge.numerics.checks import non_negative, optional, positive, real
from deephedge.numerics.gamma import log_gamma
from deephedge.numerics.running import partial_sums
from deephedge.typing import Array, Float, Scalar


class VarianceGamma(AbstractAffineModel):
    r"""Brownian motion run on a gamma clock: jumps only, sampled exactly at any dates.

    $$\log\frac{S_t}{S_0} = \mu t + \omega t + \theta G_t + \sigma W_{G_t}, \quad
    \omega = \frac{1}{\nu}\log\Bigl(1 - \theta\nu - \frac{\sigma^2\nu}{2}\Bigr)$$

    where $G_t$ is gamma with mean t and variance $\nu t$; $\sigma$ `vol`, $\nu$ `clock_variance`
    (years), $\theta$ `asymmetry` (per year), and $\mu = r - q$ unless `drift` is given. No
    factors. Two normals a step: the price's own given the clock, then the clock's.

    For dates within about $\nu$ the law has an unbounded density, which takes a Fourier series
    many terms.

    Reference: Madan, Carr and Chang (1998), European Finance Review 2.
    """

    spot: Scalar = eqx.field(converter=positive("spot"))
    vol: Scalar = eqx.field(converter=non_negative("vol"))
    clock_variance: Scalar = eqx.field(converter=positive("clock_variance"))
    asymmetry: Scalar = eqx.field(converter=real("asymmetry"))
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)
    drift: Scalar | None = eqx.field(converter=optional(real("drift")), default=None)

    def __check_init__(self):
        parameters = (self.vol, self.clock_variance, self.asymmetry)
        if any(isinstance(x, Tracer) or not isinstance(x, jax.Array) for x in parameters):
            return
        vol, nu, theta = (float(x) for x in parameters)
        left = 1.0 - theta * nu - 0.5 * vol**2 * nu
        if left <= 0.0:
            raise ValueError(
                "The mean price must exist: 1 - (asymmetry + vol^2 / 2) clock_variance must be "
                f"positive, got {left:g}; pass `clock_variance={0.5 / (theta + 0.5 * vol**2):.3g}`."
            )

    @property
    def normals_per_step(self) -> int:
        return 2

    @property
    def _compensator(self) -> Scalar:
        r"""$\omega$."""
        nu = self.clock_variance
        return jnp.log1p(-(self.asymmetry + 0.5 * self.vol**2) * nu) / nu

    def start(self) -> Snapshot:
        return at_start(self.spot[None])

    def path(self, times: Float[Array, " time"], normals: Float[Array, "step normal"]) -> Path:
        dt = jnp.diff(times)
        growth = self.rate - self.dividend if self.drift is None else self.drift
        nu = self.clock_variance
        log_clock = jax.vmap(log_gamma)(dt / nu, normals[:, 1]) + jnp.log(nu)
        # The root of the clock from its logarithm has a slope where the clock itself is 0.
        clock, root = jnp.exp(log_clock), jnp.exp(0.5 * log_clock)
        moves = self.asymmetry * clock + self.vol * root * normals[:, 0]
        log_growth = partial_sums((growth + self._compensator) * dt + moves)
        prices = self.spot * jnp.exp(log_growth)
        return one_asset_path(
            times,
            prices,
            discount=flat_discount(times, self.rate),
            dividend=self.dividend,
        )

    def at(self, now: Snapshot) -> "VarianceGamma":
        return dataclasses.replace(self, spot=now.prices[0], drift=None)

    def shifted(
        self, now: Snapshot, *, vol: Scalar, rate: Scalar
    ) -> tuple["VarianceGamma", Snapshot]:
        return dataclasses.replace(self, vol=self.vol + vol, rate=self.rate + rate), now

    def log_characteristic(self, u: Array, tau: Scalar, factors: Float[Array, " factor"]) -> Array:
        del factors
        parameters = (self.vol, self.clock_variance, self.asymmetry, self._compensator, tau)
        vol, nu, theta, compensator, tau = (x.astype(u.dtype) for x in parameters)
        spread = 0.5 * (vol * u) ** 2 - 1j * theta * u
        return tau * (1j * compensator * u - jnp.log1p(nu * spread) / nu)

    @classmethod
    def example(cls) -> "VarianceGamma":
        """A typical member, for tests and documentation."""
        return cls(
            spot=100.0,
            vol=0.2,
            clock_variance=0.2,
            asymmetry=-0.14,
            rate=0.02,
            dividend=0.01,
        )
