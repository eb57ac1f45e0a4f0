"""Which contract each column of a path is: where one is paid out, and where it is replaced."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from deephedge.markets.base import Contracts, Path
from deephedge.pricing.instruments import ON_TIME, AbstractInstrument
from deephedge.typing import Array, Bool, Float


def contracts_of(
    instruments: Sequence[AbstractInstrument], own: Sequence[Array], path: Path
) -> Contracts:
    """The contracts of the instruments, the last columns of the path, from their own factors."""
    pairs = zip(instruments, own, strict=True)
    expiry = jnp.stack([jax.vmap(x.expiry)(rows) for x, rows in pairs], axis=1)
    before = _at_the_date_before(expiry)
    accrual = path.accrual[:, -len(instruments) :]
    ratio = accrual / _at_the_date_before(accrual)
    rolls = any(x.interval is not None for x in instruments)
    return Contracts(
        cash=_ended(path, expiry),
        new=expiry != before if rolls else None,
        old=jnp.where(_ended(path, before), 0.0, ratio),
    )


def beside(assets: Contracts | None, own: Contracts, n_assets: int) -> Contracts:
    """The contracts of a market's assets, `None` where it lists none, and those listed by them."""
    shape = (own.cash.shape[0], n_assets)
    if assets is None:
        assets = Contracts(jnp.zeros(shape, bool), None, jnp.zeros(shape, own.old.dtype))
    new = None
    if not (assets.new is None and own.new is None):
        parts = [jnp.zeros(x.cash.shape, bool) if x.new is None else x.new for x in (assets, own)]
        new = jnp.concatenate(parts, axis=1)
    return Contracts(
        cash=jnp.concatenate([assets.cash, own.cash], axis=1),
        new=new,
        old=jnp.concatenate([assets.old, own.old], axis=1),
    )


def _ended(path: Path, expiry: Float[Array, "time instrument"]) -> Bool[Array, "time instrument"]:
    return path.time[:, None] >= expiry - ON_TIME * jnp.abs(expiry)


def _at_the_date_before(rows: Array) -> Array:
    return jnp.concatenate([rows[:1], rows[:-1]])
