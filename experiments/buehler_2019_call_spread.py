"""Buehler, Gonon, Teichmann and Wood (2019), figures 8 and 9: aversion shifts a barrier.

A call spread [(S - 100)^+ - (S - 101)^+], nearly a digital option, 30 days of 365 in 30 steps, in
Heston's model (mean reversion 1, long variance and variance 0.04, volatility of variance 2,
correlation -0.7) with the stock and the idealised variance swap, without costs. Hedges are trained
for the expected shortfall of the worst 50, 5 and 1 % (the paper's alpha = 0.5, 0.95, 0.99). The
paper shows that more averse hedges hold less at most, over a wider range: as desks do that hedge
such a claim as one with its barrier shifted. No number is printed there.

What is measured: the shares held at variance 0.04, five days before maturity, over the price. The
greatest holding, and the width of the range (area over greatest holding), each relative to those
of the hedge for 50 %; and the mean price of the range. Stated beforehand: more averse is lower and
wider, by any amount; and the range moves down, as it does for one who sells the spread and hedges
it as one that pays earlier. One seed. The small size trains 60 steps, too few for the width, which
is left to the full size.

    deephedge reproduce buehler_2019_call_spread --full
"""

import dataclasses
import pathlib

import jax
import jax.numpy as jnp
import numpy as np

from deephedge.claims import Call, EuropeanPortfolio
from deephedge.costs import NoCost
from deephedge.markets import Heston
from deephedge.numerics.draws import antithetic
from deephedge.numerics.importance import tilted
from deephedge.policies import (
    AbstractPolicy,
    Account,
    Feedforward,
    GreekNeutralHedge,
    StateGrid,
    TabulatedHoldings,
)
from deephedge.pricing import Fourier, IntegratedVariance, ListedModel
from deephedge.reports import Finding, Paper
from deephedge.risk import ExpectedShortfall
from deephedge.rollout import HedgingProblem, fit_tilt, pnl_only, sample, time_grid
from deephedge.training import default_optimizer, train

WHY = (
    "not found: at 5 % the hedge moves down as at 1 %, but is no flatter, and at 1 % it is; "
    "one seed"
)
PAPER = Paper(
    reference="Buehler, Gonon, Teichmann and Wood (2019), Deep hedging",
    claim="The more averse, the flatter the hedge of a call spread: a barrier shift.",
    minutes=6.0,
    deviations=(
        "The paper shows pictures: what is compared is how the hedges stand to each other. Paths "
        "by Andersen's scheme; one network for all dates, which corrects the model's hedge. The "
        "swap has a notional of 1,000. The date that is shown is ours."
    ),
)
MATURITY, NOTIONAL, SHOWN = 30 / 365, 1000.0, 25


def problem() -> HedgingProblem:
    heston = Heston(
        spot=100.0,
        variance=0.04,
        mean_reversion=1.0,
        long_variance=0.04,
        vol_of_variance=2.0,
        correlation=-0.7,
    )
    market = ListedModel(heston, (IntegratedVariance(MATURITY, NOTIONAL),))
    calls = (Call(strike=100.0, maturity=MATURITY), Call(strike=101.0, maturity=MATURITY))
    claim, times = EuropeanPortfolio(calls, weights=(1.0, -1.0)), time_grid(MATURITY, 30)
    return HedgingProblem(market, claim, NoCost(), times, close_out=False)


def model_hedge(problem: HedgingProblem, n_prices: int, n_roots: int) -> TabulatedHoldings:
    """Neutral in delta and vega."""
    pricer = Fourier(problem.market.market, n_terms=1024)
    rule = GreekNeutralHedge(problem.claim, pricer, problem.market, neutral=("vega",))
    dates = problem.times[:-1]
    x, roots = jnp.linspace(-0.4, 0.4, n_prices), jnp.linspace(0.0, 1.6, n_roots)
    grid = StateGrid(dates, jnp.full_like(dates, 100.5), x, roots)
    return TabulatedHoldings.of(rule, problem.market, grid)


