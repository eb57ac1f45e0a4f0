"""Draws docs/strategies/learned_hedges.svg, and shows a learned band where it was not trained.

The picture: the edges of the no-trade region at three dates of the reference problem, learned,
optimal (by dynamic programming) and Zakamouline's. The table: the same hedges, trained and told
that the volatility is 0.2 without jumps, where that is wrong.

    python experiments/learned_hedges_picture.py
"""

import dataclasses
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from reference_problem import AVERSION, COST, FORMULA, RISK, learn, reference_problem

from deephedge.markets import BlackScholes, Merton
from deephedge.optimum import solve_entropic
from deephedge.policies import AbstractBandPolicy, DeltaHedge, Zakamouline
from deephedge.reports import compare

ROOT = Path(__file__).resolve().parent.parent
ELSEWHERE = {
    "as trained": BlackScholes(spot=100.0, vol=0.2),
    "volatility 0.3": BlackScholes(spot=100.0, vol=0.3),
    "jumps of -5 %, 5 a year": Merton(
        spot=100.0, vol=0.2, intensity=5.0, jump_mean=-0.05, jump_vol=0.02
    ),
}


@eqx.filter_jit
def edges(policy: AbstractBandPolicy, now, spots):
    def at(spot):
        return policy.band(dataclasses.replace(now, prices=spot[None]))

    lower, upper = jax.vmap(at)(spots)
    return lower[:, 0], upper[:, 0]


def draw(policies: dict[str, AbstractBandPolicy]) -> None:
    problem = reference_problem()
    start, spots = problem.market.start(), jnp.linspace(92.0, 108.0, 97)
    figure, axes = plt.subplots(1, 3, figsize=(9, 3), sharey=True, layout="constrained")
    styles = {"learned": ("#c0392b", "-"), "optimal": ("black", "--"), "Zakamouline": ("grey", ":")}
    for axis, day in zip(axes, (0, 20, 28), strict=True):
        now = dataclasses.replace(start, time=problem.times[day])
        for name, policy in policies.items():
            colour, line = styles[name]
            for i, edge in enumerate(edges(policy, now, spots)):
                label = name if i == 0 else None
                axis.plot(spots, np.asarray(edge), line, color=colour, lw=1.1, label=label)
        axis.set(title=f"{30 - day} days left", xlabel="price", ylim=(-0.05, 1.05))
    axes[0].set_ylabel("units held")
    axes[0].legend(frameon=False)
    figure.savefig(ROOT / "docs" / "strategies" / "learned_hedges.svg")


def main() -> None:
    problem = reference_problem()
    band = Zakamouline(problem.claim, FORMULA, cost_rate=COST, aversion=AVERSION)
    learned = learn(problem, seed=0).policy
    assert isinstance(learned, AbstractBandPolicy)
    best = solve_entropic(problem, RISK).policy
    assert isinstance(best, AbstractBandPolicy)
    draw({"learned": learned, "optimal": best, "Zakamouline": band})
    hedges = {"delta": DeltaHedge(problem.claim, FORMULA), "Zakamouline": band, "learned": learned}
    for name, market in ELSEWHERE.items():
        there = dataclasses.replace(problem, market=market)
        result = compare(there, hedges, {"entropic": RISK}, n_paths=100_000, key=jax.random.key(5))
        print(f"{name}\n{result}")


if __name__ == "__main__":
    main()
