"""Every cash amount of one hedged claim, date by date."""

import contextlib
import dataclasses
from collections.abc import Iterator

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from deephedge.markets.base import Contracts, Path, Snapshot
from deephedge.numerics.checks import refuse_other
from deephedge.policies.base import AbstractPolicy, Account
from deephedge.rollout.pressure import pressed
from deephedge.rollout.problem import HedgingProblem
from deephedge.rollout.step import Aside, Legs, Standing, Steps, charged, fill, legs, opened, settle
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
    """Units bought at each date; the last row closes the hedge if that is charged, else 0.

    At a roll, those of the new contract less those of the old."""
    gains: Float[Array, " step"]
    """Trading gains over each step, dividends included."""
    costs: Float[Array, " time"]
    """Trading costs at each date, a trade's own permanent impact and its slippage included."""
    carry: Float[Array, " step"]
    """What financing charges over each step, beyond interest at the market's rate."""
    turnover: Float[Array, " time"]
    """Value of what was bought and sold at each date, rolls included."""
    wealth: Float[Array, " time"]
    """Premium + gains - costs - carry so far, before trading at each date; the last is final."""

    @property
    def pnl(self) -> Float[Array, " *path"]:
        """The seller's profit: premium + gains - costs - carry - payoff."""
        return self.wealth[..., -1] - self.payoff


def rollout(
    problem: HedgingProblem,
    policy: AbstractPolicy,
    path: Path,
    slips: Float[Array, "time asset"] | None = None,
) -> Ledger:
    r"""Hedge along one path.

    With prices $S$, discount $D$, accrued shares $A$, holdings $h$, trades
    $n_k = h_k - h_{k-1}$ from $h_{-1} = 0$, and the financing f of a step:

    $$\text{gain}_k = h_k \cdot \Bigl(D_{k+1} S_{k+1} \frac{A_{k+1}}{A_k} - D_k S_k\Bigr),
    \qquad \text{cost}_k = D_k\,c(n_k), \qquad \text{carry}_k = D_k f_k,$$

    and the P&L is premium + gains - costs - carry - $D_T$ payoff. Dividends are paid out in cash.
    At a roll the cost is that of selling what was held of the old contract and of buying what is
    then held of the new; a contract that has been paid out is cash, and costs nothing to sell.
    Under permanent impact the prices are those that the trades have moved: see `pressed`. The
    claim settles on the prices before the hedge is closed. `slips` are the normals of a problem
    whose execution has slippage: a row a date, from `problem.slips`.
    """
    return remembering(problem, policy, path, slips, keep=False)[0]


def remembering(
    problem: HedgingProblem,
    policy: AbstractPolicy,
    path: Path,
    slips: Float[Array, "time asset"] | None = None,
    *,
    keep: bool = True,
) -> tuple[Ledger, PyTree]:
    """The ledger of `rollout`, and the policy's memory after each decision if it is to be kept."""
    if problem.extra_normals and slips is None:
        raise ValueError(
            "`slips` must be given: the problem's execution has slippage; pass "
            "`slips=problem.slips(normals)`, or hedge with `sample` or `replay`."
        )
    refuse_other("policy", policy, AbstractPolicy, "DeltaHedge(claim, pricer)")
    if path.time.ndim != 1:
        raise ValueError(
            f"`path` must be one path, got arrays for {path.time.shape[0]} of them; pass them to "
            "`replay`."
        )
    path = dataclasses.replace(path, progress=problem.claim.progress(path))
    premium = problem.premium_at(path.at(0)) * path.discount[0]
    opening = opened(problem, policy, Account(jnp.zeros_like(path.prices[0]), premium))
    contracts = _until_the_end(problem.market.contracts(path), problem.close_out)
    asides = Aside(
        normals=None if slips is None else slips[:-1],
        years=None if problem.financing is None else jnp.diff(path.time),
        contracts=None if contracts is None else jax.tree.map(lambda x: x[:-1], contracts),
    )
    hedge = _unpressed if problem.impact is None else pressed
    with _explained(policy, path):
        path, closing, steps, memories = hedge(problem, policy, path, opening, asides, keep)

    end = path.at(-1)
    last_trade = -closing.holdings if problem.close_out else jnp.zeros_like(closing.holdings)
    last_slip = None if slips is None else slips[-1]
    at_end = None if contracts is None else jax.tree.map(lambda x: x[-1], contracts)
    trades = jnp.concatenate([steps.trades, last_trade[None]])
    held = jnp.concatenate([jnp.zeros_like(steps.holdings[:1]), steps.holdings])
    wanted = jnp.concatenate([steps.holdings, (closing.holdings + last_trade)[None]])
    parts = legs(held, wanted, trades, contracts)
    last_cost = charged(problem, jax.tree.map(lambda x: x[-1], parts), end, last_slip, at_end)
    ledger = Ledger(
        premium=premium,
        payoff=end.discount * problem.claim.payoff(path),
        holdings=steps.holdings,
        trades=trades,
        gains=steps.gains,
        costs=jnp.append(steps.costs, last_cost),
        carry=jnp.zeros_like(steps.gains) if steps.carry is None else steps.carry,
        turnover=_turnover(path, parts, contracts),
        wealth=jnp.append(steps.wealth, closing.wealth - last_cost),
    )
    return ledger, memories


@contextlib.contextmanager
def _explained(policy: AbstractPolicy, path: Path) -> Iterator[None]:
    """Say beside an error of shapes which policy met which market: it was made for another."""
    try:
        yield
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        n_assets, n_factors = path.prices.shape[-1], path.factors.shape[-1]
        error.add_note(
            f"{type(policy).__name__} was asked what to hold of {n_assets} assets, seeing "
            f"{n_factors} factors. Was it, or its pricer, made for another market or claim?"
        )
        raise


def _until_the_end(contracts: Contracts | None, close_out: bool) -> Contracts | None:
    """Without a trade at the end nothing is rolled there; with one, nothing new is bought."""
    if contracts is None or contracts.new is None or close_out:
        return contracts
    return dataclasses.replace(contracts, new=contracts.new.at[-1].set(False))


def _turnover(path: Path, parts: Legs, contracts: Contracts | None) -> Float[Array, " time"]:
    units = jnp.abs(parts.units)
    if contracts is not None and parts.old is not None:
        units = units + jnp.abs(parts.old) * contracts.old
    return jnp.sum(units * path.discount[:, None] * path.prices, axis=1)


def _unpressed(
    problem: HedgingProblem,
    policy: AbstractPolicy,
    path: Path,
    opening: Standing,
    asides: Aside,
    keep: bool,
) -> tuple[Path, Account, Steps, PyTree]:
    """The path as it is, the account at its end, what each step did, and the memories if kept."""
    value = path.discount[:, None] * path.prices
    growth = value[1:] * path.accrual[1:] / path.accrual[:-1] - value[:-1]
    decisions = jax.tree.map(lambda x: x[:-1], path.snapshots())
    seen = jax.vmap(policy.observe)(decisions)

    def step(before: Standing, inputs: tuple[Snapshot, PyTree, Float[Array, " asset"], Aside]):
        now, seen, growth, aside = inputs
        filled, deal = fill(problem, policy, before, seen, now, aside)
        gain = jnp.sum(filled.account.holdings * growth)
        after, steps = settle(problem, before, filled, deal, gain, now, aside)
        return after, (steps, after.memory if keep else None)

    inputs = (decisions, seen, growth, asides)
    closing, (steps, memories) = lax.scan(jax.checkpoint(step), opening, inputs)
    return path, closing.account, steps, memories
