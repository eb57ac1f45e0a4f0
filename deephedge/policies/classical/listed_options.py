"""The calls and puts that a market lists and holds to their expiry."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.vanilla import Call, Put
from deephedge.pricing.instruments import Held
from deephedge.pricing.listed import AbstractListed
from deephedge.typing import Array, Bool, Float, Scalar

SAME = 1e-5
"""Strikes and expiries that differ by this share are the same."""


class Strikes(eqx.Module):
    """Some of the instruments of a market: their places among all of them, and their terms."""

    places: tuple[int, ...] = eqx.field(static=True)
    strikes: Float[Array, " option"]
    expiries: Float[Array, " option"]

    def like(self, strike: Scalar, expiry: Scalar) -> Bool[Array, " option"]:
        """Which options have that strike and that expiry."""
        struck = jnp.isclose(self.strikes, strike, rtol=SAME, atol=0.0)
        return struck & jnp.isclose(self.expiries, expiry, rtol=SAME, atol=0.0)


def listed_options(market: AbstractListed, kind: type[Call] | type[Put], asset: int) -> Strikes:
    """The options of that kind on that asset which the market lists and holds to expiry."""
    found = [
        (place, x.claim)
        for place, x in enumerate(market.instruments)
        if isinstance(x, Held) and isinstance(x.claim, kind) and x.claim.asset == asset
    ]
    if not found:
        raise ValueError(
            f"`market` must list a {kind.__name__} on asset {asset}, got none; pass "
            f"`listed_market(model, [{kind.__name__}(strike=..., maturity=...)])`."
        )
    return Strikes(
        places=tuple(place for place, _ in found),
        strikes=jnp.stack([claim.strike for _, claim in found]),
        expiries=jnp.stack([claim.maturity for _, claim in found]),
    )
