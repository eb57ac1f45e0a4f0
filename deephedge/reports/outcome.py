"""What is kept of every hedged path: five numbers."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.rollout import Ledger
from deephedge.typing import Array, Float


class Outcome(eqx.Module):
    """How one path ended, in today's money; a batch adds a leading path axis to every field."""

    pnl: Float[Array, " *path"]
    """The seller's profit."""
    cost: Float[Array, " *path"]
    """All trading costs."""
    carry: Float[Array, " *path"]
    """All that financing charged."""
    turnover: Float[Array, " *path"]
    """Value of everything bought and sold."""
    trades: Float[Array, " *path"]
    """How many trades were not zero, over all dates and assets."""


def outcome(ledger: Ledger) -> Outcome:
    """The five numbers of one path's ledger; to pass as `keep`."""
    return Outcome(
        pnl=ledger.pnl,
        cost=jnp.sum(ledger.costs),
        carry=jnp.sum(ledger.carry),
        turnover=jnp.sum(ledger.turnover),
        trades=jnp.sum((ledger.trades != 0).astype(ledger.costs.dtype)),
    )
