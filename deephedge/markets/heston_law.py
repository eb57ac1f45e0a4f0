"""What the simulation schemes of Heston's model share: its parameters and its exact law."""

import dataclasses
from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
from jax import lax

from deephedge.markets.base import (
    AbstractAffineModel,
    Path,
    Snapshot,
    at_start,
    flat_discount,
    one_asset_path,
)
from deephedge.numerics import safe
from deephedge.numerics.checks import between, non_negative, optional, positive, real
from deephedge.numerics.running import partial_sums
from deephedge.typing import Array, Float, Scalar


class AbstractHeston(AbstractAffineModel):
    r"""Stochastic variance that returns to its mean.

    $$dS = \mu S\,dt + \sqrt{v}\,S\,dW, \quad dv = \kappa(\theta - v)\,dt + \sigma\sqrt{v}\,dZ,
    \quad d\langle W, Z\rangle = \rho\,dt$$

    with $v_0$ `variance`, $\kappa$ `mean_reversion`, $\theta$ `long_variance`, $\sigma$
    `vol_of_variance`, $\rho$ `correlation`, and $\mu = r - q$ unless `drift` is given. The one
    factor is $v$. Two normals a step: the price's own, then the variance's.

    Reference: Heston (1993).
    """

    spot: Scalar = eqx.field(converter=positive("spot"))
    variance: Scalar = eqx.field(converter=non_negative("variance"))
    mean_reversion: Scalar = eqx.field(converter=positive("mean_reversion"))
    long_variance: Scalar = eqx.field(converter=positive("long_variance"))
    vol_of_variance: Scalar = eqx.field(converter=positive("vol_of_variance"))
    correlation: Scalar = eqx.field(converter=between("correlation", -1.0, 1.0))
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)
    drift: Scalar | None = eqx.field(converter=optional(real("drift")), default=None)

    @property
    def normals_per_step(self) -> int:
        return 2

    def start(self) -> Snapshot:
        return at_start(self.spot[None], self.variance[None])

    @abstractmethod
    def advance(
        self, variance: Scalar, dt: Scalar, normals: Float[Array, " normal"]
    ) -> tuple[Scalar, Scalar]:
        """One step of `dt` years: the log-return over its forward, and the new variance."""

    def path(self, times: Float[Array, " time"], normals: Float[Array, "step normal"]) -> Path:
        def step(variance: Scalar, inputs: tuple[Scalar, Array]):
            log_return, after = self.advance(variance, *inputs)
            return after, (log_return, after)

        dt = jnp.diff(times)
        _, (log_returns, variances) = lax.scan(step, self.variance, (dt, normals))
        growth = self.rate - self.dividend if self.drift is None else self.drift
        log_growth = partial_sums(log_returns + growth * dt)
        prices = self.spot * jnp.exp(log_growth)
        return one_asset_path(
            times,
            prices,
            discount=flat_discount(times, self.rate),
            dividend=self.dividend,
            # Full truncation lets its variance go below zero; what it uses is the positive part.
            factors=jnp.maximum(jnp.append(self.variance[None], variances), 0.0)[:, None],
        )

    def at(self, now: Snapshot) -> "AbstractHeston":
        return dataclasses.replace(self, spot=now.prices[0], variance=now.factors[0], drift=None)

    def shifted(
        self, now: Snapshot, *, vol: Scalar, rate: Scalar
    ) -> tuple["AbstractHeston", Snapshot]:
        factors = (safe.sqrt(now.factors) + vol) ** 2
        return (
            dataclasses.replace(self, rate=self.rate + rate),
            dataclasses.replace(now, factors=factors),
        )

    def log_characteristic(self, u: Array, tau: Scalar, factors: Float[Array, " factor"]) -> Array:
        r"""The "little trap" form, which is continuous in u.

        With $b = \kappa - i\rho\sigma u$, $q = u^2 + iu$, $d = \sqrt{b^2 + \sigma^2 q}$ and
        $r = -q/(b + d)$, which is $(b - d)/\sigma^2$ without its cancellation.

        Reference: Albrecher, Mayer, Schoutens and Tistaert (2007), equation 2.
        """
        parameters = (self.mean_reversion, self.long_variance, self.vol_of_variance)
        kappa, theta, sigma = (x.astype(u.dtype) for x in parameters)
        rho, tau, variance = (x.astype(u.dtype) for x in (self.correlation, tau, factors[0]))
        q = u * u + 1j * u
        b = kappa - 1j * rho * sigma * u
        d = jnp.sqrt(b * b + sigma**2 * q)
        r = -q / (b + d)
        g = sigma**2 * r / (b + d)
        fall = -jnp.expm1(-d * tau)
        log_term = jnp.log1p(g * fall / (1.0 - g)) * (2.0 / sigma**2)
        level = kappa * theta * (r * tau - log_term)
        return level + variance * r * fall / (1.0 - g + g * fall)
