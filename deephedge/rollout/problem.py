"""The statement of a hedging problem."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from deephedge.claims.barrier_side import refuse_wrong_side
from deephedge.claims.base import AbstractClaim
from deephedge.costs.base import AbstractCost
from deephedge.costs.permanent_impact import PermanentImpact
from deephedge.markets.base import AbstractMarket, Snapshot
from deephedge.numerics.checks import as_array, at_least_one, real
from deephedge.pricing.base import AbstractPricer
from deephedge.typing import Array, Float, Scalar


def time_grid(maturity: float, n_steps: int) -> Float[Array, " time"]:
    """`n_steps` equal steps from 0 to `maturity` (years): `n_steps + 1` dates."""
    at_least_one(n_steps=n_steps)
    return jnp.asarray(np.linspace(0.0, float(maturity), n_steps + 1), dtype=float)


def _dates(value: object) -> Float[Array, " time"]:
    dates = as_array("times", value)
    if isinstance(dates, Tracer):
        return dates
    got = np.asarray(dates)
    if got.ndim != 1 or got.shape[0] < 2 or not np.all(np.diff(got) > 0):
        raise ValueError(
            f"`times` must be two or more increasing dates, got {got.tolist()}; "
            "pass `times=time_grid(maturity, n_steps)`."
        )
    return dates


def _premium(value: object) -> Scalar | AbstractPricer:
    return value if isinstance(value, AbstractPricer) else real("premium")(value)


class HedgingProblem(eqx.Module):
    """A claim sold in a market, hedged at given dates at a cost.

    Args:
        market: how prices move.
        claim: what was sold; the last of `times` is its maturity.
        cost: what trading costs.
        times: the dates, in years; the hedger trades at all of them but the last.
        premium: cash received at the start: an amount, or a pricer that computes it from the
            first snapshot of each path.
        close_out: whether the cost of selling the hedge at maturity is charged.
        impact: how the hedger's own trades move later prices and the claim's payoff, if they do.
    """

    market: AbstractMarket
    claim: AbstractClaim
    cost: AbstractCost
    times: Float[Array, " time"] = eqx.field(converter=_dates)
    premium: Scalar | AbstractPricer = eqx.field(converter=_premium, default=0.0)
    close_out: bool = eqx.field(static=True, kw_only=True)
    impact: PermanentImpact | None = eqx.field(default=None, kw_only=True)

    def __check_init__(self):
        start = self.market.start()
        refuse_wrong_side(self.claim, start)
        n_assets = start.prices.shape[0]
        if self.impact is not None and self.impact.rate.shape[0] not in (1, n_assets):
            raise ValueError(
                f"`impact` must have one rate, or one for each of the {n_assets} assets, got "
                f"{self.impact.rate.shape[0]}."
            )
        if any(isinstance(x, Tracer) for x in (self.times, self.claim.maturity)):
            return
        last, maturity = float(self.times[-1]), float(self.claim.maturity)
        if abs(last - maturity) > 1e-5 * maturity:
            raise ValueError(
                f"the last of `times` must be the claim's maturity {maturity:g}, got {last:g}; "
                "pass `times=time_grid(claim.maturity, n_steps)`."
            )

    @property
    def n_steps(self) -> int:
        """How often the hedger trades."""
        return self.times.shape[0] - 1

    def charge(self, trade: Float[Array, " asset"], now: Snapshot) -> Scalar:
        """What a trade costs, in cash of `now`: the cost, and what it pays for its own impact."""
        if self.impact is None:
            return self.cost(trade, now)
        return self.cost(trade, now) + self.impact.slippage(trade, now)

    def premium_at(self, start: Snapshot) -> Scalar:
        """Cash received at the start of a path."""
        if isinstance(self.premium, AbstractPricer):
            return self.premium.price(self.claim, start)
        return self.premium
