"""The Greeks of a whole book: what is held, what is listed, and the claim that was sold."""

import dataclasses

import jax
import jax.numpy as jnp

from deephedge.claims import AbstractClaim
from deephedge.markets import AbstractMarket, Snapshot
from deephedge.policies import model_delta
from deephedge.policies.greeks import instrument_greeks
from deephedge.pricing import AbstractListed, AbstractPricer
from deephedge.pricing.greeks import greeks
from deephedge.typing import Array, Float

NAMES = ("gamma", "vega", "theta")


def book_greeks(
    market: AbstractMarket,
    claim: AbstractClaim,
    pricer: AbstractPricer | None,
    now: Snapshot,
    holdings: Float[Array, " asset"],
) -> dict[str, Array]:
    """Delta by each asset; gamma, vega and theta in the claim's asset, where there are any.

    Also `price`, that of the claim, 0 without a pricer. Derivatives of the listed contracts are
    those of the formulas that mark them, also where they are quoted at other prices.
    """
    listed = market if isinstance(market, AbstractListed) else None
    assets = now if listed is None else listed.assets_at(now)
    asset, n_assets = vars(claim).get("asset", 0), assets.prices.shape[0]
    found = {"delta": holdings[:n_assets], "price": jnp.zeros_like(now.discount)}
    if pricer is not None:
        owed = greeks(pricer, claim, assets, ("price", *NAMES), asset=asset)
        found |= {name: -owed[name] for name in NAMES}
        found["delta"] = found["delta"] - model_delta(pricer, claim, assets)
        found["price"] = owed["price"]
    if listed is not None:
        units = holdings[n_assets:]
        found["delta"] = found["delta"] + _delta(listed, units, assets, now)
        columns = instrument_greeks(listed, now, NAMES, asset=asset) @ units
        found |= {name: found.get(name, 0.0) + columns[i] for i, name in enumerate(NAMES)}
    return found


def _delta(
    listed: AbstractListed, units: Float[Array, " instrument"], assets: Snapshot, now: Snapshot
) -> Float[Array, " asset"]:
    """Slopes of the contracts by the prices of all assets."""
    return jax.grad(
        lambda prices: listed.worth(units, dataclasses.replace(assets, prices=prices), now)
    )(assets.prices)
