"""The final prices of several assets, for claims on more than one."""

from collections.abc import Sequence

import jax.numpy as jnp

from deephedge.markets.base import Path
from deephedge.typing import Array, Float


def final_prices(path: Path, assets: Sequence[int], claim: str) -> Float[Array, " asset"]:
    """Prices at the end of the path; a `TypeError` where the market has too few assets."""
    n_assets = path.prices.shape[-1]
    if max(assets) >= n_assets:
        raise TypeError(
            f"{claim} is paid on asset {max(assets)}, but the market has {n_assets}; "
            f"use `BlackScholes(spot=[...], vol=[...])` with {max(assets) + 1} or more assets."
        )
    first, end = min(assets), max(assets) + 1
    if list(assets) == list(range(first, end)):
        # A slice: of the stack, XLA for CPU makes wrong numbers in some nested loops (jax 0.10.2).
        return path.prices[-1, first:end]
    return jnp.stack([path.prices[-1, asset] for asset in assets])
