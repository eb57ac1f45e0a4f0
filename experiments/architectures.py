"""Learned hedges of several architectures on the reference problem, over seeds.

The problem is that of `reference_problem.py`. The optimum, and the hedge that has it, come from
dynamic programming; each learned hedge is judged against that hedge on the same fresh paths,
which leaves little noise: risk = optimum + (risk - risk of the optimal hedge on the paths). The
share of the way is (delta - risk) / (delta - optimum).

    python experiments/architectures.py [--only "band,recurrent"] [--seeds 10] [--steps 200]
"""

import argparse
import dataclasses
import json
import pathlib
from collections.abc import Callable, Mapping

import equinox as eqx
import jax
from reference_problem import AVERSION, COST, DELTA_RISK, FORMULA, RISK, reference_problem

from deephedge.numerics.draws import Draws, antithetic
from deephedge.optimum import Solved, solve_entropic
from deephedge.policies import (
    AbstractPolicy,
    AbstractTrainablePolicy,
    Attention,
    DeltaHedge,
    Feedforward,
    LogSignature,
    NoTransactionBand,
    PerStep,
    Recurrent,
    Zakamouline,
)
from deephedge.reports import between_seeds, compare, paired_by_seed
from deephedge.risk import Entropic
from deephedge.rollout import HedgingProblem
from deephedge.training import TrainedEnsemble, default_optimizer, split_trainable, train_ensemble

SEES = ("moneyness", "time", "deviations")
PROBLEM = reference_problem()
BAND = Zakamouline(PROBLEM.claim, FORMULA, cost_rate=COST, aversion=AVERSION)
DELTA = DeltaHedge(PROBLEM.claim, FORMULA)


@dataclasses.dataclass(frozen=True)
class Architecture:
    """How a policy is made, what it corrects, and how fast it learns."""

    make: Callable
    options: Mapping
    base: AbstractPolicy = BAND
    learning_rate: float = 0.05


EDGES = {"features": SEES, "corrects": "band"}
ARCHITECTURES = {
    "no-transaction band": Architecture(NoTransactionBand.create, {"features": SEES, "width": 16}),
    "feedforward": Architecture(Feedforward.create, {**EDGES, "width": 16}),
    "recurrent, GRU": Architecture(Recurrent.create, EDGES),
    "recurrent, LSTM": Architecture(Recurrent.create, {**EDGES, "cell": "lstm"}),
    "log-signature": Architecture(LogSignature.create, {**EDGES, "width": 16}),
    "attention": Architecture(Attention.create, {**EDGES, "length": 8}),
    "one network a date": Architecture(PerStep.create, EDGES),
    "feedforward on holdings, from the band": Architecture(
        Feedforward.create, {"features": SEES, "width": 16}, BAND, 0.005
    ),
    "feedforward on holdings, from delta": Architecture(
        Feedforward.create, {"features": SEES}, DELTA, 0.01
    ),
}
"""All but the last start from Zakamouline's band, and all but the last two correct its edges."""


def policies(
    problem: HedgingProblem, architecture: Architecture, n_seeds: int
) -> list[AbstractTrainablePolicy]:
    return [
        architecture.make(
            problem.market,
            problem.claim,
            problem.times,
            base=architecture.base,
            key=jax.random.key(seed),
            **architecture.options,
        )
        for seed in range(n_seeds)
    ]


def learn(
    problem: HedgingProblem,
    risk: Entropic,
    architecture: Architecture,
    *,
    n_seeds: int,
    n_steps: int,
    n_paths: int,
    draws: Draws = antithetic,
) -> TrainedEnsemble:
    return train_ensemble(
        problem,
        policies(problem, architecture, n_seeds),
        risk,
        key=jax.random.key(7),
        optimizer=default_optimizer(n_steps, architecture.learning_rate),
        n_steps=n_steps,
        n_paths=n_paths,
        draws=draws,
        averaging=0.97,
        validate_every=n_steps,
        validation_paths=8192,
    )


def n_parameters(policy: AbstractTrainablePolicy) -> int:
    weights = jax.tree.leaves(eqx.filter(split_trainable(policy)[0], eqx.is_array))
    return sum(leaf.size for leaf in weights)


def judged(
    problem: HedgingProblem,
    risk: Entropic,
    best: Solved,
    ensemble: TrainedEnsemble,
    n_paths: int,
) -> tuple[list[float], float]:
    """Each seed's risk, and the largest standard error of one, from paired paths."""
    members = {f"seed {i}": policy for i, policy in enumerate(ensemble.policies)}
    result = compare(
        problem,
        {"optimal": best.policy, **members},
        {"entropic": risk},
        n_paths=n_paths,
        key=jax.random.key(1_000_003),
    )
    rows = [result.at(name, "entropic") for name in members]
    return [best.value + row.difference for row in rows], max(row.difference_error for row in rows)


def experiment(
    only: str, n_seeds: int, n_steps: int, n_paths: int, judge_paths: int, out: pathlib.Path | None
) -> dict[str, list[float]]:
    best = solve_entropic(PROBLEM, RISK)
    print(f"optimum {best.value:.6f} ± {best.error:.1e}; delta {DELTA_RISK}")
    print("| architecture | weights | risk ± between seeds [range] | share of the way | s |")
    risks: dict[str, list[float]] = {}
    for name, architecture in ARCHITECTURES.items():
        if not any(part.strip() in name for part in only.split(",")):
            continue
        ensemble = learn(
            PROBLEM, RISK, architecture, n_seeds=n_seeds, n_steps=n_steps, n_paths=n_paths
        )
        risks[name], noise = judged(PROBLEM, RISK, best, ensemble, judge_paths)
        x = between_seeds(risks)[name]
        share = (DELTA_RISK - x.mean) / (DELTA_RISK - best.value)
        print(
            f"| {name} | {n_parameters(ensemble.policies[0]):,} | {x.mean:.5f} ± "
            f"{x.standard_error:.5f} [{x.least:.5f}, {x.greatest:.5f}], paths ± {noise:.5f} | "
            f"{share:.2%} | {ensemble.seconds:.0f} ({ensemble.compile_seconds:.0f} compiling) |",
            flush=True,
        )
        if out is not None:
            out.write_text(json.dumps(risks))
    if n_seeds > 1:
        for pair in paired_by_seed(risks):
            gap = pair.difference
            print(
                f"{pair.first} less {pair.second}: {gap.mean:+.5f} ± {gap.standard_error:.5f}, "
                f"p = {pair.p_value:.2g} (Holm)"
            )
    return risks


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="parts of names, with commas between them")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--paths", type=int, default=4096)
    parser.add_argument("--judge", type=int, default=400_000)
    parser.add_argument("--out", type=pathlib.Path, default=None, help="JSON file for the risks")
    o = parser.parse_args()
    experiment(o.only, o.seeds, o.steps, o.paths, o.judge, o.out)
