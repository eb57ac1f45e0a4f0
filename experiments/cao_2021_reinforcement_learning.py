r"""Cao, Chen, Hull and Poulos (2021): hedging a call at a cost of 1 %, exhibit 3.

A short call at the money in Black and Scholes's market, spot 100, volatility 0.2, drift 5 %, no
rates; 1 % of the value of every trade, of the first purchase and of closing out too; Y = mean + 1.5
standard deviations of the cost of hedging, all in percent of the option's price. A month is 20
days of 250, as in the authors' program (21 days where the hedge is changed every 3: their program,
too, needs a whole number of steps). Exhibit 6 is in `cao_2021_stochastic_volatility.py`.

Beside the paper's delta hedge ours, on fresh paths: may differ by half a unit of the last digit,
and four standard errors of ours and of the paper's 100,000 paths. Beside its agent's Y that of a
band trained directly on Y; the finding is by how much it is above the agent's, and may be as much
as rounding can do (0.5 + 1.5 x 0.5) with four standard errors of ours. The least Y of any hedge is
computed (`mean_deviation`); ours may be below it by four standard errors and the grid's. For the
weekly hedge the library's actor-critic, which like the paper's agent learns step by step what is
still to come, stands beside direct training of the same network.

The small size has the weekly row, and trains nothing: of bands of 0.05 to 0.2 to each side of delta
the best should have less than delta's Y, and no more than the agent's, as above. (That of 0.15
alone, from which training begins, was tried first: its Y is above delta's.)

    deephedge reproduce cao_2021_reinforcement_learning --full
"""

import dataclasses
import math
import pathlib

import equinox as eqx
import jax
import numpy as np

from deephedge.claims import Call
from deephedge.costs import ProportionalCost
from deephedge.markets import AbstractMarket, BlackScholes
from deephedge.numerics.statistics import influence, spread, standard_error
from deephedge.optimum import mean_deviation
from deephedge.policies import AbstractPolicy, DeltaBand, DeltaHedge, Feedforward
from deephedge.pricing import AbstractPricer, BlackScholesFormula
from deephedge.reports import Finding, Paper
from deephedge.risk import MeanStandardDeviation
from deephedge.rollout import HedgingProblem, pnl_only, sample, time_grid
from deephedge.training import default_optimizer, train_actor_critic, train_ensemble
from deephedge.typing import Array, Float, Scalar

PAPER = Paper(
    reference="Cao, Chen, Hull and Poulos (2021), Deep hedging of derivatives using reinforcement "
    "learning, exhibit 3",
    claim="With costs a reinforcement learner's hedge has less mean plus 1.5 deviations than "
    "delta's, the more so the more often it trades.",
    minutes=5.0,
    deviations=(
        "The one-month option; days and years as in the authors' program. Our band is trained on "
        "whole paths and sees the wealth so far, which the paper's agent does not. The "
        "actor-critic learns one law by its quantiles where the paper's learns the mean and the "
        "mean square."
    ),
)
RISK, COST, DAYS_A_YEAR = MeanStandardDeviation(aversion=1.5), 0.01, 250
EVERY = {"weekly": (5, 20), "3 days": (3, 21), "2 days": (2, 20), "daily": (1, 20)}
"""Days between trades, and days of the option."""
EXHIBIT = {
    "weekly": {"delta": (69, 50), "agent": (60, 54)},
    "3 days": {"delta": (78, 42), "agent": (62, 48)},
    "2 days": {"delta": (88, 39), "agent": (73, 41)},
    "daily": {"delta": (108, 38), "agent": (74, 42)},
}
"""Mean and standard deviation of the cost of hedging, percent of the option's price."""
ROUNDING, THEIR_PATHS = 0.5, 100_000
MARKET, FORMULA = BlackScholes(spot=100.0, vol=0.2, drift=0.05), BlackScholesFormula(vol=0.2)
HALF_WIDTH, WIDTHS = 0.15, (0.05, 0.1, 0.15, 0.2)
"""Around delta, in shares: where training begins, and what the small size tries."""


@dataclasses.dataclass(frozen=True)
class Effort:
    """How much is simulated and trained."""

    n_paths: int
    nodes: tuple[int, int]
    """Of holdings and wealth, where the least Y is computed."""
    n_seeds: int = 1
    n_steps: int = 0
    actor_steps: int = 0


FULL, SMOKE = Effort(100_000, (43, 61), 3, 150, 1500), Effort(40_000, (29, 41))


