"""What a study states once, and none of its tables need repeat."""

import contextlib
import dataclasses
from typing import Any

import numpy as np

from deephedge.claims import AbstractClaim
from deephedge.costs import AbstractCost, CostSum, HalfSpread, NoCost, ProportionalCost
from deephedge.markets import AbstractMarket, AbstractModel, Historical
from deephedge.pricing import AbstractListed, QuotedBlackScholes, pricer_for
from deephedge.typing import Array, Float


def given_by(market: AbstractMarket, claim: AbstractClaim, cost: AbstractCost, times: Any) -> dict:
    """What policies and pricers need not be told again."""
    interval = float(claim.maturity) / (times.shape[0] - 1)
    given = {"market": market, "claim": claim, "times": times, "interval": interval}
    given["n_assets"] = market.start().prices.shape[0]
    market = market.market if isinstance(market, AbstractListed) else market
    rate = _proportional_rate(cost, asset=vars(claim).get("asset", 0))
    if rate is not None:
        given["cost_rate"] = rate
    if isinstance(market, Historical):
        given["pricer"] = QuotedBlackScholes(rate=market.rate)
    if isinstance(market, AbstractModel):
        given["model"] = market
        # Without a formula, a policy that needs a pricer is told so at its own table.
        with contextlib.suppress(ValueError):
            given["pricer"] = pricer_for(market, claim)
    stated = {field.name for field in dataclasses.fields(market)} & {"rate", "dividend"}
    return given | {name: vars(market)[name] for name in stated}


def _proportional_rate(cost: AbstractCost, asset: int) -> float | None:
    """The cost of trading an asset, as a share of the value traded; `None` where it is not one."""
    match cost:
        case NoCost():
            return 0.0
        case ProportionalCost():
            return _of_asset(cost.rate, asset)
        case HalfSpread():
            return 1e-4 * _of_asset(cost.basis_points, asset)
        case CostSum():
            parts = [_proportional_rate(part, asset) for part in cost.costs]
            return sum(part for part in parts if part is not None) or None
    return None


def _of_asset(values: Float[Array, " asset"], asset: int) -> float:
    return float(np.broadcast_to(values, max(asset + 1, values.shape[0]))[asset])
