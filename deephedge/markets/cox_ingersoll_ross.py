"""A stock under a short rate that stays positive."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
from jax import lax

from deephedge.markets.base import AbstractModel, Path, Snapshot, at_start, one_asset_path
from deephedge.markets.square_root import quadratic_exponential
from deephedge.numerics.checks import between, non_negative, optional, positive, real
from deephedge.numerics.running import partial_sums
from deephedge.typing import Array, Float, Scalar


class CIRRates(AbstractModel):
    r"""Geometric Brownian motion under the short rate of Cox, Ingersoll and Ross.

    $$dS = (r - q) S\,dt + \sigma S\,dW, \quad dr = \kappa(\theta - r)\,dt + \eta\sqrt{r}\,dZ,
    \quad d\langle W, Z\rangle = \rho\,dt$$

    with $r_0$ `rate`, $\kappa$ `mean_reversion`, $\theta$ `long_rate` and $\eta$ `rate_vol`, all
    under the pricing measure. A `drift` replaces $r - q$ by a constant real-world growth rate; the
    rate's law stays. The one factor is $r$, and `discount` is $e^{-\int r}$. Two normals a step:
    the price's own, then the rate's.

    The rate moves by the quadratic-exponential scheme, whose mean and variance are exact. Its
    integral is the trapezoidal rule plus the constant that makes the expected discount of a step
    the exact `bond`. What else depends on the rate is of second order in the step.

    Reference: Cox, Ingersoll and Ross (1985), equations 17, 19 and 23; Andersen (2008).
    """

    spot: Scalar = eqx.field(converter=positive("spot"))
    vol: Scalar = eqx.field(converter=non_negative("vol"))
    rate: Scalar = eqx.field(converter=non_negative("rate"))
    mean_reversion: Scalar = eqx.field(converter=positive("mean_reversion"))
    long_rate: Scalar = eqx.field(converter=positive("long_rate"))
    rate_vol: Scalar = eqx.field(converter=positive("rate_vol"))
    correlation: Scalar = eqx.field(converter=between("correlation", -1.0, 1.0), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)
    drift: Scalar | None = eqx.field(converter=optional(real("drift")), default=None)

    @property
    def normals_per_step(self) -> int:
        return 2

    def start(self) -> Snapshot:
        return at_start(self.spot[None], self.rate[None])

    def path(self, times: Float[Array, " time"], normals: Float[Array, "step normal"]) -> Path:
        dt = jnp.diff(times)

        def step(rate: Scalar, inputs: tuple[Scalar, Scalar]):
            after, integral = self._advance(rate, *inputs)
            return after, (after, integral)

        _, (rates, integrals) = lax.scan(step, self.rate, (dt, normals[:, 1]))
        rho, own = self.correlation, jnp.sqrt(1.0 - self.correlation**2)
        diffusion = self.vol * jnp.sqrt(dt) * (own * normals[:, 0] + rho * normals[:, 1])
        growth = integrals - self.dividend * dt if self.drift is None else self.drift * dt
        log_returns = growth - 0.5 * self.vol**2 * dt + diffusion
        return one_asset_path(
            times,
            self.spot * jnp.exp(partial_sums(log_returns)),
            discount=jnp.exp(-partial_sums(integrals)),
            dividend=self.dividend,
            factors=jnp.append(self.rate[None], rates)[:, None],
        )

    def _advance(self, rate: Scalar, dt: Scalar, z: Scalar) -> tuple[Scalar, Scalar]:
        """The rate `dt` years on, and its integral until then."""
        after, log_moment, _ = quadratic_exponential(
            rate,
            dt,
            z,
            -0.5 * dt,
            mean_reversion=self.mean_reversion,
            long_run=self.long_rate,
            vol=self.rate_vol,
        )
        return after, 0.5 * dt * after + log_moment - self._log_bond(dt, rate)

    def bond(self, tau: Scalar, rate: Scalar) -> Scalar:
        r"""Price of one unit of cash paid `tau` years on, at short rate `rate`.

        With $\gamma = \sqrt{\kappa^2 + 2\eta^2}$, $e = 1 - e^{-\gamma\tau}$ and
        $w = 1 - \frac{\gamma - \kappa}{2\gamma}e$

        $$\log P = -\frac{2\kappa\theta}{\eta^2}\Bigl(\log w + \frac{\gamma - \kappa}{2}\tau\Bigr)
        - \frac{e}{\gamma w} r.$$

        Reference: Cox, Ingersoll and Ross (1985), equation 23.
        """
        return jnp.exp(self._log_bond(tau, rate))

    def _log_bond(self, tau: Scalar, rate: Scalar) -> Scalar:
        kappa, square = self.mean_reversion, self.rate_vol**2
        gamma = jnp.sqrt(kappa**2 + 2.0 * square)
        gap = 2.0 * square / (gamma + kappa)  # gamma - kappa without its cancellation
        fall = -jnp.expm1(-gamma * tau)
        log_width = jnp.log1p(-0.5 * gap / gamma * fall)
        level = 2.0 * kappa * self.long_rate / square * (log_width + 0.5 * gap * tau)
        return -level - fall / (gamma * jnp.exp(log_width)) * rate

    def at(self, now: Snapshot) -> "CIRRates":
        return dataclasses.replace(self, spot=now.prices[0], rate=now.factors[0], drift=None)

    def shifted(self, now: Snapshot, *, vol: Scalar, rate: Scalar) -> tuple["CIRRates", Snapshot]:
        """`rate` moves the current rate and its long-run level."""
        moved = dataclasses.replace(
            self, vol=self.vol + vol, rate=self.rate + rate, long_rate=self.long_rate + rate
        )
        return moved, dataclasses.replace(now, factors=now.factors + rate)

    @classmethod
    def example(cls) -> "CIRRates":
        """A typical member, for tests and documentation."""
        return cls(
            spot=100.0,
            vol=0.2,
            rate=0.02,
            mean_reversion=0.5,
            long_rate=0.03,
            rate_vol=0.08,
            correlation=-0.3,
            dividend=0.01,
        )
