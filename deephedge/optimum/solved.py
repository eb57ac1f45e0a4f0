"""What solving a problem brings."""

import equinox as eqx

from deephedge.policies.base import AbstractPolicy


class Solved(eqx.Module):
    """The least risk that any hedge can have, and the hedge that has it."""

    value: float = eqx.field(static=True)
    """Least risk of the seller's P&L, the premium counted; in today's money."""
    error: float = eqx.field(static=True)
    """How far the value was from that on a grid of half the resolution in every direction.

    Of a method of second order or better it is at least three times the error that is left; with
    closing out charged, whose kink at holdings of 0 makes it of first order, about as large. It
    does not see the law's tails, which both grids cut off at the same place."""
    lower: float = eqx.field(static=True)
    """Lower edge of the no-trade region at the start."""
    upper: float = eqx.field(static=True)
    """Upper edge of the no-trade region at the start."""
    policy: AbstractPolicy
    """The optimal hedge, in tables: for `sample`, `compare` and `replay`."""
