"""The table of `docs/strategies/tail_hedging.md`: the rules of a study on paths drawn once.

The rules, options and costs of `studies/tail_hedging.toml`, in its market with crashes and in the
same market without a jump, options priced as before. `deephedge run` draws and prices the paths
again for each rule; here they are drawn once for all, which takes a minute instead of many.

    python experiments/tail_hedging.py [--paths 4096]
"""

import argparse
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deephedge.cli.resolve import open_study
from deephedge.markets import simulate
from deephedge.rollout import HedgingProblem, replay

STUDY = Path(__file__).parent / "studies" / "tail_hedging.toml"


def without_jumps(problem: HedgingProblem) -> HedgingProblem:
    """The same problem in a market to which no jump comes."""

    def jumps(problem):
        model = problem.market.market
        return model.intensity, model.jump_mean, model.jump_vol

    return eqx.tree_at(jumps, problem, tuple(jnp.zeros_like(x) for x in jumps(problem)))


@eqx.filter_jit
def drawn(problem, n_paths, key):
    """Paths of the problem's market."""
    return simulate(problem.market, problem.times, n_paths, key=key)


def profit_and_cost(ledger):
    """What is kept of a path."""
    return ledger.pnl, jnp.sum(ledger.costs)


def row(pnl: np.ndarray, stock: np.ndarray, cost: np.ndarray) -> str:
    """Mean, less the stock's, deviation, mean of the worst 5 % and 1 %, worst, cost."""
    n, least = len(pnl), np.sort(pnl)
    less = pnl - stock
    words = [f"{pnl.mean():7.2f} ± {pnl.std() / n**0.5:.2f}"]
    words += [f"{less.mean():+6.2f} ± {less.std() / n**0.5:.2f}", f"{pnl.std():5.1f}"]
    for tail in (0.05, 0.01):
        k = int(tail * n)
        worst = least[:k]
        variance = worst.var() + (1.0 - tail) * (least[k] - worst.mean()) ** 2
        words.append(f"{worst.mean():5.1f} ± {(variance / k) ** 0.5:.1f}")
    return " | ".join([*words, f"{least[0]:5.1f}", f"{cost.mean():.2f}"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--paths", type=int, default=4096)
    options = parser.parse_args()
    study = open_study(STUDY)
    problems = {"crash": study.problem, "calm": without_jumps(study.problem)}
    for seed, (name, problem) in enumerate(problems.items(), start=1):
        paths, stock = drawn(problem, options.paths, jax.random.key(seed)), None
        for rule, policy in study.policies.items():
            found = replay(problem, policy, paths, keep=profit_and_cost)
            pnl, cost = (np.asarray(x, float) for x in found)
            stock = pnl if stock is None else stock
            print(f"{name:6} {rule:20}", row(pnl, stock, cost), flush=True)
