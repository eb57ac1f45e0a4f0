"""What the closed forms for one asset with constant volatility share."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.markets.base import AbstractMarket, Snapshot
from deephedge.markets.black_scholes import BlackScholes
from deephedge.pricing.base import AbstractPricer
from deephedge.typing import Array, Scalar

LEAST_VOL = 1e-4
"""Below this volatility, formulas that divide by the variance use it: 0.01 % a year."""


class AbstractClosedForm(AbstractPricer):
    r"""Prices under $dS = (r - q) S\,dt + \sigma S\,dW$ with constants."""

    vol: eqx.AbstractVar[Scalar]
    rate: eqx.AbstractVar[Scalar]
    dividend: eqx.AbstractVar[Scalar]

    def shifted(
        self, now: Snapshot, *, vol: Scalar, rate: Scalar
    ) -> "tuple[AbstractClosedForm, Snapshot]":
        return dataclasses.replace(self, vol=self.vol + vol, rate=self.rate + rate), now

    @classmethod
    def for_model(cls, model: AbstractMarket, asset: int = 0) -> "AbstractClosedForm | None":
        terms = constant_vol(model, asset)
        return None if terms is None else cls(**terms)


def constant_vol(model: AbstractMarket, asset: int) -> dict[str, Scalar] | None:
    """Vol, rate and dividend of one asset under Black and Scholes; `None` in another model."""
    if not isinstance(model, BlackScholes) or asset >= model.vol.shape[0]:
        return None
    return {"vol": model.vol[asset], "rate": model.rate, "dividend": model.dividend}


def refusal(pricer: AbstractPricer, prices: str, claim: AbstractClaim) -> TypeError:
    """The error of a pricer that `prices` other claims; it names a pricer for this one."""
    return TypeError(
        f"{type(pricer).__name__} prices {prices}, got {type(claim).__name__}; "
        "use `MonteCarlo(model, n_paths=..., n_steps=..., key=...)`."
    )


def time_left(claim: AbstractClaim, now: Snapshot) -> tuple[Array, Scalar]:
    """Whether any time is left, and the time left: a year, which nobody reads, if none is."""
    tau = claim.tau(now)
    live = tau > 0
    return live, jnp.where(live, tau, 1.0)
