"""A stock under a Gaussian short rate."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp

from deephedge.markets.base import AbstractModel, Path, Snapshot, at_start, one_asset_path
from deephedge.markets.gaussian_rates import (
    forward_variance,
    gaussian_steps,
    integral_variance,
    reach,
)
from deephedge.numerics.checks import between, non_negative, optional, positive, real
from deephedge.numerics.running import partial_sums
from deephedge.typing import Array, Float, Scalar


class VasicekRates(AbstractModel):
    r"""Geometric Brownian motion under a short rate that returns to its mean.

    $$dS = (r - q) S\,dt + \sigma S\,dW, \quad dr = \kappa(\theta - r)\,dt + \eta\,dZ,
    \quad d\langle W, Z\rangle = \rho\,dt$$

    with $r_0$ `rate`, $\kappa$ `mean_reversion`, $\theta$ `long_rate` and $\eta$ `rate_vol`, all
    under the pricing measure. A `drift` replaces $r - q$ by a constant real-world growth rate; the
    rate's law stays. The one factor is $r$, and `discount` is $e^{-\int r}$. Rate, integral of the
    rate and log-price are jointly Gaussian and sampled exactly at any dates. Three normals a step:
    the price's own, then two for the rate and its integral.

    Reference: Vasicek (1977); Rabinovitch (1989) for the stock and options on it.
    """

    spot: Scalar = eqx.field(converter=positive("spot"))
    vol: Scalar = eqx.field(converter=non_negative("vol"))
    rate: Scalar = eqx.field(converter=real("rate"))
    mean_reversion: Scalar = eqx.field(converter=positive("mean_reversion"))
    long_rate: Scalar = eqx.field(converter=real("long_rate"))
    rate_vol: Scalar = eqx.field(converter=non_negative("rate_vol"))
    correlation: Scalar = eqx.field(converter=between("correlation", -1.0, 1.0), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)
    drift: Scalar | None = eqx.field(converter=optional(real("drift")), default=None)

    @property
    def normals_per_step(self) -> int:
        return 3

    def start(self) -> Snapshot:
        return at_start(self.spot[None], self.rate[None])

    def path(self, times: Float[Array, " time"], normals: Float[Array, "step normal"]) -> Path:
        dt = jnp.diff(times)
        gaps, integrals, shocks = gaussian_steps(
            self.rate - self.long_rate,
            dt,
            normals,
            mean_reversion=self.mean_reversion,
            rate_vol=self.rate_vol,
            correlation=self.correlation,
        )
        rates, integrals = self.long_rate + gaps, self.long_rate * dt + integrals
        growth = integrals - self.dividend * dt if self.drift is None else self.drift * dt
        log_returns = growth - 0.5 * self.vol**2 * dt + self.vol * jnp.sqrt(dt) * shocks
        return one_asset_path(
            times,
            self.spot * jnp.exp(partial_sums(log_returns)),
            discount=jnp.exp(-partial_sums(integrals)),
            dividend=self.dividend,
            factors=jnp.append(self.rate[None], rates)[:, None],
        )

    def mean_integral(self, tau: Scalar, rate: Scalar) -> Scalar:
        """Expected integral of the short rate over `tau` years."""
        gain = reach(tau, self.mean_reversion)
        return self.long_rate * (tau - gain) + rate * gain

    def bond(self, tau: Scalar, rate: Scalar) -> Scalar:
        r"""Price of one unit of cash paid `tau` years on, at short rate `rate`.

        $P = e^{-m + v/2}$ with the mean m and the variance v of the integral of the rate.

        Reference: Vasicek (1977), equation 27 with a market price of risk of 0.
        """
        variance = integral_variance(tau, self.mean_reversion, self.rate_vol)
        return jnp.exp(-self.mean_integral(tau, rate) + 0.5 * variance)

    def forward_variance(self, tau: Scalar) -> Scalar:
        r"""Variance of the logarithm of the stock's forward price for `tau` years on.

        $\int_0^\tau \sigma^2 + 2\rho\sigma\eta B(s) + \eta^2 B(s)^2\,ds$ with
        $B(s) = (1 - e^{-\kappa s})/\kappa$. A European option costs its Black (1976) price at
        this variance and the discount `bond`.

        Reference: Merton (1973), section 6; Rabinovitch (1989), equation 9.
        """
        return forward_variance(
            tau,
            vol=self.vol,
            mean_reversion=self.mean_reversion,
            rate_vol=self.rate_vol,
            correlation=self.correlation,
        )

    def at(self, now: Snapshot) -> "VasicekRates":
        return dataclasses.replace(self, spot=now.prices[0], rate=now.factors[0], drift=None)

    def shifted(
        self, now: Snapshot, *, vol: Scalar, rate: Scalar
    ) -> tuple["VasicekRates", Snapshot]:
        moved = dataclasses.replace(
            self, vol=self.vol + vol, rate=self.rate + rate, long_rate=self.long_rate + rate
        )
        return moved, dataclasses.replace(now, factors=now.factors + rate)

    @classmethod
    def example(cls) -> "VasicekRates":
        """A typical member, for tests and documentation."""
        return cls(
            spot=100.0,
            vol=0.2,
            rate=0.02,
            mean_reversion=0.5,
            long_rate=0.03,
            rate_vol=0.01,
            correlation=-0.3,
            dividend=0.01,
        )
