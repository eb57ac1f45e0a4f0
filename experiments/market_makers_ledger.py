"""The market maker's ledger: a published worked example, run through the engine.

A market maker owns 10,000 calls of delta 0.6 and sells 6,000 shares against them. The stock rises
by $2, delta to 0.65, and 500 more shares are sold. Over 20 days there are 40 such adjustments of
$50, $2,000 in all; the text books $500 of gains from gamma, and closes with a "$500 profit". Its
own numbers give 500 - 2,000 = -1,500: the costs are written down, and then left out.

1. The ledger. Delta is 0.6 and gamma 0.05 / 2, so a call is worth 0.6 x + 0.0125 x^2 more when the
   stock is x up; 10,000 of them, hedged, earn 10,000 * 0.0125 * 2^2 = $500 by the move. That is
   the text's $500. The engine trades the 6,000 and the 500 and pays the $2,000. The text says
   nothing of the other 38 adjustments: here the stock moves by 0.4 cents, for one share each.
2. The same book over simulated days. A spot of $100, a vol of 20 %, 0.597 years and a strike of
   $97.31 give delta 0.6, and 0.65 after $2 up. With realised vol equal to implied, gamma earns
   about $4,000 in 20 days and theta, which the text does not mention, takes as much: what is left
   on average is the bill of $2,000.

Measured (seed 0, 20,000 paths): a mean of -1,993 (6), deviation 888, a profit in 2 % of paths; a
break-even vol of 24.5 %. See `docs/strategies/gamma_scalping.md`.

    python experiments/market_makers_ledger.py [--smoke] [--seed 0]
"""

import argparse
import dataclasses

import jax
import jax.numpy as jnp

from deephedge.claims import AbstractClaim, Call, NoClaim
from deephedge.costs import FixedCost
from deephedge.markets import BlackScholes, Snapshot
from deephedge.policies import GammaScalping
from deephedge.pricing import AbstractPricer, BlackScholesFormula, Held, Listed
from deephedge.reports import (
    Attribution,
    Finding,
    attribute_paths,
    break_even_vol,
    sample_attribution,
    whole_path,
)
from deephedge.reports.experiment import main
from deephedge.rollout import HedgingProblem, Ledger, replay, time_grid
from deephedge.typing import Scalar

CALLS, FEE, N_ADJUSTMENTS, DAYS = 10_000.0, 50.0, 40, 20
SPOT, VOL, EXPIRY, STRIKE = 100.0, 0.2, 0.597, 97.31
HORIZON = DAYS / 252
BILL = 0.5 * CALLS * 0.025 * SPOT**2 * VOL**2 * HORIZON
"""What theta takes in 20 days while gamma is that of the start."""


class WorkedExample(AbstractPricer):
    """A call of which the text tells delta before and after the move, and so gamma."""

    spot: float = SPOT
    delta: float = 0.6
    gamma: float = 0.05 / 2.0

    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        up = now.prices[0] - self.spot
        # The text gives no price of the call; only its changes matter.
        return 10.0 + self.delta * up + 0.5 * self.gamma * up**2

    def shifted(
        self, now: Snapshot, *, vol: Scalar, rate: Scalar
    ) -> tuple["WorkedExample", Snapshot]:
        return self, now


def stock() -> BlackScholes:
    """The stock of the simulated days."""
    return BlackScholes(spot=SPOT, vol=VOL)


def book(pricer: AbstractPricer) -> tuple[HedgingProblem, GammaScalping]:
    """The calls and the stock against them, adjusted twice a day, marked after 20 days."""
    market = Listed(stock(), Held(Call(strike=STRIKE, maturity=EXPIRY)), pricer)
    problem = HedgingProblem(
        market,
        NoClaim(maturity=HORIZON),
        FixedCost([FEE, 0.0]),
        time_grid(HORIZON, N_ADJUSTMENTS),
        close_out=False,
    )
    return problem, GammaScalping(market, units=CALLS)


def ledger() -> tuple[Ledger, Attribution]:
    """The worked example: $2 up before the second adjustment, then 0.4 cents to and fro."""
    problem, policy = book(WorkedExample())
    still = stock().path(problem.times, jnp.zeros((N_ADJUSTMENTS, 1)))
    to_and_fro = jnp.where(jnp.arange(N_ADJUSTMENTS - 1) % 2 == 0, 2.0, 2.004)
    moves = jnp.concatenate([jnp.zeros(1), to_and_fro, to_and_fro[-1:]])
    recorded = dataclasses.replace(still, prices=(SPOT + moves)[:, None])
    paths = jax.tree.map(lambda x: x[None], policy.market.extend(recorded))
    ledgers = replay(problem, policy, paths)
    parts = attribute_paths(problem, ledgers, paths, WorkedExample(), keep=whole_path)
    return jax.tree.map(lambda x: x[0], (ledgers, parts))


def simulated(n_paths: int, seed: int) -> Attribution:
    """The same book over 20 days of a Black-Scholes stock that moves as implied."""
    pricer = BlackScholesFormula(vol=VOL)
    problem, policy = book(pricer)
    return sample_attribution(problem, policy, pricer, n_paths, key=jax.random.key(seed))


def experiment(seed: int = 0, smoke: bool = False) -> list[Finding]:
    """The text's numbers beside the engine's, then the same book over simulated days."""
    first, parts = ledger()
    gains, cost, pnl = (float(x) for x in (parts.gamma, -parts.cost, first.pnl))
    print("the text: $500 of gamma, 40 x $50 = $2,000, and a closing line of a $500 profit")
    print("its own numbers: 500 - 2,000 = -1,500")
    print(f"the engine: {gains:,.2f} - {cost:,.2f} = {pnl:,.2f}")
    findings = [
        Finding("shares sold at delta 0.6", -float(first.trades[0, 0]), 6000.0, 0.5),
        Finding("shares sold after $2 up", -float(first.trades[1, 0]), 500.0, 0.5),
        Finding("40 adjustments of $50", cost, 2000.0, 0.5),
        Finding("gains from gamma", gains, 500.0, 0.5),
        Finding("P&L, which the text calls a $500 profit", pnl, -1500.0, 0.5),
    ]
    n_paths = 1000 if smoke else 20_000
    split = simulated(n_paths, seed)
    total = split.total
    error = float(jnp.std(total)) / n_paths**0.5
    show(split)
    mean = jax.tree.map(jnp.mean, split)
    return [
        *findings,
        Finding("mean P&L of the simulated book", float(jnp.mean(total)), -2000.0, 4 * error),
        Finding(
            "break-even vol, from the bill at the start",
            float(break_even_vol(mean, VOL)),
            VOL * (1 + 2000.0 / BILL) ** 0.5,
            0.002,
        ),
    ]


def show(split: Attribution) -> None:
    """Means of the parts with their standard errors, and what became of the book."""
    root = split.gamma.shape[0] ** 0.5
    for name, part in [*vars(split).items(), ("P&L", split.total)]:
        mean, error = float(jnp.mean(part)), float(jnp.std(part)) / root
        print(f"{name:>10}: {mean:10,.1f} ± {error:.1f}, deviation {float(jnp.std(part)):,.0f}")
    total = split.total
    share = float(jnp.mean((total > 0).astype(total.dtype)))
    low, high = (float(jnp.quantile(total, q)) for q in (0.05, 0.95))
    print(f"from {low:,.0f} to {high:,.0f} in nine of ten; a profit in {100 * share:.2f} %")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    main(lambda: experiment(options.seed, options.smoke))
