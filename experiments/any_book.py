"""One band for any book of options on an asset: deep sets, against each book's own optimum.

A book holds up to three calls sold or bought (weights from -1 to 2) at strikes from 92 to 108,
all of 30 days, in the reference market at a cost of 0.002. Two bands are trained on books drawn
anew for each group of paths, both from Whalley and Wilmott's band of the book: one reads the book
by deep sets, the other sees the book's delta band alone. On fresh books the optimum comes from
dynamic programming; risk = optimum + (risk - risk of the optimal hedge on the same paths).

    python experiments/any_book.py [--steps 300] [--books 8] [--judge 100000]
"""

from collections.abc import Sequence

import jax
import numpy as np
from family_band import beside_optimum, options, train_on
from reference_problem import FORMULA, MATURITY, RISK

from deephedge.claims import Call, EuropeanPortfolio
from deephedge.costs import ProportionalCost
from deephedge.markets import BlackScholes
from deephedge.policies import DeepSets, NoTransactionBand, WhalleyWilmott
from deephedge.rollout import HedgingProblem, time_grid
from deephedge.training import Parameter, ProblemFamily

COST = 0.002


def books() -> ProblemFamily:
    calls = tuple(Call(strike=k, maturity=MATURITY) for k in (96.0, 100.0, 104.0))
    # pyright takes the abstract `maturity`, here a property, for an argument.
    book = EuropeanPortfolio(claims=calls, weights=[1.0] * 3)  # pyright: ignore[reportCallIssue]
    problem = HedgingProblem(
        BlackScholes(spot=100.0, vol=0.2),
        book,
        ProportionalCost(COST),
        time_grid(MATURITY, 30),
        close_out=False,
    )
    strikes = [
        Parameter(f"strike {i}", 92.0, 108.0, fields=(f"claims[{i}].strike",)) for i in range(3)
    ]
    weights = Parameter("weights", [-1.0] * 3, [2.0] * 3)
    return ProblemFamily(problem, (weights, *strikes), n_groups=32)


def untrained(family: ProblemFamily) -> dict[str, DeepSets | NoTransactionBand]:
    problem = family.problem
    about = (problem.market, problem.claim, problem.times)
    band = WhalleyWilmott(problem.claim, FORMULA, cost_rate=COST, aversion=1.0)
    return {
        "deep sets": DeepSets.create(*about, base=band, key=jax.random.key(0)),
        "band alone": NoTransactionBand.create(*about, base=band, width=16, key=jax.random.key(0)),
    }


def experiment(
    n_steps: int, n_paths: int, n_books: int, judge_paths: int
) -> dict[str, list[float]]:
    family, trained = books(), {}
    for name, policy in untrained(family).items():
        found = train_on(family, policy, n_steps, n_paths)
        risks = [row["validation"] for row in found.history]
        print(f"{name}: {risks[0]:.4f} to {risks[-1]:.4f}, {found.seconds:.0f} s", flush=True)
        trained[name] = found.policy
    above: dict[str, list[float]] = {}
    for i, point in enumerate(jax.random.uniform(jax.random.key(8), (n_books, family.size))):
        problem = family.at(family.problem, point)
        told = {name: family.at(policy, point) for name, policy in trained.items()}
        hedges = {"Whalley-Wilmott": told["deep sets"].base, **told}
        optimum, rows = beside_optimum(
            problem, RISK, hedges, n_paths=judge_paths, key=jax.random.key(i)
        )
        for name, row in rows.items():
            above.setdefault(name, []).append(row.difference)
        book = problem.claim
        assert isinstance(book, EuropeanPortfolio)
        options = ", ".join(
            f"{float(w):+.2f} at {float(c.strike):.1f}"
            for w, c in zip(book.weights, book.claims, strict=True)
            if isinstance(c, Call)
        )
        excess = ", ".join(f"{n} {x.difference:+.4f}" for n, x in rows.items())
        error = max(x.difference_error for x in rows.values())
        print(f"{options}: optimum {optimum:.4f}; {excess}; ± {error:.4f}", flush=True)
    for name, x in above.items():
        print(f"{name}: mean {np.mean(x):.4f} above the optimum, worst {np.max(x):.4f}")
    return above


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__, n_steps=300)
    parser.add_argument("--books", type=int, default=8)
    o = parser.parse_args(arguments)
    experiment(o.steps, o.paths, o.books, o.judge)


if __name__ == "__main__":
    main()
