"""The hedge of least expected shortfall as a policy: tables over date, log-price and wealth."""

import equinox as eqx
import jax.numpy as jnp
from jax import lax

from deephedge.claims.base import AbstractClaim
from deephedge.claims.vanilla import Call
from deephedge.markets.base import Snapshot
from deephedge.markets.black_scholes import BlackScholes
from deephedge.markets.kou import Kou
from deephedge.markets.merton import Merton
from deephedge.numerics import safe
from deephedge.optimum.extended_solver import ShortfallSolution, solve_shortfall
from deephedge.policies.base import AbstractFittedPolicy, Account
from deephedge.typing import Array, Float, Scalar


class ShortfallOptimal(AbstractFittedPolicy):
    r"""The hedge that makes the expected shortfall of the final P&L least, without costs.

    $$\min_z\Bigl\{z + \tfrac1\alpha\min_h E\bigl[(H - z - w_T)^+\bigr]\Bigr\}$$

    The inner problem is solved backwards over the dates with wealth as a state; the best z is
    what `capital`, the wealth that the hedger pretends to start from, has beyond the wealth at
    the first date. Holdings are linear between the nodes of log X and wealth. The hedge is optimal
    for the first date's view of the tail and keeps to it (expected shortfall is not consistent
    over time).

    Reference: Rockafellar and Uryasev (2000), theorem 1; Föllmer and Leukert (2000), Efficient
    hedging, for the shortfall problem.
    """

    times: Float[Array, " step"]
    log_prices: Float[Array, "step two"]
    """Of the first row and the next, date by date."""
    wealth: Float[Array, " two"]
    """Excess of the first node and the next."""
    centre: Float[Array, "step point"]
    holdings: Float[Array, "step point wealth"]
    """Units of X."""
    capital: Scalar

    @classmethod
    def create(
        cls,
        market: BlackScholes | Merton | Kou,
        claim: AbstractClaim,
        times: Float[Array, " time"],
        *,
        tail: float,
        n_wealth: int = 257,
        per_deviation: int = 4,
    ) -> "ShortfallOptimal":
        """The hedge of a European claim; `shortfall_hedge` says how good it is."""
        found = solve_shortfall(
            market, claim, times, tail=tail, n_wealth=n_wealth, per_deviation=per_deviation
        )
        return cls.of(found, times)

    @classmethod
    def of(cls, found: ShortfallSolution, times: Float[Array, " time"]) -> "ShortfallOptimal":
        """The tables of a solution as a policy."""
        rows, tables = found.rows, found.tables
        first = rows.log_price(jnp.arange(times.shape[0] - 1), jnp.asarray(0))
        return cls(
            times=times[:-1],
            log_prices=jnp.stack([first, first + rows.tick], axis=1).astype(times.dtype),
            wealth=tables.excess[:2].astype(times.dtype),
            centre=tables.centre[:-1].astype(times.dtype),
            holdings=tables.holdings.astype(times.dtype),
            capital=found.capital.astype(times.dtype),
        )

    def init(self) -> Scalar:
        """What is added to wealth; known at the first date."""
        return jnp.zeros_like(self.capital)

    def observe(self, now: Snapshot) -> tuple[Array, Scalar, Float[Array, " wealth"]]:
        """Whether it is the first date, the centre, and what to hold at each node of wealth."""
        k = jnp.argmin(jnp.abs(self.times - now.time))
        price = now.discount * now.prices[0] * now.accrual[0]
        low, next_ = self.log_prices[k]
        row, share = _between((safe.log(price) - low) / (next_ - low), self.centre.shape[1])
        near = lax.dynamic_slice(self.holdings[k], (row, 0), (2, self.holdings.shape[2]))
        centre = lax.dynamic_slice(self.centre[k], (row,), (2,)) @ share
        return k == 0, centre, now.accrual[0] * (share @ near)

    def act(
        self,
        seen: tuple[Array, Scalar, Float[Array, " wealth"]],
        account: Account,
        memory: Scalar,
    ) -> tuple[Float[Array, " asset"], Scalar]:
        first, centre, holdings = seen
        ahead = jnp.where(first, self.capital - account.wealth, memory)
        excess = account.wealth + ahead - centre
        position = (excess - self.wealth[0]) / (self.wealth[1] - self.wealth[0])
        node, share = _between(position, holdings.shape[0])
        return (lax.dynamic_slice(holdings, (node,), (2,)) @ share)[None], ahead

    @classmethod
    def example(cls) -> "ShortfallOptimal":
        """A typical member, for tests and documentation."""
        times = jnp.linspace(0.0, 0.25, 6)
        market, claim = BlackScholes.example(), Call.example()
        return cls.create(market, claim, times, tail=0.1, n_wealth=9, per_deviation=2)


def _between(position: Scalar, n_nodes: int) -> tuple[Array, Float[Array, " two"]]:
    """The node below and the weights of it and the next; flat beyond the ends."""
    position = jnp.clip(position, min=0.0, max=float(n_nodes - 1))
    below = jnp.clip(jnp.floor(lax.stop_gradient(position)), max=float(n_nodes - 2))
    t = position - below
    return below.astype(int), jnp.stack([1.0 - t, t])


class ShortfallHedge(eqx.Module):
    """What hedging without costs can do to the expected shortfall; cash in today's money."""

    risk: Scalar
    """The least expected shortfall of the P&L without a premium: the price that makes it 0."""
    uncertainty: Scalar
    """The change of `risk` from a grid half as fine in log-price and in wealth."""
    policy: ShortfallOptimal


def shortfall_hedge(
    market: BlackScholes | Merton | Kou,
    claim: AbstractClaim,
    times: Float[Array, " time"],
    *,
    tail: float,
    n_wealth: int = 257,
    per_deviation: int = 4,
) -> ShortfallHedge:
    """The least expected shortfall of hedging a European claim at the dates, and the hedge.

    Holdings stay within 2 units of the variance-optimal ones. With a drift and rare enough tails
    betting on the drift may gain without limit as trading gets more frequent; the bound on the
    holdings then binds.

    Args:
        market: `BlackScholes` (one asset), `Merton` or `Kou`: independent returns with a diffusion.
        claim: piecewise linear in the final price.
        times: equally spaced, the last the claim's maturity.
        tail: the share of worst outcomes.
        n_wealth: nodes of wealth, odd.
        per_deviation: points of log-price to a deviation of a step's diffusion; 2 are the fewest
            that have its law.
    """
    half = {"n_wealth": n_wealth // 2 + 1, "per_deviation": max(per_deviation // 2, 2)}
    fine = solve_shortfall(
        market, claim, times, tail=tail, n_wealth=n_wealth, per_deviation=per_deviation
    )
    coarse = solve_shortfall(market, claim, times, tail=tail, **half)
    risk, near = (x.risk.astype(times.dtype) for x in (fine, coarse))
    return ShortfallHedge(risk, jnp.abs(risk - near), ShortfallOptimal.of(fine, times))
