"""What the optimal band looks like as a formula, and what reading it that way costs.

The optimal bands of the reference problem at four costs (dynamic programming) are distilled into
one formula, delta at a shifted volatility and a half-width of powers of the cost, gamma and the
time left. It is judged beside the optimal band, and beside Whalley and Wilmott's and Zakamouline's
formulas, at those costs and at one between them, on fresh paths: risk = optimum + (risk - risk of
the optimal hedge on the paths).

    python experiments/distilled_band.py [--judge 200000]
"""

import argparse
import dataclasses

import jax
from reference_problem import AVERSION, FORMULA, RISK, reference_problem

from deephedge.costs import ProportionalCost
from deephedge.optimum import Solved, solve_entropic
from deephedge.policies import AbstractBandPolicy, BandFormula, WhalleyWilmott, Zakamouline
from deephedge.reports import compare
from deephedge.rollout import HedgingProblem
from deephedge.training import Distilled, Lesson, distil

COSTS, BETWEEN = (0.0005, 0.001, 0.002, 0.005), 0.003


def at_cost(rate: float) -> HedgingProblem:
    return dataclasses.replace(reference_problem(), cost=ProportionalCost(rate))


def lesson(problem: HedgingProblem, band: AbstractBandPolicy, rate: float) -> Lesson:
    return Lesson(problem, band, BandFormula(problem.claim, FORMULA, rate, AVERSION))


def judged(rate: float, best: Solved, rule: BandFormula, n_paths: int) -> dict[str, float]:
    problem = at_cost(rate)
    terms = {"claim": problem.claim, "pricer": FORMULA, "cost_rate": rate, "aversion": AVERSION}
    hedges = {
        "optimal": best.policy,
        "distilled": rule,
        "Zakamouline": Zakamouline(**terms),
        "Whalley-Wilmott": WhalleyWilmott(**terms),
    }
    result = compare(problem, hedges, {"risk": RISK}, n_paths=n_paths, key=jax.random.key(77))
    rows = {name: result.at(name, "risk") for name in list(hedges)[1:]}
    above = ", ".join(
        f"{n} {x.difference:+.5f} ± {x.difference_error:.5f}" for n, x in rows.items()
    )
    print(f"cost {rate}: optimum {best.value:.5f}; {above}", flush=True)
    return {name: row.difference for name, row in rows.items()}


def experiment(n_paths: int) -> tuple[Distilled, dict[float, dict[str, float]]]:
    solved = {rate: solve_entropic(at_cost(rate), RISK) for rate in (*COSTS, BETWEEN)}
    lessons = []
    for rate in COSTS:
        band = solved[rate].policy
        assert isinstance(band, AbstractBandPolicy)
        lessons.append(lesson(at_cost(rate), band, rate))
    found = distil(lessons, key=jax.random.key(3))
    print(found.rules[0])
    print(f"explains {found.explained:.2%} of the half-widths; middles within", end=" ")
    print(f"{found.middle_error:.4f} units, root mean square")
    rules = {rate: rule for rate, rule in zip(COSTS, found.rules, strict=True)}
    rules[BETWEEN] = dataclasses.replace(found.rules[0], cost_rate=BETWEEN)
    above = {rate: judged(rate, solved[rate], rules[rate], n_paths) for rate in sorted(rules)}
    return found, above


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--judge", type=int, default=200_000)
    experiment(parser.parse_args().judge)
