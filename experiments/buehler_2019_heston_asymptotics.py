"""Buehler, Gonon, Teichmann and Wood (2019): the price of small costs in Heston's model.

The paper finds the rate 2/3 of figure 10 (see `buehler_2019_price_asymptotics`) in Heston's model
with two instruments too (section 5, from memory). Here a call at the money, 30 days of 365 in 30
steps, mean reversion 1, long variance and variance 0.04, volatility of variance 2, correlation
-0.7, is hedged with the stock and the idealised variance swap at proportional costs 2^-6 to 2^-10
in each, for the entropic risk with aversion 1; closing out is not charged. The hedge is a
no-transaction band learned around the model's hedge, at each cost anew: p is its price, an upper
bound of the least one. The slope of log(p - q) in the log of the cost, q by Fourier's method,
should be 2/3 to 0.05 and four standard errors, as stated beforehand. What p is with a cost of zero,
by the model's hedge, is printed: where it is above q, no line of slope 2/3 can go on for ever.

    deephedge reproduce buehler_2019_heston_asymptotics --full
"""

import pathlib

import jax
import jax.numpy as jnp
import numpy as np

from deephedge.claims import Call
from deephedge.costs import ProportionalCost
from deephedge.markets import Heston
from deephedge.markets.base import Snapshot
from deephedge.numerics.statistics import influence, standard_error
from deephedge.policies import (
    AbstractClassicalBand,
    AbstractPolicy,
    GreekNeutralHedge,
    NoTransactionBand,
    StateGrid,
    TabulatedHoldings,
)
from deephedge.pricing import Fourier, IntegratedVariance, ListedModel
from deephedge.reports import Finding, Paper
from deephedge.risk import Entropic
from deephedge.rollout import HedgingProblem, pnl_only, sample, time_grid
from deephedge.training import default_optimizer, train
from deephedge.typing import Array, Float

PAPER = Paper(
    reference="Buehler, Gonon, Teichmann and Wood (2019), Deep hedging",
    claim="In Heston's model too the price of costs, p - q, grows with the cost to the power 2/3.",
    minutes=8.0,
    deviations=(
        "Learned bands in place of the paper's networks; closing out is not charged, of which the "
        "paper says nothing. Paths by Andersen's scheme. The swap has a notional of 1,000. The "
        "costs are those of the paper's Black-Scholes figure."
    ),
)
MATURITY, NOTIONAL, RISK = 30 / 365, 1000.0, Entropic(aversion=1.0)
WHY = (
    "30 dates and these costs are not the limit: even free hedging costs p - q > 0 at 30 dates, "
    "and in the same way the exact prices in Black and Scholes' model miss that line"
)


class Around(AbstractClassicalBand):
    """A band of fixed width around what a rule would hold."""

    middle: TabulatedHoldings
    half_width: Float[Array, " asset"]

    def observe(self, now: Snapshot) -> tuple[Float[Array, " asset"], Float[Array, " asset"]]:
        middle = self.middle.observe(now)
        return middle - self.half_width, middle + self.half_width


def heston() -> Heston:
    return Heston(
        spot=100.0,
        variance=0.04,
        mean_reversion=1.0,
        long_variance=0.04,
        vol_of_variance=2.0,
        correlation=-0.7,
    )


def problem(cost: float) -> HedgingProblem:
    market = ListedModel(heston(), (IntegratedVariance(MATURITY, NOTIONAL),))
    claim, times = Call(strike=100.0, maturity=MATURITY), time_grid(MATURITY, 30)
    return HedgingProblem(market, claim, ProportionalCost(cost), times, close_out=False)


def model_hedge(n_prices: int, n_roots: int) -> TabulatedHoldings:
    """Neutral in delta and vega."""
    task = problem(0.0)
    rule = GreekNeutralHedge(
        task.claim, Fourier(heston(), n_terms=1024), task.market, neutral=("vega",)
    )
    dates = task.times[:-1]
    x, roots = jnp.linspace(-0.5, 0.5, n_prices), jnp.linspace(0.0, 1.6, n_roots)
    grid = StateGrid(dates, jnp.full_like(dates, 100.0), x, roots)
    return TabulatedHoldings.of(rule, task.market, grid)


def learned(cost: float, middle: TabulatedHoldings, n_steps: int, seed: int) -> AbstractPolicy:
    """A band whose width begins with the cost to the power 1/3."""
    task = problem(cost)
    policy = NoTransactionBand.create(
        task.market,
        task.claim,
        task.times,
        base=Around(middle, jnp.full(2, 0.4 * cost ** (1.0 / 3.0))),
        features=("moneyness", "time", "factors", "deviations"),
        width=16,
        key=jax.random.key(seed),
    )
    return train(
        task,
        policy,
        RISK,
        key=jax.random.key(seed + 1),
        optimizer=default_optimizer(n_steps, 0.02),
        n_steps=n_steps,
        n_paths=2048,
        averaging=0.97,
        validation_paths=8192,
        validate_every=n_steps // 2,
    ).policy


def run(seed: int = 0, smoke: bool = False, out: pathlib.Path | None = None) -> list[Finding]:
    """The slope of log(p - q) in the log of the cost."""
    costs = 2.0 ** -np.arange(6, 11, 2 if smoke else 1)
    n_steps, n_paths = (10, 20_000) if smoke else (250, 300_000)
    middle = model_hedge(61, 17) if smoke else model_hedge(201, 49)
    judge = jax.random.key(seed + 1_000_003)

    def judged(cost: float, hedge: AbstractPolicy) -> Array:
        return sample(problem(cost), hedge, n_paths, key=judge, keep=pnl_only)

    free = float(Fourier(heston(), n_terms=2048).price(problem(0.0).claim, heston().start()))
    print(f"q = {free:.4f}; p without costs, model's hedge {float(RISK(judged(0.0, middle))):.4f}")
    extra, effect = [], 0.0
    slopes = np.log(costs) - np.mean(np.log(costs))
    slopes = slopes / np.sum(slopes**2)
    for cost, weight in zip(costs, slopes, strict=True):
        pnl = judged(float(cost), learned(float(cost), middle, n_steps, seed))
        moved = influence(RISK, pnl)
        extra.append(float(RISK(pnl)) - free)
        effect = effect + weight * moved / extra[-1]
        print(f"cost {cost:.6f}: p - q = {extra[-1]:.4f} ± {float(standard_error(moved)):.4f}")
    slope, error = float(slopes @ np.log(extra)), float(standard_error(jnp.asarray(effect)))
    room = (0.35 if smoke else 0.05) + 4 * error
    what = "slope of log(p - q), two instruments, learned bands"
    if out is not None:
        draw(costs, np.asarray(extra), out)
    return [Finding(what, slope, 2.0 / 3.0, room, error, "section 5, from memory", WHY)]


def draw(costs: np.ndarray, extra: np.ndarray, out: pathlib.Path) -> None:
    """The paper's figure."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5.6, 3.6), layout="constrained")
    axes.loglog(costs, extra, "o-", base=2, label="learned bands")
    line = extra[-1] * (costs / costs[-1]) ** (2.0 / 3.0)
    axes.loglog(costs, line, "k--", base=2, label="slope 2/3")
    axes.set_xlabel("proportional cost of stock and swap")
    axes.set_ylabel("p − q")
    axes.legend(frameon=False)
    figure.savefig(out)
