"""The picture of `docs/strategies/gamma_scalping.md`: a book of options against its gamma bill.

The market maker's book of `market_makers_ledger.py` over simulated days: the distribution of its
P&L beside the two numbers of the text, and the P&L of each path against the volatility that its
scalps found, beside what the sum of gammas says.

    python experiments/gamma_scalping_picture.py [--out docs/strategies/gamma_scalping.svg]
"""

import argparse
from pathlib import Path

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from market_makers_ledger import BILL, CALLS, FEE, N_ADJUSTMENTS, VOL, simulated

from deephedge.reports import break_even_vol, scalped_vol

SHOWN = 200
"""Paths in the scatter: each is a mark in the file."""


def draw(out: Path, n_paths: int, seed: int) -> None:
    """Simulate the book, and draw it."""
    split = simulated(n_paths, seed)
    pnl, found = np.asarray(split.total), np.asarray(scalped_vol(split, VOL))
    needed = float(break_even_vol(jax.tree.map(jnp.mean, split), VOL))
    plt.rcParams["svg.fonttype"] = "none"
    figure, (left, right) = plt.subplots(1, 2, figsize=(10.0, 4.0), layout="constrained")
    left.hist(pnl, bins=60, density=True, color="#56B4E9")
    for level, words, colour in (
        (500.0, "the text's last line", "#D55E00"),
        (-1500.0, "the text's own numbers", "#009E73"),
        (float(pnl.mean()), "mean of the simulated book", "#0072B2"),
    ):
        left.axvline(level, color=colour, label=f"{words}: {level:,.0f}")
    left.set(xlabel="P&L over 20 days, $", yticks=[], title=f"{CALLS:,.0f} calls, hedged")
    left.legend(loc="upper right", fontsize=8)
    left.set_xlim(-5000, 3500)

    right.scatter(100 * found[:SHOWN], pnl[:SHOWN], s=6, color="#56B4E9", label="paths")
    vols = np.linspace(0.13, 0.28, 50)
    line = BILL * (vols**2 / VOL**2 - 1.0) - FEE * N_ADJUSTMENTS
    right.plot(100 * vols, line, color="#0072B2", label="gamma, less theta, less costs")
    right.axvline(100 * VOL, color="grey", linestyle=":", label="implied")
    right.axvline(100 * needed, color="#D55E00", label=f"break-even: {100 * needed:.1f} %")
    right.axhline(0.0, color="black", linewidth=0.6)
    right.set(xlabel="realised volatility, weighted by gamma, %", ylabel="P&L, $")
    right.legend(loc="upper left", fontsize=8)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, metadata={"Date": None})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("docs/strategies/gamma_scalping.svg"))
    parser.add_argument("--paths", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    draw(options.out, options.paths, options.seed)
