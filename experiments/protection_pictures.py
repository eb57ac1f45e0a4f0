"""The pictures of `docs/strategies`: protection bought once, and protection that is rolled.

The market, the rules and the costs are those of `studies/tail_hedging.toml`. One picture has what
each static package ends at, beside CPPI's ends; the other a path with a crash, and what the rolled
puts added to the stock.

    python experiments/protection_pictures.py [--out docs/strategies]
"""

import argparse
from pathlib import Path

import equinox as eqx
import jax
import matplotlib.pyplot as plt
import numpy as np

from deephedge.cli.resolve import open_study
from deephedge.markets import simulate
from deephedge.rollout import replay

STUDY = Path(__file__).parent / "studies" / "tail_hedging.toml"
SHOWN = 130
"""Paths in a scatter: each is a mark in the file."""

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#56B4E9")
STATIC = {
    "protective_put": "protective put, 90",
    "collar": "collar, 90 to 114",
    "put_spread_collar": "put-spread collar, 75 to 90 and 118",
    "cppi": "CPPI, multiplier 4, floor 85",
}
ROLLED = {"rolled_puts": "rolled puts", "monetised_puts": "rolled puts, sold at 5 times"}


def wealths(n_paths: int, seed: int) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Dates, the stock's prices, and the wealth of each rule in cash of the date."""
    study = open_study(STUDY)
    problem = study.problem
    chosen = {name: study.policies[name] for name in (*STATIC, *ROLLED)}

    @eqx.filter_jit
    def drawn(key):
        return simulate(problem.market, problem.times, n_paths, key=key)

    paths = drawn(jax.random.key(seed))
    discount = np.asarray(paths.discount)
    found = {name: replay(problem, rule, paths, keep=_wealth) for name, rule in chosen.items()}
    return (
        np.asarray(problem.times),
        np.asarray(paths.prices[:, :, 0]),
        {name: np.asarray(wealth) / discount for name, wealth in found.items()},
    )


def _wealth(ledger):
    return ledger.wealth


def draw_static(out: Path, spot: np.ndarray, wealth: dict[str, np.ndarray]) -> None:
    """Where each package ends, against where the stock does."""
    figure, axes = plt.subplots(figsize=(6.5, 4.2), layout="constrained")
    end = spot[:SHOWN, -1]
    axes.plot([40, 170], [40, 170], color="grey", linewidth=0.8, label="the stock alone")
    for (name, words), colour in zip(STATIC.items(), COLOURS, strict=True):
        axes.scatter(end, wealth[name][:SHOWN, -1], s=7, color=colour, label=words)
    axes.set(xlabel="stock after a year", ylabel="wealth after a year, from 100")
    axes.set(xlim=(40, 170), ylim=(60, 170))
    axes.legend(fontsize=8)
    figure.savefig(out, metadata={"Date": None})


def draw_tail(
    out: Path, times: np.ndarray, spot: np.ndarray, wealth: dict[str, np.ndarray]
) -> None:
    """The path with the deepest crash, and what the puts added on every path."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10.0, 4.0), layout="constrained")
    crash = int(np.argmin(np.diff(np.log(spot), axis=1).min(axis=1)))
    left.plot(times, spot[crash], color="grey", label="the stock alone")
    for (name, words), colour in zip(ROLLED.items(), COLOURS, strict=False):
        left.plot(times, wealth[name][crash], color=colour, label=words)
        end = spot[:SHOWN, -1]
        right.scatter(end, wealth[name][:SHOWN, -1] - end, s=7, color=colour, label=words)
    left.set(xlabel="years", ylabel="wealth", title="the path with the deepest crash")
    right.axhline(0.0, color="black", linewidth=0.6)
    right.set(xlabel="stock after a year", ylabel="wealth less that of the stock alone")
    left.legend(fontsize=8)
    right.legend(fontsize=8)
    figure.savefig(out, metadata={"Date": None})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("docs/strategies"))
    parser.add_argument("--paths", type=int, default=256)
    parser.add_argument("--seed", type=int, default=5)
    options = parser.parse_args()
    times, spot, wealth = wealths(options.paths, options.seed)
    plt.rcParams["svg.fonttype"] = "none"
    options.out.mkdir(parents=True, exist_ok=True)
    draw_static(options.out / "static_protection.svg", spot, wealth)
    draw_tail(options.out / "tail_hedging.svg", times, spot, wealth)
