"""A stock under a Gaussian short rate that fits today's discount curve."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from deephedge.markets.base import AbstractModel, Path, Snapshot, at_start, one_asset_path
from deephedge.markets.gaussian_rates import (
    forward_variance,
    gaussian_steps,
    integral_variance,
    reach,
)
from deephedge.numerics.checks import between, non_negative, optional, per_asset, positive, real
from deephedge.numerics.running import partial_sums
from deephedge.typing import Array, Float, Scalar


class HullWhite(AbstractModel):
    r"""Geometric Brownian motion under the short rate of Hull and White.

    $$dS = (r - q) S\,dt + \sigma S\,dW, \quad r_t = \varphi(t) + x_t, \quad
    dx = -\kappa x\,dt + \eta\,dZ, \quad d\langle W, Z\rangle = \rho\,dt$$

    $$\varphi(t) = f(0, t) + \tfrac12 \eta^2 B(t)^2, \quad B(t) = (1 - e^{-\kappa t})/\kappa$$

    under the pricing measure, with $\kappa$ `mean_reversion`, $\eta$ `rate_vol` and the forward
    rates $f(0, t)$ of the curve: `discounts` are today's values of one unit of cash paid at each
    of `curve_times` (years); the forward rate is constant between them and goes on after the
    last. Then $E[e^{-\int_0^t r}]$ is the curve at every date t. A `drift` replaces $r - q$ by a
    constant real-world growth rate; the rate's law stays. The one factor is $r$; `rate` is its
    level at the start of a path, left out that of the curve. `discount` is $e^{-\int r}$. Rate,
    integral and log-price are sampled exactly at any dates. Three normals a step: the price's
    own, then two for the rate and its integral.

    Reference: Hull and White (1990), with constant mean reversion and volatility; Brigo and
    Mercurio (2006), section 3.3, for the form above.
    """

    spot: Scalar = eqx.field(converter=positive("spot"))
    vol: Scalar = eqx.field(converter=non_negative("vol"))
    curve_times: Float[Array, " knot"] = eqx.field(converter=per_asset(positive("curve_times")))
    discounts: Float[Array, " knot"] = eqx.field(converter=per_asset(positive("discounts")))
    mean_reversion: Scalar = eqx.field(converter=positive("mean_reversion"))
    rate_vol: Scalar = eqx.field(converter=non_negative("rate_vol"))
    correlation: Scalar = eqx.field(converter=between("correlation", -1.0, 1.0), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)
    drift: Scalar | None = eqx.field(converter=optional(real("drift")), default=None)
    rate: Scalar | None = eqx.field(converter=optional(real("rate")), default=None)

    def __check_init__(self):
        if self.discounts.shape != self.curve_times.shape:
            raise ValueError(
                f"`discounts` must have one value per curve date, {self.curve_times.shape[0]}, "
                f"got {self.discounts.shape[0]}."
            )
        if not isinstance(self.curve_times, Tracer):
            dates = np.asarray(self.curve_times)
            if np.any(np.diff(dates) <= 0):
                raise ValueError(f"`curve_times` must increase, got {dates.tolist()}.")

    @property
    def normals_per_step(self) -> int:
        return 3

    def start(self) -> Snapshot:
        rate = self.level(jnp.zeros_like(self.spot)) if self.rate is None else self.rate
        return at_start(self.spot[None], rate[None])

    def path(self, times: Float[Array, " time"], normals: Float[Array, "step normal"]) -> Path:
        dt, levels = jnp.diff(times), self.level(times)
        gap = jnp.zeros_like(self.spot) if self.rate is None else self.rate - levels[0]
        gaps, integrals, shocks = gaussian_steps(
            gap,
            dt,
            normals,
            mean_reversion=self.mean_reversion,
            rate_vol=self.rate_vol,
            correlation=self.correlation,
        )
        integrals = integrals + jnp.diff(self._level_integral(times))
        growth = integrals - self.dividend * dt if self.drift is None else self.drift * dt
        log_returns = growth - 0.5 * self.vol**2 * dt + self.vol * jnp.sqrt(dt) * shocks
        return one_asset_path(
            times,
            self.spot * jnp.exp(partial_sums(log_returns)),
            discount=jnp.exp(-partial_sums(integrals)),
            dividend=self.dividend,
            factors=(levels + jnp.append(gap[None], gaps))[:, None],
        )

    def curve(self, time: Array) -> Array:
        """Today's value of one unit of cash paid at `time`."""
        return jnp.exp(self._curve(time)[0])

    def level(self, time: Array) -> Array:
        r"""$\varphi$: the short rate from which x measures."""
        gain = reach(time, self.mean_reversion)
        return self._curve(time)[1] + 0.5 * self.rate_vol**2 * gain**2

    def _level_integral(self, time: Array) -> Array:
        variance = integral_variance(time, self.mean_reversion, self.rate_vol)
        return 0.5 * variance - self._curve(time)[0]

    def _curve(self, time: Array) -> tuple[Array, Array]:
        """The logarithm of the curve at `time`, and the forward rate from then on."""
        zero = jnp.zeros_like(self.curve_times[:1])
        dates = jnp.append(zero, self.curve_times)
        logs = jnp.append(zero, jnp.log(self.discounts))
        forwards = -jnp.diff(logs) / jnp.diff(dates)
        piece = jnp.searchsorted(dates, time, side="right") - 1
        piece = jnp.clip(piece, min=0, max=forwards.shape[0] - 1)
        return logs[piece] - forwards[piece] * (time - dates[piece]), forwards[piece]

    def bond(self, time: Scalar, tau: Scalar, rate: Scalar) -> Scalar:
        """Price at `time` of one unit of cash paid `tau` years later, at short rate `rate`.

        Reference: Brigo and Mercurio (2006), section 3.3.
        """
        fixed = self._level_integral(time + tau) - self._level_integral(time)
        gap = (rate - self.level(time)) * reach(tau, self.mean_reversion)
        own = integral_variance(tau, self.mean_reversion, self.rate_vol)
        return jnp.exp(-fixed - gap + 0.5 * own)

    def bond_variance(self, expiry: Scalar, tau: Scalar) -> Scalar:
        r"""Variance of the log-price at `expiry` of the bond that pays `tau` years later.

        $\eta^2 B(\tau)^2 (1 - e^{-2\kappa t})/(2\kappa)$. An option on the bond costs its Black
        (1976) price at this variance, on the forward price of the bond.

        Reference: Jamshidian (1989), An exact bond option formula.
        """
        gain = reach(tau, self.mean_reversion)
        return (self.rate_vol * gain) ** 2 * reach(expiry, 2.0 * self.mean_reversion)

    def forward_variance(self, tau: Scalar) -> Scalar:
        """Variance of the logarithm of the stock's forward price for `tau` years on.

        As for `VasicekRates`, whose law around its mean this is.
        """
        return forward_variance(
            tau,
            vol=self.vol,
            mean_reversion=self.mean_reversion,
            rate_vol=self.rate_vol,
            correlation=self.correlation,
        )

    def at(self, now: Snapshot) -> "HullWhite":
        return dataclasses.replace(self, spot=now.prices[0], rate=now.factors[0], drift=None)

    def shifted(self, now: Snapshot, *, vol: Scalar, rate: Scalar) -> tuple["HullWhite", Snapshot]:
        """`rate` moves the whole curve of forward rates, and with it the short rate."""
        moved = dataclasses.replace(
            self,
            vol=self.vol + vol,
            discounts=self.discounts * jnp.exp(-rate * self.curve_times),
            rate=None if self.rate is None else self.rate + rate,
        )
        return moved, dataclasses.replace(now, factors=now.factors + rate)

    @classmethod
    def example(cls) -> "HullWhite":
        """A typical member, for tests and documentation."""
        return cls(
            spot=100.0,
            vol=0.2,
            curve_times=[0.5, 1.0, 2.0, 5.0, 10.0],
            discounts=[0.995, 0.987, 0.965, 0.88, 0.74],
            mean_reversion=0.1,
            rate_vol=0.01,
            correlation=-0.3,
            dividend=0.01,
        )
