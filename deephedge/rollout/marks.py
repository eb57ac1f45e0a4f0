"""Listed contracts as quotes arrive: at their quotes, and at their pricers' values without one."""

import dataclasses
from typing import NamedTuple

import jax.numpy as jnp

from deephedge.markets.base import Snapshot
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.instruments import Held
from deephedge.pricing.listed import AbstractListed
from deephedge.rollout.pressure import two_rows
from deephedge.typing import Array, Float, Scalar


class _Since(NamedTuple):
    """A contract at the quote before."""

    assets: Snapshot
    own: Float[Array, " factor"]
    price: Scalar


def marked(
    listed: AbstractListed,
    assets: Snapshot,
    marks: Float[Array, " instrument"],
    before: Snapshot | None = None,
) -> Snapshot:
    """The market at a quote: `assets`, then the contracts that are listed.

    A mark that is not a number is no quote: the contract then has the value that its pricer gives
    it. At the first quote at or after its expiry a contract is settled, by its mark or by what it
    pays at the prices of that quote; from then on it is that cash.

    Args:
        listed: the market, whose instruments are all `Held`.
        assets: the market at the quote without them.
        marks: the quotes of the contracts.
        before: the market at the quote before; `None` at the first.
    """
    n_assets, prices, factors = assets.prices.shape[0], [], []
    for i, (contract, pricer) in enumerate(zip(listed.instruments, listed.pricers(), strict=True)):
        if not isinstance(contract, Held):
            raise ValueError(
                f"`instruments` must be held to their expiry, got {type(contract).__name__}: at a "
                "roll two contracts are quoted; pass `Held(claim)` for each."
            )
        since = None
        if before is not None:
            own = listed.own_factors(before)[i]
            since = _Since(listed.assets_at(before), own, before.prices[n_assets + i])
        price, own = _marked(contract, pricer, assets, marks[i], since)
        prices.append(price)
        factors.append(own)
    return dataclasses.replace(
        assets,
        prices=jnp.concatenate([assets.prices, jnp.stack(prices)]),
        accrual=jnp.concatenate([assets.accrual, jnp.ones_like(marks)]),
        factors=jnp.concatenate([assets.factors, *factors]),
    )


def _marked(
    contract: Held, pricer: AbstractPricer, assets: Snapshot, mark: Scalar, since: _Since | None
) -> tuple[Scalar, Float[Array, " factor"]]:
    """The price of a contract, and what it remembers."""
    if since is None:
        own = contract.claim.progress(two_rows(assets, assets))[0]
    else:
        rows = (dataclasses.replace(x, progress=since.own) for x in (since.assets, assets))
        own = contract.claim.progress(two_rows(*rows))[1]
    settled = dataclasses.replace(assets, time=jnp.minimum(assets.time, contract.expiry(own)))
    price = jnp.where(jnp.isnan(mark), contract.value(pricer, settled, own), mark)
    if since is None:
        return price, own
    cash = since.price * since.assets.discount / assets.discount
    return jnp.where(contract.is_live(since.assets, since.own), price, cash), own
