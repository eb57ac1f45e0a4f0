"""What merger and convertible arbitrage earn, drawn from their studies.

Left to the studies are the numbers; here is how they come about. Merger arbitrage: the P&L of the
spread, with and without puts on the target, over many deals. Convertible arbitrage: the P&L of the
convertible alone, against its delta, and against delta and credit, on the same paths, which are
put in the order of the first.

    python experiments/arbitrage_pictures.py [--only merger|convertible] [--out docs/strategies]
"""

import argparse
import pathlib

import jax
import numpy as np

from deephedge.cli.resolve import Resolved, open_study
from deephedge.rollout import pnl_only, sample

STUDIES = pathlib.Path(__file__).parent / "studies"


def drawn(study: Resolved, names: tuple[str, ...], n_paths: int) -> dict[str, np.ndarray]:
    """P&L of the named policies on the same paths."""
    key = jax.random.key(1)
    return {
        name: np.asarray(
            sample(study.problem, study.policies[name], n_paths, key=key, keep=pnl_only)
        )
        for name in names
    }


def merger(out: pathlib.Path) -> None:
    """Two histograms."""
    import matplotlib.pyplot as plt

    study = open_study(STUDIES / "merger_arbitrage.toml")
    found = drawn(study, ("spread", "spread_with_puts"), 8192)
    figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    bins = np.linspace(-40.0, 20.0, 61).tolist()
    labels = {"spread": "target against acquirer", "spread_with_puts": "with puts on the target"}
    for name, pnl in found.items():
        axes.hist(
            pnl, bins, histtype="step", label=labels[name], weights=100.0 / len(pnl) + 0 * pnl
        )
    axes.set_yscale("log")
    axes.set_xlabel("P&L for each target share")
    axes.set_ylabel("% of deals")
    axes.legend(frameon=False, loc="upper left")
    figure.savefig(out / "merger_arbitrage.svg")


def convertible(out: pathlib.Path) -> None:
    """Three clouds."""
    import matplotlib.pyplot as plt

    study = open_study(STUDIES / "convertible_arbitrage.toml")
    names = ("long_convertible", "delta", "delta_and_credit")
    found = drawn(study, names, 1024)
    order = np.argsort(found["long_convertible"])
    figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    share = 100.0 * (np.arange(len(order)) + 0.5) / len(order)
    labels = ("convertible alone", "against delta", "against delta and credit")
    for name, label, marker in zip(names, labels, (",", ".", "."), strict=True):
        values = found[name][order][::12]
        axes.plot(share[::12], values, marker, markersize=3, label=label, alpha=0.7)
    axes.set_xlabel("paths, from the worst to the best for the convertible alone, %")
    axes.set_ylabel("P&L for each convertible")
    axes.legend(frameon=False)
    figure.savefig(out / "convertible_arbitrage.svg")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=("merger", "convertible"))
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("docs/strategies"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name, make in (("merger", merger), ("convertible", convertible)):
        if options.only in (None, name):
            make(options.out)
