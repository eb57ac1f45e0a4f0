"""Foreign assets paid at a fixed exchange rate."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.claims.final_prices import final_prices
from deephedge.markets.base import Path
from deephedge.numerics.checks import positive
from deephedge.typing import Array, Float, Scalar


class QuantoCall(AbstractClaim):
    r"""Pays $\bar X (S_T / X_T - K)^+$: a call on the foreign price at a fixed exchange rate.

    The market holds what can be traded at home: $S$, the asset in domestic currency, and $X$,
    the exchange rate, the price of one unit of foreign currency (its dividend yield is the
    foreign rate). The price abroad is their ratio; the strike is in foreign currency.

    Reference: Reiner (1992), Quanto mechanics.
    """

    strike: Scalar = eqx.field(converter=positive("strike"))
    maturity: Scalar = eqx.field(converter=positive("maturity"))
    fixed_rate: Scalar = eqx.field(converter=positive("fixed_rate"), default=1.0)
    asset: int = eqx.field(static=True, default=0)
    currency: int = eqx.field(static=True, default=1)

    def payoff(self, path: Path) -> Scalar:
        price, exchange = final_prices(path, (self.asset, self.currency), "QuantoCall")
        return self.fixed_rate * jnp.maximum(price / exchange - self.strike, 0.0)

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        return jnp.zeros((path.time.shape[0], 0), path.prices.dtype)

    @classmethod
    def example(cls) -> "QuantoCall":
        """A typical member, for tests and documentation."""
        return cls(strike=1.0, maturity=0.25, fixed_rate=90.0)
