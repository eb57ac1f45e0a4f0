"""One asset whose volatility depends on the date."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from deephedge.markets.base import (
    AbstractModel,
    Path,
    Snapshot,
    at_start,
    flat_discount,
    one_asset_path,
)
from deephedge.numerics import safe
from deephedge.numerics.checks import non_negative, optional, per_asset, positive, real
from deephedge.numerics.running import partial_sums
from deephedge.typing import Array, Float, Scalar


class VolTermStructure(AbstractModel):
    r"""Geometric Brownian motion whose volatility is constant between given dates.

    $$dS = \mu S\,dt + \sigma(t) S\,dW, \quad \sigma(t) = \sigma_i \text{ for }
    t_{i-1} \le t < t_i$$

    with $\sigma_i$ `vol`, $t_i$ `buckets`, the end of each bucket in years ($t_0 = 0$; the last
    vol goes on after its end; the theta of a price jumps at each), and $\mu = r - q$ unless `drift`
    is given. No factors. Sampled exactly at any dates, with one normal a step.

    Reference: Merton (1973), for a volatility that depends on time.
    """

    spot: Scalar = eqx.field(converter=positive("spot"))
    buckets: Float[Array, " bucket"] = eqx.field(converter=per_asset(positive("buckets")))
    vol: Float[Array, " bucket"] = eqx.field(converter=per_asset(non_negative("vol")))
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)
    drift: Scalar | None = eqx.field(converter=optional(real("drift")), default=None)

    def __check_init__(self):
        if self.vol.shape != self.buckets.shape:
            raise ValueError(
                f"`vol` must have one value per bucket, {self.buckets.shape[0]}, got "
                f"{self.vol.shape[0]}."
            )
        if not isinstance(self.buckets, Tracer):
            ends = np.asarray(self.buckets)
            if np.any(np.diff(ends) <= 0):
                raise ValueError(f"`buckets` must increase, got {ends.tolist()}.")

    @property
    def normals_per_step(self) -> int:
        return 1

    def start(self) -> Snapshot:
        return at_start(self.spot[None])

    def path(self, times: Float[Array, " time"], normals: Float[Array, "step normal"]) -> Path:
        dt, variance = jnp.diff(times), jnp.diff(self.total_variance(times))
        growth = self.rate - self.dividend if self.drift is None else self.drift
        steps = growth * dt - 0.5 * variance + safe.sqrt(variance) * normals[:, 0]
        return one_asset_path(
            times,
            self.spot * jnp.exp(partial_sums(steps)),
            discount=flat_discount(times, self.rate),
            dividend=self.dividend,
        )

    def total_variance(self, time: Array) -> Array:
        r"""$\int_0^t \sigma(s)^2 ds$ at dates of any shape."""
        begin = jnp.append(jnp.zeros_like(self.buckets[:1]), self.buckets[:-1])
        # The first vol and the last go on beyond their buckets.
        low, high = begin.at[0].set(-jnp.inf), self.buckets.at[-1].set(jnp.inf)
        row = (1,) * time.ndim + begin.shape
        inside = jnp.clip(time[..., None], min=low.reshape(row), max=high.reshape(row))
        return (inside - begin.reshape(row)) @ self.vol**2

    def at(self, now: Snapshot) -> "VolTermStructure":
        return dataclasses.replace(self, spot=now.prices[0], drift=None)

    def shifted(
        self, now: Snapshot, *, vol: Scalar, rate: Scalar
    ) -> tuple["VolTermStructure", Snapshot]:
        """`vol` moves the volatility of every bucket."""
        return dataclasses.replace(self, vol=self.vol + vol, rate=self.rate + rate), now

    @classmethod
    def example(cls) -> "VolTermStructure":
        """A typical member, for tests and documentation."""
        return cls(
            spot=100.0,
            buckets=[0.25, 0.5, 1.0],
            vol=[0.3, 0.25, 0.2],
            rate=0.02,
            dividend=0.01,
        )
