"""The picture of `docs/optimum.md`: the optimal band of the reference problem.

python experiments/optimum_picture.py
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
from reference_problem import AVERSION, COST, FORMULA, MATURITY, RISK, reference_problem

from deephedge.markets import Snapshot
from deephedge.optimum import solve_entropic
from deephedge.policies import AbstractBandPolicy, DeltaHedge, WhalleyWilmott

OUT = Path(__file__).parents[1] / "docs" / "optimum.svg"


def snapshots(times: jax.Array, prices: jax.Array) -> list[Snapshot]:
    """What is known at those times and prices."""
    one, none = jnp.ones(1), jnp.zeros(0)
    return [
        Snapshot(time=t, prices=s[None], factors=none, discount=one[0], accrual=one, progress=none)
        for t, s in zip(times, prices, strict=True)
    ]


def edges(policy: AbstractBandPolicy, seen: Snapshot) -> jax.Array:
    """Lower and upper edge at each of stacked snapshots."""
    lower, upper = jax.jit(jax.vmap(policy.band))(seen)
    return jnp.stack([lower[:, 0], upper[:, 0]])


def panel(axes, x: jax.Array, seen: list[Snapshot], title: str, label: str) -> None:
    """The optimal band, Whalley and Wilmott's and the delta."""
    problem = reference_problem()
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *seen)
    lower, upper = edges(solve_entropic(problem, RISK).policy, stacked)
    axes.fill_between(x, lower, upper, color="tab:blue", alpha=0.3, lw=0, label="optimal: no trade")
    limit = WhalleyWilmott(problem.claim, FORMULA, cost_rate=COST, aversion=AVERSION)
    for edge, name in zip(edges(limit, stacked), ("Whalley-Wilmott", None), strict=True):
        axes.plot(x, edge, color="tab:orange", lw=1, ls="--", label=name)
    delta = jax.jit(jax.vmap(DeltaHedge(problem.claim, FORMULA).observe))(stacked)
    axes.plot(x, delta[:, 0], color="black", lw=1, label="delta")
    axes.set(title=title, xlabel=label, ylabel="units held")


def main() -> None:
    """Draw and save."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    prices = jnp.linspace(88.0, 112.0, 97)
    middle = jnp.full_like(prices, MATURITY / 2)
    panel(left, prices, snapshots(middle, prices), "15 days before maturity", "price")
    days = jnp.arange(30)
    times = MATURITY * days / 30
    at_the_money = snapshots(times, jnp.full_like(times, 100.0))
    panel(right, days, at_the_money, "at the money", "days since the start")
    left.legend(frameon=False)
    figure.savefig(OUT)


if __name__ == "__main__":
    main()