def learned(
    problem: HedgingProblem, base: AbstractPolicy, tail: float, size: tuple[int, int], seed: int
) -> AbstractPolicy:
    """For a small tail half of the paths are drawn like the worst."""
    n_steps, n_paths = size
    policy = Feedforward.create(
        problem.market,
        problem.claim,
        problem.times,
        base=base,
        features=("moneyness", "time", "factors", "deviations"),
        width=16,
        key=jax.random.key(seed),
    )
    draws = antithetic
    if tail < 0.1:
        draws = tilted(draws, fit_tilt(problem, base, tail=tail, key=jax.random.key(seed + 7)))
    return train(
        problem,
        policy,
        ExpectedShortfall(tail),
        key=jax.random.key(seed + 1),
        optimizer=default_optimizer(n_steps, 0.01),
        n_steps=n_steps,
        n_paths=n_paths,
        draws=draws,
        averaging=0.98,
        threshold="trained",
        validation_paths=8192,
        validate_every=n_steps // 2,
    ).policy


def held(
    problem: HedgingProblem, hedge: AbstractPolicy, base: AbstractPolicy, spots: np.ndarray
) -> np.ndarray:
    """The shares held at each price, variance 0.04, holding the model's hedge before."""
    time, start = problem.times[SHOWN], problem.market.start()
    factors = jnp.stack([jnp.asarray(0.04), 0.04 * time])

    def at(spot: jax.Array) -> jax.Array:
        prices = jnp.stack([spot, start.prices[1]])
        now = dataclasses.replace(start, time=time, prices=prices, factors=factors)
        account = Account(base.observe(now), jnp.zeros_like(time))
        return hedge.step(now, account, hedge.init())[0][0]

    return np.asarray(jax.jit(jax.vmap(at))(jnp.asarray(spots)))


def shape(spots: np.ndarray, shares: np.ndarray) -> tuple[float, float, float]:
    """The greatest holding, the width of the range, and its mean price."""
    positive = np.maximum(shares, 0.0)
    area, greatest = np.trapezoid(positive, spots), float(positive.max())
    return greatest, float(area / greatest), float(np.trapezoid(positive * spots, spots) / area)


def run(seed: int = 0, smoke: bool = False, out: pathlib.Path | None = None) -> list[Finding]:
    """How the averse hedges stand to that for 50 %."""
    task, tails = problem(), (0.5, 0.01) if smoke else (0.5, 0.05, 0.01)
    size, n_paths = ((60, 1024), 20_000) if smoke else ((500, 2048), 200_000)
    base = model_hedge(task, 101, 17) if smoke else model_hedge(task, 321, 49)
    spots, judge = np.linspace(92.0, 109.0, 171), jax.random.key(seed + 1_000_003)
    hedges = {"model": base}
    for tail in tails:
        hedges[f"{tail:.0%}"] = learned(task, base, tail, size, seed)
    lines, shapes = {}, {}
    for name, hedge in hedges.items():
        lines[name] = held(task, hedge, base, spots)
        shapes[name] = shape(spots, lines[name])
        pnl = sample(task, hedge, n_paths, key=judge, keep=pnl_only)
        risks = [f"{float(ExpectedShortfall(x)(pnl)):.4f} ({x:.0%})" for x in tails]
        text = "greatest {:.3f}, width {:.2f}, mean price {:.2f}".format(*shapes[name])
        print(f"{name}: {text}; shortfalls {', '.join(risks)}", flush=True)
    findings = [x for tail in tails[1:] for x in compared(shapes, f"{tail:.0%}", smoke)]
    if out is not None:
        draw(spots, lines, out)
    return findings


def compared(
    shapes: dict[str, tuple[float, float, float]], name: str, smoke: bool
) -> list[Finding]:
    """Lower, wider and shifted down, against the hedge for 50 %."""
    averse, mild = shapes[name], shapes["50%"]
    rows = [
        ("greatest holding, relative to that for 50 %: below 1", averse[0] / mild[0], 1.0),
        ("mean price of the range, less that for 50 %: below 0", averse[2] - mild[2], 0.0),
    ]
    if not smoke:
        rows.append(("width for 50 %, relative to its own: below 1", mild[1] / averse[1], 1.0))
    return [
        Finding(f"worst {name}: {what}", ours, theirs, 0.0, 0.0, "figures 8 and 9", WHY, True)
        for what, ours, theirs in rows
    ]


def draw(spots: np.ndarray, lines: dict[str, np.ndarray], out: pathlib.Path) -> None:
    """The shares held over the price, like figures 8 and 9."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5.6, 3.6), layout="constrained")
    for name, shares in lines.items():
        label = "model's hedge" if name == "model" else f"trained for the worst {name}"
        axes.plot(spots, shares, "k--" if name == "model" else "-", label=label)
    axes.axvspan(100.0, 101.0, color="0.9", label="strikes")
    axes.set_xlabel("price, five days before maturity")
    axes.set_ylabel("shares held")
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(out)
