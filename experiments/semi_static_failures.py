"""Where a static hedge fails: jumps over a barrier, a skew, and strikes too far apart.

A down-and-out call (strike 100, barrier 90, three months, watched at 63 dates) is sold and hedged
by a call and 10/9 puts struck at 81, sold when the price is first seen at the barrier or below. The
premium is what the two options cost, so that the P&L is the error of the hedge alone. All markets
have about 20 % of volatility: Black and Scholes; Merton's jumps; Heston with and without
correlation, where between them the symmetry of the smile is lost.

A variance swap (three months, daily) is hedged by puts and calls from 50 to 150. Without jumps the
error falls as the strikes come closer; with them the cubes of the jumps stay. Options held from the
first date to the last give the same spread of P&L whatever they are marked at between: here
always Black and Scholes'.

    python experiments/semi_static_failures.py [--smoke] [--seed 0] [--out FILE.svg]
"""

import argparse
import pathlib

import jax
import numpy as np

from deephedge.claims import BarrierOption, Call, Put, VarianceSwap
from deephedge.costs import NoCost
from deephedge.markets import AbstractMarket, BlackScholes, Heston, Merton
from deephedge.policies import PutCallSymmetry, VarianceStrip
from deephedge.pricing import BlackScholesFormula, listed_market
from deephedge.reports import Finding
from deephedge.reports.experiment import main
from deephedge.rollout import HedgingProblem, pnl_only, sample, time_grid

EXPIRY = 0.25
HESTON = {"spot": 100.0, "variance": 0.04, "mean_reversion": 2.0, "long_variance": 0.04}
NUMBERS = (3, 5, 9, 17)
"""Puts, and as many calls."""


def markets() -> dict[str, AbstractMarket]:
    """All of a volatility of about 20 %."""
    return {
        "Black-Scholes": BlackScholes(spot=100.0, vol=0.2),
        "Heston, ρ = 0": Heston(**HESTON, vol_of_variance=0.5, correlation=0.0),
        "Heston, ρ = −0.7": Heston(**HESTON, vol_of_variance=0.5, correlation=-0.7),
        "Merton": Merton(spot=100.0, vol=0.15, intensity=1.0, jump_mean=-0.1, jump_vol=0.08),
    }


def barrier_errors(seed: int, n_paths: int, n_steps: int) -> dict[str, np.ndarray]:
    """P&L of the strip in each market, where its cost is the premium."""
    found = {}
    claim = BarrierOption(100.0, 90.0, EXPIRY, call=True, up=False, knock_in=False)
    for name, model in markets().items():
        options = [Call(strike=100.0, maturity=EXPIRY), Put(strike=81.0, maturity=EXPIRY)]
        market = listed_market(model, options)
        policy = PutCallSymmetry(claim, market)
        call, put = np.asarray(market.start().prices)[1:]
        problem = HedgingProblem(
            *(market, claim, NoCost(), time_grid(EXPIRY, n_steps)),
            premium=float(call - put / 0.9),
            close_out=False,
        )
        pnl = sample(problem, policy, n_paths, key=jax.random.key(seed), keep=pnl_only)
        found[name] = np.asarray(pnl)
        print(f"{name}: {spread(found[name])}")
    return found


def spread(pnl: np.ndarray) -> str:
    """Mean with its standard error, deviation, and the mean of the worst 1 %."""
    worst = np.sort(pnl)[: max(len(pnl) // 100, 1)].mean()
    error = pnl.std() / np.sqrt(len(pnl))
    return f"mean {pnl.mean():.4f} ± {error:.4f}, deviation {pnl.std():.4f}, worst 1 % {worst:.4f}"


def variance_errors(seed: int, n_paths: int, n_steps: int) -> dict[str, list[float]]:
    """Deviation of the P&L of a swap of 100 a point of variance, in volatility points at 20 %."""
    found = {}
    swap = VarianceSwap(strike=0.04, maturity=EXPIRY, notional=1.0)
    for name in ("Black-Scholes", "Merton"):
        found[name] = []
        for number in NUMBERS:
            steps = np.linspace(0.0, 50.0, number)
            puts = [Put(strike=100.0 - x, maturity=EXPIRY) for x in steps]
            calls = [Call(strike=100.0 + x, maturity=EXPIRY) for x in steps]
            market = listed_market(markets()[name], [*puts, *calls], BlackScholesFormula(vol=0.2))
            problem = HedgingProblem(
                *(market, swap, NoCost(), time_grid(EXPIRY, n_steps)), close_out=False
            )
            policy = VarianceStrip(swap, market)
            pnl = sample(problem, policy, n_paths, key=jax.random.key(seed), keep=pnl_only)
            # One point of volatility at 20 % is 0.4 points of variance: 0.004.
            found[name].append(float(np.std(np.asarray(pnl))) / 0.004)
            print(f"{name}, {number} puts and calls: {found[name][-1]:.3f} volatility points")
    return found


def experiment(
    seed: int = 0, smoke: bool = False, out: pathlib.Path | None = None
) -> list[Finding]:
    """Measure both, draw them, and hold them to what the theory says."""
    n_paths, n_steps = (128, 8) if smoke else (2048, 63)
    errors = barrier_errors(seed, n_paths, n_steps)
    points = variance_errors(seed, n_paths, n_steps)
    if out is not None:
        draw(errors, points, out)
    if smoke:
        return []
    plain = errors["Black-Scholes"]
    gap = points["Black-Scholes"]
    return [
        Finding("deviation in Black-Scholes is small", float(plain.std()), 0.0, 0.15),
        Finding("fourfold strikes: error of the strip falls", gap[2] / gap[0], 0.0, 0.25),
    ]


def draw(errors: dict[str, np.ndarray], points: dict[str, list[float]], out: pathlib.Path) -> None:
    """The deviation of the barrier hedge by market; of the variance strip by number of strikes."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.4), layout="constrained")
    left.barh(list(errors), [x.std() for x in errors.values()], color="C0")
    left.invert_yaxis()
    left.set_xlabel("deviation of the P&L, cash")
    left.set_title("down-and-out call, two options", fontsize=10)
    for name, values in points.items():
        right.loglog(NUMBERS, values, "o-", label=name)
    right.set_xticks(NUMBERS, [str(n) for n in NUMBERS])
    right.minorticks_off()
    right.set_xlabel("puts from 100 to 50, and calls from 100 to 150")
    right.set_ylabel("deviation, volatility points")
    right.set_title("variance swap, strip of options", fontsize=10)
    right.legend(frameon=False)
    figure.savefig(out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    main(lambda: experiment(options.seed, options.smoke, options.out))