def problem_of(market: AbstractMarket, pricer: AbstractPricer, often: str) -> HedgingProblem:
    """The option is sold for its price, so that the cost of hedging is the loss."""
    every, days = EVERY[often]
    claim = Call(strike=100.0, maturity=days / DAYS_A_YEAR)
    times, cost = time_grid(days / DAYS_A_YEAR, days // every), ProportionalCost(COST)
    return HedgingProblem(market, claim, cost, times, premium=pricer, close_out=True)


def network(problem: HedgingProblem, formula: AbstractPricer, seed: int, *more: str) -> Feedforward:
    """A network that moves the edges of a band around delta."""
    return Feedforward.create(
        problem.market,
        problem.claim,
        problem.times,
        base=DeltaBand(problem.claim, formula, half_width=HALF_WIDTH),
        corrects="band",
        features=("moneyness", "time", "deviations", *more),
        width=16,
        key=jax.random.key(seed),
    )


def directly(
    problem: HedgingProblem, formula: AbstractPricer, effort: Effort, seed: int, *more: str
) -> list[AbstractPolicy]:
    """The band that makes Y of whole paths least, seed by seed."""
    start = [network(problem, formula, seed + i, *more) for i in range(effort.n_seeds)]
    found = train_ensemble(
        problem,
        start,
        RISK,
        key=jax.random.key(seed + 100),
        optimizer=default_optimizer(effort.n_steps, 0.03),
        n_steps=effort.n_steps,
        n_paths=2048,
        averaging=0.97,
        validate_every=effort.n_steps,
    )
    return list(found.policies)


def best_band(problem: HedgingProblem, formula: AbstractPricer, size: int, seed: int) -> DeltaBand:
    """Of bands of one width around delta the one with the least Y, on other paths."""
    bands = [DeltaBand(problem.claim, formula, half_width=width) for width in WIDTHS]
    return min(bands, key=lambda x: costs(problem, x, size, seed + 1)["Y"][0])


def step_by_step(problem: HedgingProblem, effort: Effort, seed: int) -> list[AbstractPolicy]:
    """The same band by the library's actor-critic, seed by seed."""
    return [
        train_actor_critic(
            problem,
            network(problem, FORMULA, seed + i),
            RISK,
            key=jax.random.key(seed + 200 + i),
            holdings=(-0.2, 1.2),
            n_steps=effort.actor_steps,
            learning_rate=0.02,
        ).policy
        for i in range(effort.n_seeds)
    ]


@eqx.filter_jit
def price_of(problem: HedgingProblem) -> Scalar:
    return problem.premium_at(problem.market.start())


@eqx.filter_jit
def judged_by_y(pnl: Float[Array, " path"]) -> tuple[Scalar, Scalar]:
    return RISK(pnl), standard_error(influence(RISK, pnl))


def sold_for_cash(problem: HedgingProblem) -> HedgingProblem:
    """At the same price, as a number: a smaller program."""
    return dataclasses.replace(problem, premium=float(price_of(problem)))


def costs(problem: HedgingProblem, hedge: AbstractPolicy, n_paths: int, seed: int) -> dict:
    """Mean and deviation of the cost in percent of the price, and Y, with standard errors."""
    price, key = price_of(problem), jax.random.key(seed + 1_000_003)
    pnl = 100.0 * sample(problem, hedge, n_paths, key=key, keep=pnl_only) / price
    x, (y, y_error) = np.asarray(pnl, float), judged_by_y(pnl)
    deviation = float(np.std(x))
    kurtosis = float(np.mean((x - x.mean()) ** 4)) / deviation**4
    return {
        "mean": (-float(x.mean()), deviation / math.sqrt(n_paths)),
        "s.d.": (deviation, deviation * math.sqrt((kurtosis - 1.0) / (4 * n_paths))),
        "Y": (float(y), float(y_error)),
    }


def judged(
    problem: HedgingProblem, hedges: dict, often: str, effort: Effort, seed: int
) -> dict[str, list[dict]]:
    """What every hedge costs, by name and seed; printed on the way."""
    found = {}
    for name, each in hedges.items():
        found[name] = [costs(problem, hedge, effort.n_paths, seed) for hedge in each]
        for one in found[name]:
            numbers = ", ".join(f"{x} {y:.2f} ± {error:.2f}" for x, (y, error) in one.items())
            print(f"{often}, {name}: {numbers}", flush=True)
    return found


def as_theirs(what: str, found: dict, theirs: tuple, n_paths: int, place: str) -> list[Finding]:
    """Mean and deviation of a delta hedge beside the paper's."""
    findings = []
    for number, column in zip(theirs, ("mean", "s.d."), strict=True):
        ours, error = found[column]
        room = ROUNDING + 4.0 * error * math.sqrt(1.0 + n_paths / THEIR_PATHS)
        findings.append(Finding(f"{what}, {column}, %", ours, float(number), room, error, place))
    return findings


def no_worse(what: str, seeds: list[dict], theirs: tuple, place: str, why: str = "") -> Finding:
    """By how much our Y, the mean over the seeds, is above the agent's: 0 if it is not."""
    agent, between = theirs[0] + 1.5 * theirs[1], spread([found["Y"][0] for found in seeds])
    error = max(found["Y"][1] for found in seeds)
    error = math.hypot(between.standard_error, error) if len(seeds) > 1 else error
    claim = f"{what}: Y = {between.mean:.2f}, above the agent's {agent:.1f}, %"
    room = 2.5 * ROUNDING + 4.0 * error
    return Finding(claim, max(between.mean - agent, 0.0), 0.0, room, error, place, why)


def less_than(what: str, found: dict, name: str) -> Finding:
    """The paper's claim, of a band found without learning: its Y less that of a delta, below 0."""
    (ours, error), (theirs, other) = found["band"][0]["Y"], found[name][0]["Y"]
    claim = f"{what}: Y less that of {name}, %"
    return Finding(claim, ours - theirs, 0.0, 0.0, math.hypot(error, other), at_most=True)


def least_of(problem: HedgingProblem, effort: Effort) -> tuple[float, ...]:
    """The least Y of all hedges, its error, and its mean and deviation, in percent."""
    price = float(price_of(problem))
    x = mean_deviation(problem, 1.5, n_holdings=effort.nodes[0], n_wealth=effort.nodes[1])
    return tuple(100.0 * y / price for y in (x.value, x.error, x.mean, x.deviation))


def not_below(what: str, seeds: list[dict], least: float, exact_to: float) -> Finding:
    """By how much the best seed's Y is below the least of all hedges: it should not be."""
    best, error = min(found["Y"] for found in seeds)
    claim = f"{what}: the best seed's Y = {best:.2f}, below the least, {least:.2f}, %"
    room = 4.0 * error + exact_to
    return Finding(claim, max(least - best, 0.0), 0.0, room, error, "dynamic programming")


def plain(problem: HedgingProblem, effort: Effort, seed: int) -> dict:
    """Delta, as a band without width, and the best of the others."""
    delta = DeltaBand(problem.claim, FORMULA, half_width=0.0)
    return {"delta": [delta], "band": [best_band(problem, FORMULA, effort.n_paths, seed)]}


def learned(often: str, problem: HedgingProblem, effort: Effort, seed: int) -> dict:
    hedges: dict[str, list[AbstractPolicy]] = {"delta": [DeltaHedge(problem.claim, FORMULA)]}
    hedges["direct"] = directly(problem, FORMULA, effort, seed, "wealth")
    if often == "weekly":
        hedges["direct, wealth not seen"] = directly(problem, FORMULA, effort, seed)
        hedges["actor-critic"] = step_by_step(problem, effort, seed)
    return hedges


def run(seed: int = 0, smoke: bool = False, out: pathlib.Path | None = None) -> list[Finding]:
    """Exhibit 3; the small size has its weekly row, and a band of one width."""
    effort, place = (SMOKE if smoke else FULL), "exhibit 3"
    findings, rows, leasts = [], {}, {}
    for often in ("weekly",) if smoke else EXHIBIT:
        problem, theirs = problem_of(MARKET, FORMULA, often), EXHIBIT[often]
        problem = sold_for_cash(problem) if smoke else problem
        hedges = plain(problem, effort, seed) if smoke else learned(often, problem, effort, seed)
        found = rows[often] = judged(problem, hedges, often, effort, seed)
        least = leasts[often] = least_of(problem, effort)
        print(f"{often}: least Y {least[0]:.2f} ± {least[1]:.2f}, mean {least[2]:.1f}", flush=True)
        findings += as_theirs(
            f"delta, {often}", found["delta"][0], theirs["delta"], effort.n_paths, place
        )
        findings += [
            no_worse(f"{name}, {often}", seeds, theirs["agent"], place)
            for name, seeds in found.items()
            if name != "delta"
        ]
        best = "band" if smoke else "direct"
        findings.append(not_below(f"{best}, {often}", found[best], *least[:2]))
        if smoke:
            findings.append(less_than(f"band, {often}", found, "delta"))
    if out is not None:
        draw(rows, EXHIBIT, [least[2:] for least in leasts.values()], out)
    return findings


def draw(rows: dict, exhibit: dict, best: list, out: pathlib.Path) -> None:
    """Deviation against mean of the cost, a curve a hedge through the frequencies."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5.8, 4.4), layout="constrained")
    for i, name in enumerate(dict.fromkeys(name for row in rows.values() for name in row)):
        seeds = [row[name] for row in rows.values() if name in row]
        means = [np.mean([x["mean"][0] for x in each]) for each in seeds]
        deviations = [np.mean([x["s.d."][0] for x in each]) for each in seeds]
        axes.plot(means, deviations, "o-", color=f"C{i}", label=f"{name}, here")
        if name in next(iter(exhibit.values())):
            theirs = [exhibit[often][name] for often in rows]
            axes.plot(*zip(*theirs, strict=True), "x", color=f"C{i}", label=f"{name}, paper")
    agent = [exhibit[often]["agent"] for often in rows]
    axes.plot(*zip(*agent, strict=True), "k+--", label="agent, paper")
    if best:
        axes.plot(*zip(*best, strict=True), "k*:", label="least Y of all hedges")
    axes.set(xlabel="mean cost, % of the price", ylabel="standard deviation, %")
    axes.set_title(f"{', '.join(rows)}, from the top", fontsize=9)
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(out)
