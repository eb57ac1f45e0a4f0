"""The statement of a hedging problem."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from deephedge.claims.barrier_side import refuse_wrong_side
from deephedge.claims.base import AbstractClaim
from deephedge.costs.base import AbstractCost
from deephedge.costs.execution import Execution
from deephedge.costs.financing import Financing
from deephedge.costs.permanent_impact import PermanentImpact
from deephedge.costs.sum import CostSum
from deephedge.costs.vega_spread import VegaSpread
from deephedge.markets.base import AbstractMarket, Snapshot
from deephedge.numerics.checks import as_array, at_least_one, of_kind, real
from deephedge.policies.base import Account
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.listed import AbstractListed
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
    if got[0] < 0:
        raise ValueError(f"`times` must not begin before 0, which is today, got {got[0]:g}.")
    return dates


def _premium(value: object) -> Scalar | AbstractPricer:
    if isinstance(value, AbstractPricer):
        return value
    amount = real("premium")(value)
    if amount.ndim:
        raise ValueError(
            f"`premium` must be one amount, or a pricer, got an array of shape {amount.shape}."
        )
    return amount


def _refuse_other_assets(claim: AbstractClaim, cost: AbstractCost, n_assets: int) -> None:
    """A claim on an asset that is not there, and a cost of more assets than there are."""
    asset = vars(claim).get("asset", 0)
    if isinstance(asset, int) and asset >= n_assets:
        raise ValueError(
            f"`claim` must be on one of the market's {n_assets} assets, counted from 0, got "
            f"asset {asset}."
        )
    _check_sizes("cost", cost, n_assets)


def _check_sizes(name: str, part: eqx.Module, n_assets: int) -> None:
    """Rows of numbers in a friction, or in those it is made of, are by asset: one, or all."""
    if isinstance(part, VegaSpread):  # by option: it has looked itself
        return
    for field, value in vars(part).items():
        for inner in value if isinstance(value, tuple) else (value,):
            if isinstance(inner, AbstractCost):
                _check_sizes(name, inner, n_assets)
        if isinstance(value, Array) and value.ndim == 1 and value.shape[0] not in (1, n_assets):
            raise ValueError(
                f"`{name}` must have one {field}, or one for each of the {n_assets} assets, got "
                f"{value.shape[0]}."
            )


def _refuse_rolled(cost: AbstractCost, market: AbstractMarket, n_columns: int) -> None:
    """A spread in vol points is that of fixed claims: a column that rolls is soon another one."""
    if isinstance(cost, CostSum):
        for part in cost.costs:
            _refuse_rolled(part, market, n_columns)
    if not (isinstance(cost, VegaSpread) and isinstance(market, AbstractListed)):
        return
    first = n_columns - len(market.instruments)
    for column in cost.assets:
        kind = market.instruments[column - first] if first <= column < n_columns else None
        if kind is not None and kind.interval is not None:
            raise ValueError(
                f"`cost` must not be a VegaSpread on column {column}, a {type(kind).__name__}: it "
                "knows the vega of the claim that it was given, not of those that replace it; "
                "pass `HalfSpread`, a share of the price, or list each contract as a `Held`."
            )


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
        financing: what borrowed cash, short positions and margin cost, if they do.
        execution: lots, delay and slippage between a decision and its trade, if there are any.
    """

    market: AbstractMarket = eqx.field(
        converter=of_kind("market", AbstractMarket, "BlackScholes(spot=100.0, vol=0.2)")
    )
    claim: AbstractClaim = eqx.field(
        converter=of_kind("claim", AbstractClaim, "Call(strike=100.0, maturity=30 / 365)")
    )
    cost: AbstractCost = eqx.field(
        converter=of_kind("cost", AbstractCost, "ProportionalCost(0.001)")
    )
    times: Float[Array, " time"] = eqx.field(converter=_dates)
    premium: Scalar | AbstractPricer = eqx.field(converter=_premium, default=0.0)
    close_out: bool = eqx.field(static=True, kw_only=True)
    impact: PermanentImpact | None = eqx.field(default=None, kw_only=True)
    financing: Financing | None = eqx.field(default=None, kw_only=True)
    execution: Execution | None = eqx.field(default=None, kw_only=True)

    def __check_init__(self):
        start = self.market.start()
        refuse_wrong_side(self.claim, start)
        n_assets = start.prices.shape[0]
        _refuse_other_assets(self.claim, self.cost, n_assets)
        _refuse_rolled(self.cost, self.market, n_assets)
        for name in ("impact", "financing", "execution"):
            if (part := getattr(self, name)) is not None:
                _check_sizes(name, part, n_assets)
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

    @property
    def normals_per_step(self) -> int:
        """How many normals a step of a hedged path takes: the market's, then slippage's."""
        return self.market.normals_per_step + self.extra_normals

    @property
    def extra_normals(self) -> int:
        """How many normals a step takes beside the market's."""
        if self.execution is None:
            return 0
        return self.execution.normals_per_step(self.n_steps, self._n_assets)

    @property
    def delayed(self) -> bool:
        """Whether what is decided at one date is traded at the next."""
        return self.execution is not None and self.execution.delay

    def slips(self, normals: Float[Array, "step normal"]) -> Float[Array, "time asset"] | None:
        """The normals of slippage at each date, from the last columns of a path's normals."""
        if self.execution is None:
            return None
        return self.execution.by_date(normals, self._n_assets)

    @property
    def _n_assets(self) -> int:
        return self.market.start().prices.shape[0]

    def traded(
        self, held: Float[Array, " asset"], wanted: Float[Array, " asset"]
    ) -> tuple[Float[Array, " asset"], Float[Array, " asset"]]:
        """The holdings that an order leads to, and the trade: as wanted, or in whole lots."""
        trade = wanted - held
        if self.execution is None or self.execution.lot is None:
            return wanted, trade
        trade = self.execution.rounded(trade)
        return held + trade, trade

    def charge(
        self,
        trade: Float[Array, " asset"],
        now: Snapshot,
        normals: Float[Array, " asset"] | None = None,
    ) -> Scalar:
        """What a trade costs in cash of `now`: the cost, its own impact, and slippage."""
        charge = self.cost(trade, now)
        if self.impact is not None:
            charge = charge + self.impact.slippage(trade, now)
        if self.execution is not None:
            charge = charge + self.execution.shortfall(trade, now, normals)
        return charge

    def carry(self, account: Account, now: Snapshot, years: Scalar) -> Scalar:
        """What holding the account for so many years from `now` costs, in cash of `now`."""
        if self.financing is None:
            return jnp.zeros_like(account.wealth)
        cash = account.wealth / now.discount - jnp.sum(account.holdings * now.prices)
        return self.financing.charge(account.holdings, cash, now, years)

    def premium_at(self, start: Snapshot) -> Scalar:
        """Cash received at the start of a path."""
        if isinstance(self.premium, AbstractPricer):
            return self.premium.price(self.claim, start)
        return self.premium
