"""Every cash amount of one hedged claim, date by date."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from deephedge.markets.base import Path, Snapshot
from deephedge.policies.base import AbstractPolicy, Account
from deephedge.rollout.pressure import Steps, pressed
from deephedge.rollout.problem import HedgingProblem
from deephedge.typing import Array, Float, PyTree, Scalar


class Ledger(eqx.Module):
    """What happened along one path; cash amounts in today's money.

    A batch of paths adds a leading path axis to every field.
    """

    premium: Scalar
    """Cash received at the start."""
    payoff: Scalar
    """Cash paid at maturity."""
    holdings: Float[Array, "step asset"]
    """Units held over each step."""
    trades: Float[Array, "time asset"]
    """Units bought at each date; the last row closes the hedge if that is charged, else 0."""
    gains: Float[Array, " step"]
    """Trading gains over each step, dividends included."""
    costs: Float[Array, " time"]
    """Trading costs at each date, what a trade pays for its own permanent impact included."""
    turnover: Float[Array, " time"]
    """Value of what was bought and sold at each date."""
    wealth: Float[Array, " time"]
    """Premium + gains - costs so far, before trading at each date; the last entry is final."""

    @property
    def pnl(self) -> Float[Array, " *path"]:
        """The seller's profit: premium + gains - costs - payoff."""
        return self.wealth[..., -1] - self.payoff


def rollout(problem: HedgingProblem, policy: AbstractPolicy, path: Path) -> Ledger:
    r"""Hedge along one path.

    With prices $S$, discount $D$, accrued shares $A$, holdings $h$ and trades
    $n_k = h_k - h_{k-1}$ from $h_{-1} = 0$:

    $$\text{gain}_k = h_k \cdot \Bigl(D_{k+1} S_{k+1} \frac{A_{k+1}}{A_k} - D_k S_k\Bigr),
    \qquad \text{cost}_k = D_k\,c(n_k),$$

    and the P&L is premium + gains - costs - $D_T$ payoff. Dividends are paid out in cash. Under
    permanent impact the prices are those that the trades have moved: see `pressed`. The claim
    settles on the prices before the hedge is closed.
    """
    path = dataclasses.replace(path, progress=problem.claim.progress(path))
    premium = problem.premium_at(path.at(0)) * path.discount[0]
    opening = Account(holdings=jnp.zeros_like(path.prices[0]), wealth=premium)
    hedge = _unpressed if problem.impact is None else pressed
    path, closing, (holdings, trades, gains, costs, wealth) = hedge(problem, policy, path, opening)

    end = path.at(-1)
    last_trade = -closing.holdings if problem.close_out else jnp.zeros_like(closing.holdings)
    last_cost = end.discount * problem.charge(last_trade, end)
    trades = jnp.concatenate([trades, last_trade[None]])
    value = path.discount[:, None] * path.prices
    return Ledger(
        premium=premium,
        payoff=end.discount * problem.claim.payoff(path),
        holdings=holdings,
        trades=trades,
        gains=gains,
        costs=jnp.append(costs, last_cost),
        turnover=jnp.sum(jnp.abs(trades) * value, axis=1),
        wealth=jnp.append(wealth, closing.wealth - last_cost),
    )


def _unpressed(
    problem: HedgingProblem, policy: AbstractPolicy, path: Path, opening: Account
) -> tuple[Path, Account, Steps]:
    """The path as it is, the account at its end, and what each step did."""
    value = path.discount[:, None] * path.prices
    growth = value[1:] * path.accrual[1:] / path.accrual[:-1] - value[:-1]
    decisions = jax.tree.map(lambda x: x[:-1], path.snapshots())
    seen = jax.vmap(policy.observe)(decisions)

    def step(carry, inputs: tuple[Snapshot, PyTree, Float[Array, " asset"]]):
        account, memory = carry
        now, seen, growth = inputs
        holdings, memory = policy.act(seen, account, memory)
        trade = holdings - account.holdings
        cost = now.discount * problem.charge(trade, now)
        gain = jnp.sum(holdings * growth)
        after = Account(holdings=holdings, wealth=account.wealth + gain - cost)
        return (after, memory), (holdings, trade, gain, cost, account.wealth)

    (closing, _), steps = lax.scan(
        jax.checkpoint(step), (opening, policy.init()), (decisions, seen, growth)
    )
    return path, closing, steps
