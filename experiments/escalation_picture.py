"""Draws docs/strategies/escalation.svg: the protocol of the study on one path with two falls."""

from pathlib import Path

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

from deephedge.cli.resolve import open_study
from deephedge.markets import Path as MarketPath
from deephedge.policies import Escalation, changes
from deephedge.rollout import trace

ROOT = Path(__file__).resolve().parent.parent
COLOURS = ("#f6c667", "#e8894a", "#c0392b")
NAMES = ("1: half", "2: out, after a jump", "3: out, on a drawdown")


def one_path(times: np.ndarray) -> MarketPath:
    """Made up: a fall of 9 % that half comes back within weeks, and later a slow decline."""
    n_steps = len(times) - 1
    returns = 0.12 / np.sqrt(252) * np.random.default_rng(11).standard_normal(n_steps)
    returns -= np.mean(returns)
    returns[60] = -0.09
    returns[63:73] += 0.005
    returns[140:190] -= 0.003
    prices = 100.0 * np.exp(np.concatenate([[0.0], np.cumsum(returns)]))
    return MarketPath(
        time=jnp.asarray(times)[None],
        prices=jnp.asarray(prices, dtype=times.dtype)[None, :, None],
        factors=jnp.zeros((1, n_steps + 1, 0), times.dtype),
        discount=jnp.exp(-0.02 * jnp.asarray(times))[None],
        accrual=jnp.ones((1, n_steps + 1, 1), times.dtype),
        progress=jnp.zeros((1, n_steps + 1, 0), times.dtype),
    )


def main() -> None:
    study = open_study(ROOT / "experiments" / "studies" / "escalation.toml")
    times = np.asarray(study.problem.times)
    path, days = one_path(times), np.arange(len(times))
    wealth = {}
    protocol = study.policies["protocol"]
    assert isinstance(protocol, Escalation)
    ledger, alert = trace(study.problem, protocol, path)
    wealth["with the protocol"] = np.asarray(ledger.wealth[0])
    wealth["the stock alone"] = np.asarray(
        trace(study.problem, study.policies["stock"], path)[0].wealth[0]
    )
    levels = np.asarray(alert.level[0])
    for line in changes(protocol, jax.tree.map(lambda x: x[0], alert)):
        print(f"day {line.date}: level {line.before} -> {line.after}, {line.trigger} "
              f"{line.value:.3g} (limit {line.limit:.3g})")  # fmt: skip
    for name, values in wealth.items():
        print(f"{name}: {values[-1]:.2f}")

    figure, axes = plt.subplots(2, 1, figsize=(7, 4.6), sharex=True, layout="constrained")
    axes[0].plot(days, np.asarray(path.prices[0, :, 0]), color="black", lw=1.2)
    axes[0].set_ylabel("stock")
    for name, colour in zip(wealth, ("#1f5fa8", "#999999"), strict=True):
        axes[1].plot(days, wealth[name], label=name, color=colour, lw=1.4)
    axes[1].set_ylabel("wealth, today's money")
    axes[1].set_xlabel("trading day")
    axes[1].legend(loc="lower left", frameon=False)
    for axis in axes:
        for k, colour in enumerate(COLOURS, 1):
            at = levels == k
            axis.fill_between(days[:-1], 0, 1, where=at, step="post", color=colour, alpha=0.45,
                              lw=0, transform=axis.get_xaxis_transform(),
                              label=NAMES[k - 1] if axis is axes[0] else None)  # fmt: skip
    axes[0].legend(title="level", loc="lower left", frameon=False)
    plt.rcParams["svg.hashsalt"] = "deephedge"
    plt.rcParams["svg.fonttype"] = "none"
    out = ROOT / "docs" / "strategies" / "escalation.svg"
    figure.savefig(out, metadata={"Date": None})
    print(f"{out.name}: {out.stat().st_size / 1024:.0f} kB")


if __name__ == "__main__":
    main()
