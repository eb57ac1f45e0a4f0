"""The quanto call in closed form."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.claims.quanto import QuantoCall
from deephedge.markets.base import AbstractMarket, Snapshot
from deephedge.markets.black_scholes import BlackScholes
from deephedge.numerics import safe
from deephedge.numerics.checks import between, non_negative, real
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.margrabe import exchange_value
from deephedge.typing import Scalar


class QuantoFormula(AbstractPricer):
    r"""A call on a foreign lognormal price, paid at a fixed exchange rate.

    $$V = \bar X e^{-r\tau}\bigl(F\Phi(d_1) - K\Phi(d_2)\bigr), \quad
    F = \frac{S}{X}\,e^{(r_f - q - \rho\,\sigma\,\sigma_X)\tau}$$

    with $d_{1,2}$ those of Black and Scholes at $\sigma$, the volatility of the price abroad
    $S/X$; $\sigma_X$ is that of the exchange rate (domestic per foreign) and $\rho$ the
    correlation of the two. A shift of the volatility is one of $\sigma$, of rates one of the
    domestic rate $r$.

    Reference: Reiner (1992), Quanto mechanics.
    """

    vol: Scalar = eqx.field(converter=non_negative("vol"))
    currency_vol: Scalar = eqx.field(converter=non_negative("currency_vol"))
    correlation: Scalar = eqx.field(converter=between("correlation", -1.0, 1.0))
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    foreign_rate: Scalar = eqx.field(converter=real("foreign_rate"), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)

    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        if not isinstance(claim, QuantoCall):
            raise TypeError(
                f"QuantoFormula prices a QuantoCall, got {type(claim).__name__}; "
                "use `MonteCarlo(model, n_paths=..., n_steps=..., key=...)`."
            )
        if max(claim.asset, claim.currency) >= now.prices.shape[0]:
            raise TypeError(
                f"QuantoCall needs the prices of assets {claim.asset} and {claim.currency}, got "
                f"{now.prices.shape[0]}; use `BlackScholes(spot=[asset, exchange rate], ...)`."
            )
        tau = claim.tau(now)
        drift = self.foreign_rate - self.dividend
        drift = drift - self.correlation * self.vol * self.currency_vol
        abroad = now.prices[claim.asset] / now.prices[claim.currency]
        deviation = self.vol * safe.sqrt(tau)
        value = exchange_value(abroad * jnp.exp(drift * tau), claim.strike, deviation)
        return claim.fixed_rate * jnp.exp(-self.rate * tau) * value

    def shifted(
        self, now: Snapshot, *, vol: Scalar, rate: Scalar
    ) -> tuple["QuantoFormula", Snapshot]:
        return dataclasses.replace(self, vol=self.vol + vol, rate=self.rate + rate), now

    @classmethod
    def for_model(cls, model: AbstractMarket, asset: int = 0) -> "QuantoFormula | None":
        """Of the two assets, the other one is the exchange rate; both pay the dividend yield."""
        if not isinstance(model, BlackScholes) or model.vol.shape[0] != 2 or asset > 1:
            return None
        own, currency = model.vol[asset], model.vol[1 - asset]
        together = 0.0 if model.correlation is None else model.correlation[0, 1]
        shared = together * own * currency
        vol = safe.sqrt(own**2 + currency**2 - 2.0 * shared)
        return cls(
            vol=vol,
            currency_vol=currency,
            correlation=safe.divide(shared - currency**2, vol * currency),
            rate=model.rate,
            foreign_rate=model.dividend,
            dividend=model.dividend,
        )

    @classmethod
    def example(cls) -> "QuantoFormula":
        """A typical member, for tests and documentation."""
        return cls(vol=0.25, currency_vol=0.1, correlation=-0.3, rate=0.02, foreign_rate=0.04)
