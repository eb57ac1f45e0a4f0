"""Barriers must not have been reached when a claim begins."""

import numpy as np
from jax.core import Tracer

from deephedge.claims.barrier import BarrierOption, UpAndOutCall
from deephedge.claims.base import AbstractClaim
from deephedge.claims.double_barrier import DoubleBarrierOption
from deephedge.claims.touch import NoTouch, OneTouch
from deephedge.markets.base import Snapshot


def refuse_wrong_side(claim: AbstractClaim, start: Snapshot) -> None:
    """A `ValueError` if a barrier lies on the wrong side of the spot that the market starts from.

    Values that are traced pass unchecked. A claim in mid-life may well be past its barrier.
    """
    if isinstance(claim, DoubleBarrierOption):
        sides = (("lower", claim.lower, False), ("upper", claim.upper, True))
    elif isinstance(claim, BarrierOption | OneTouch | NoTouch):
        sides = (("barrier", claim.barrier, claim.up),)
    elif isinstance(claim, UpAndOutCall):
        sides = (("barrier", claim.barrier, True),)
    else:
        return
    if claim.asset >= start.prices.shape[0]:
        return
    if any(isinstance(x, Tracer) for x in (start.prices, *(level for _, level, _ in sides))):
        return
    spot = float(np.asarray(start.prices)[claim.asset])
    for name, level, up in sides:
        barrier = float(np.asarray(level))
        if (spot >= barrier) if up else (spot <= barrier):
            rule = "above" if up else "below"
            raise ValueError(
                f"`{name}` must be {rule} the spot {spot:g}, got {barrier:g}: "
                "the claim would be decided at once."
            )
