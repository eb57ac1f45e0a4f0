"""One or several correlated assets with constant volatility."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp

from deephedge.markets.base import (
    AbstractAffineModel,
    Path,
    Snapshot,
    at_start,
    flat_discount,
    no_progress,
)
from deephedge.numerics.checks import correlation, non_negative, optional, per_asset, positive, real
from deephedge.numerics.running import partial_sums
from deephedge.typing import Array, Float, Scalar


class BlackScholes(AbstractAffineModel):
    r"""Geometric Brownian motion, sampled exactly at any dates.

    $$dS_j = \mu_j S_j\,dt + \sigma_j S_j\,dW_j, \quad d\langle W_j, W_k\rangle = \rho_{jk}dt$$

    with $\mu = r - q$ unless `drift` is given. Without `correlation` the assets are independent.
    No factors. A `drift` is the real-world growth rate of the prices.

    Reference: Black and Scholes (1973); Merton (1973) for the dividend yield.
    """

    spot: Float[Array, " asset"] = eqx.field(converter=per_asset(positive("spot")))
    vol: Float[Array, " asset"] = eqx.field(converter=per_asset(non_negative("vol")))
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)
    drift: Scalar | None = eqx.field(converter=optional(real("drift")), default=None)
    correlation: Float[Array, "asset asset"] | None = eqx.field(
        converter=optional(correlation("correlation")), default=None
    )

    def __check_init__(self):
        n_assets = self.spot.shape[0]
        if self.vol.shape != self.spot.shape:
            raise ValueError(
                f"`vol` must have one value per asset, got {self.vol.shape[0]} for {n_assets} "
                f"spots; pass `vol=[{', '.join(['0.2'] * n_assets)}]`."
            )
        if self.correlation is not None and self.correlation.shape[0] != n_assets:
            raise ValueError(
                f"`correlation` must be {n_assets} x {n_assets}, got {self.correlation.shape}."
            )

    @property
    def normals_per_step(self) -> int:
        return self.spot.shape[0]

    def start(self) -> Snapshot:
        return at_start(self.spot)

    def path(self, times: Float[Array, " time"], normals: Float[Array, "step normal"]) -> Path:
        dt = jnp.diff(times)[:, None]
        if self.correlation is not None:
            normals = normals @ jnp.linalg.cholesky(self.correlation).T
        drift = self.rate - self.dividend if self.drift is None else self.drift
        vol = self.vol[None, :]
        log_returns = (drift - 0.5 * vol**2) * dt + vol * jnp.sqrt(dt) * normals
        prices = self.spot[None, :] * jnp.exp(partial_sums(log_returns))
        return Path(
            time=times,
            prices=prices,
            factors=jnp.zeros((times.shape[0], 0), times.dtype),
            discount=flat_discount(times, self.rate),
            accrual=jnp.exp(self.dividend * times)[:, None] * jnp.ones_like(prices),
            progress=no_progress(times),
        )

    def at(self, now: Snapshot) -> "BlackScholes":
        return dataclasses.replace(self, spot=now.prices, drift=None)

    def shifted(
        self, now: Snapshot, *, vol: Scalar, rate: Scalar
    ) -> tuple["BlackScholes", Snapshot]:
        return dataclasses.replace(self, vol=self.vol + vol, rate=self.rate + rate), now

    def log_characteristic(self, u: Array, tau: Scalar, factors: Float[Array, " factor"]) -> Array:
        del factors
        return (-0.5 * self.vol[0] ** 2 * tau).astype(u.dtype) * (u * u + 1j * u)

    @classmethod
    def example(cls) -> "BlackScholes":
        """A typical member, for tests and documentation."""
        return cls(spot=100.0, vol=0.2, rate=0.02, dividend=0.01)
