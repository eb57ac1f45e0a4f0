"""What the closed forms for several lognormal assets share."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp

from deephedge.markets.base import AbstractMarket, Snapshot
from deephedge.markets.black_scholes import BlackScholes
from deephedge.numerics import safe
from deephedge.pricing.base import AbstractPricer
from deephedge.typing import Array, Float, Scalar

FAR = 1e3
"""Deviations that stand for infinity where the outcome is certain."""


class AbstractLognormalPricer(AbstractPricer):
    r"""Prices in the several-asset model of Black and Scholes, one dividend yield per asset.

    $$dS_j = (r - q_j) S_j\,dt + \sigma_j S_j\,dW_j, \quad d\langle W_j, W_k\rangle = \rho_{jk}dt$$

    `vol` has one value per asset of the market, `dividend` one per asset or one for all; without
    `correlation`, a matrix, the assets are independent.
    """

    vol: eqx.AbstractVar[Float[Array, " asset"]]
    rate: eqx.AbstractVar[Scalar]
    dividend: eqx.AbstractVar[Float[Array, " yield"]]
    correlation: eqx.AbstractVar[Float[Array, "asset asset"] | None]

    def __check_init__(self):
        n_assets = self.vol.shape[0]
        if self.dividend.shape[0] not in (1, n_assets):
            raise ValueError(
                f"`dividend` must have one value, or one per asset, got {self.dividend.shape[0]} "
                f"for {n_assets} vols."
            )
        if self.correlation is not None and self.correlation.shape[0] != n_assets:
            raise ValueError(
                f"`correlation` must be {n_assets} x {n_assets}, got {self.correlation.shape}."
            )

    def forward(self, now: Snapshot, asset: int, tau: Scalar) -> Scalar:
        """The price of the asset for delivery after `tau` years."""
        if asset >= min(self.vol.shape[0], now.prices.shape[0]):
            raise TypeError(
                f"{type(self).__name__} needs a vol and a price of asset {asset}, got "
                f"{self.vol.shape[0]} and {now.prices.shape[0]}; use `vol=[...]` and a market "
                "with one value per asset."
            )
        dividend = jnp.broadcast_to(self.dividend, self.vol.shape)[asset]
        return now.prices[asset] * jnp.exp((self.rate - dividend) * tau)

    def covariance(self, first: int, second: int) -> Scalar:
        """Covariance of the log returns of two assets, per year."""
        return self.vol[first] * self.vol[second] * self.correlated(first, second)

    def correlated(self, first: int, second: int) -> Scalar:
        """The correlation of two assets."""
        if first == second or self.correlation is None:
            return jnp.asarray(float(first == second), self.vol.dtype)
        return 0.5 * (self.correlation[first, second] + self.correlation[second, first])

    def shifted(
        self, now: Snapshot, *, vol: Scalar, rate: Scalar
    ) -> "tuple[AbstractLognormalPricer, Snapshot]":
        return dataclasses.replace(self, vol=self.vol + vol, rate=self.rate + rate), now

    @classmethod
    def for_model(cls, model: AbstractMarket, asset: int = 0) -> "AbstractLognormalPricer | None":
        if not isinstance(model, BlackScholes):
            return None
        terms = {name: vars(model)[name] for name in ("vol", "rate", "dividend", "correlation")}
        return cls(**terms)


def distance(gap: Array, deviation: Array) -> Array:
    r"""A gap in deviations; at no deviation the outcome is certain: ±1000, or 0 at 0."""
    live = deviation > 0
    return jnp.where(live, gap / jnp.where(live, deviation, 1.0), FAR * jnp.sign(gap))


def log_ratio(above: Scalar, below: Scalar) -> Scalar:
    """The logarithm of above / below, finite where either is 0."""
    return safe.log(above) - safe.log(below)
