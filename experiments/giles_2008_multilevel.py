"""Multilevel Monte Carlo of Giles (2008): cost against accuracy, measured.

Calls in the paper's Black-Scholes model (rate 5 %, volatility 20 %, one year; here at spot 100):
an Asian call and a lookback call, whose payoffs are functions of the discrete path, and a call in
the CEV model whose volatility is proportional to the root of the price, by Euler's scheme. Levels
refine by 4. For each: the orders of the mean (alpha) and of the variance (beta) of a level in the
time step; for each accuracy the steps simulated, beside those of plain Monte Carlo at the finest
step, 2 V / accuracy^2 paths; and the powers of 1 / accuracy by which the two costs grow.

Theory: alpha is 1, for the lookback 1/2; beta is 2 for the Asian call (paths are exact, averages
differ by the order of a step) and 1 for the others. The multilevel cost grows with power 2, for
beta 1 times a squared logarithm; the plain cost with power 2 + 1/alpha, by jumps where one more
level is needed. The bias of the CEV call, which starts from 4 steps, is too small to show alpha.

The tolerances are ours, from what a fit to few points can tell: 0.2 and 0.15 for the orders, which
are regressions over the levels of one run; 0.4 for the power of the multilevel cost; 0.8 for that
of the plain cost, whose finest step is a power of 4 and so jumps by 4 where one more level is
needed: two to four accuracies see none or one such jump too many.

    deephedge reproduce giles_2008_multilevel --full
"""

import pathlib

import jax
import numpy as np

from deephedge.claims import AsianCall, Call, LookbackCall
from deephedge.markets import CEV, BlackScholes
from deephedge.pricing import multilevel
from deephedge.reports import Finding, Paper

PAPER = Paper(
    reference="Giles (2008), Multilevel Monte Carlo path simulation",
    claim="The cost of an accuracy grows with its power -2, that of plain simulation with -3.",
    minutes=3.0,
    deviations=(
        "Orders and powers against the theorem, with tolerances of ours (wide for the plain cost, "
        "which jumps by 4 with each level); the paper's payoffs in markets of ours."
    ),
)
LOGNORMAL = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
ROOT = CEV(spot=100.0, scale=2.0, exponent=0.5, rate=0.05)

# name, model, claim, steps of the coarsest level, accuracies, alpha, beta
PROBLEMS = (
    (
        "Asian",
        LOGNORMAL,
        AsianCall(strike=100.0, maturity=1.0),
        1,
        (0.1, 0.05, 0.025, 0.0125),
        1.0,
        2.0,
    ),
    (
        "lookback",
        LOGNORMAL,
        LookbackCall(strike=100.0, maturity=1.0),
        1,
        (1.0, 0.5, 0.25),
        0.5,
        1.0,
    ),
    ("call in CEV", ROOT, Call(strike=100.0, maturity=1.0), 4, (0.1, 0.05, 0.025), None, 1.0),
)
SMOKE = ((*PROBLEMS[0][:4], (0.5,), *PROBLEMS[0][5:]),)
"""The first at an accuracy that three levels reach: its orders, but no power of the cost."""


def experiment(
    seed: int = 0, smoke: bool = False, out: pathlib.Path | None = None
) -> list[Finding]:
    """Price each claim at each accuracy, and measure orders and powers."""
    findings, costs = [], {}
    for name, model, claim, coarsest, accuracies, alpha, beta in SMOKE if smoke else PROBLEMS:
        runs, plain = [], []
        for accuracy in accuracies:
            run = multilevel(
                model,
                claim,
                model.start(),
                accuracy=accuracy,
                key=jax.random.key(seed),
                coarsest=coarsest,
                # Two differences of levels say the orders only if each is well known.
                n_pilot=4096 if smoke else 256,
            )
            finest = run.levels[-1]
            runs.append(run)
            plain.append(2.0 * finest.fine_variance / accuracy**2 * finest.n_steps)
            print(
                f"{name}, accuracy {accuracy:g}: {run.value:.4f} (standard error "
                f"{run.standard_error:.4f}, bias {run.bias:.4f}), {len(run.levels)} levels, "
                f"{run.cost:.3g} steps, plain {plain[-1]:.3g}, saved {plain[-1] / run.cost:.1f}"
            )
        last = runs[-1]
        for level in last.levels:
            print(f"    {level}")
        costs[name] = (accuracies, [run.cost for run in runs], plain)
        findings.append(Finding(f"{name}: order of the variance", last.beta, beta, 0.2))
        if alpha is not None:
            findings.append(Finding(f"{name}: order of the mean", last.alpha, alpha, 0.15))
        if not smoke:
            powers = [
                -float(np.polyfit(np.log(accuracies), np.log(steps), 1)[0])
                for steps in costs[name][1:]
            ]
            print(f"{name}: cost grows with power {powers[0]:.2f}, plain {powers[1]:.2f}")
            findings.append(Finding(f"{name}: power of the cost", powers[0], 2.0, 0.4))
            if alpha is not None:
                expected = 2.0 + 1.0 / alpha
                findings.append(Finding(f"{name}: plain power", powers[1], expected, 0.8))
    if out is not None:
        draw(costs, out)
    return findings


def draw(costs: dict, out: pathlib.Path) -> None:
    """Steps times the accuracy's square, as in the paper's figures: flat where the power is 2."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.2, 3.6), layout="constrained")
    for i, (name, (accuracies, multi, plain)) in enumerate(costs.items()):
        squares = np.asarray(accuracies) ** 2
        axes.loglog(accuracies, squares * multi, f"C{i}o-", label=f"{name}, multilevel")
        axes.loglog(accuracies, squares * plain, f"C{i}s:", label=f"{name}, plain")
    axes.set_xlabel("accuracy (root mean square)")
    axes.set_ylabel("steps × accuracy²")
    figure.legend(frameon=False, loc="outside right upper")
    figure.savefig(out)


def run(seed: int = 0, smoke: bool = False, out: pathlib.Path | None = None) -> list[Finding]:
    """The orders of the levels, and the powers of the cost."""
    return experiment(seed, smoke, out)
