"""One learned band for a box of problems, against the optimum of each of them.

The box is round the reference problem: volatility 0.1 to 0.3, proportional cost 0.0005 to 0.005,
strike 95 to 105 on a spot of 100, 10 to 30 days in 30 steps, aversion 0.5 to 2. A band that is
told these five numbers is trained once over the whole box. At the middle and at the corners the
optimum comes from dynamic programming, and the hedges are judged beside the optimal one on the
same paths: risk = optimum + (risk - risk of the optimal hedge on the paths). `--draw` draws
docs/strategies/one_policy.svg: the band at three points of the box.

    python experiments/one_policy.py [--steps 1200] [--points 33] [--save FILE] [--draw]
"""

import dataclasses
import itertools
import pathlib
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from family_band import beside_optimum, options, train_on
from learned_hedges_picture import edges
from reference_problem import FORMULA, RISK, reference_problem

from deephedge.optimum import solve_entropic
from deephedge.policies import AbstractBandPolicy, DeltaHedge, NoTransactionBand, Zakamouline
from deephedge.training import Parameter, ProblemFamily, load_policy, save_policy

PROBLEM = reference_problem()
RANGES = {
    "vol": (0.1, 0.3),
    "cost": (0.0005, 0.005),
    "strike": (95.0, 105.0),
    "maturity": (10 / 365, 30 / 365),
    "aversion": (0.5, 2.0),
}


SHOWN = {
    "the middle": {},
    "wild, dear, 30 days, averse": dict(vol=0.3, cost=0.005, maturity=30 / 365, aversion=2.0),
    "calm, dear, 30 days, averse": dict(vol=0.1, cost=0.005, maturity=30 / 365, aversion=2.0),
}
ROOT = pathlib.Path(__file__).resolve().parent.parent


def box(n_groups: int) -> ProblemFamily:
    fields = {"cost": ("cost.rate", "cost_rate")}
    return ProblemFamily(
        PROBLEM,
        tuple(
            Parameter(name, *ends, fields=fields.get(name, (name,)), log=name == "cost")
            for name, ends in RANGES.items()
        ),
        n_groups=n_groups,
    )


def untrained(family: ProblemFamily, width: int) -> NoTransactionBand:
    base = Zakamouline(PROBLEM.claim, FORMULA, cost_rate=0.001, aversion=1.0)
    return NoTransactionBand.create(
        PROBLEM.market,
        PROBLEM.claim,
        PROBLEM.times,
        base=base,
        width=width,
        features=("moneyness", "time"),
        n_parameters=family.n_shown,
        key=jax.random.key(0),
    )


def points(n_points: int) -> dict[str, dict[str, float]]:
    """The middle, then corners, then points between, all by the values of the parameters."""
    corners = itertools.product(*RANGES.values())
    named = {
        " ".join("low" if v == RANGES[k][0] else "high" for k, v in zip(RANGES, x, strict=True)): x
        for x in corners
    }
    # Every other corner, then the others: a part of them is spread over the box too.
    names = sorted(named, key=lambda name: name.count("high") % 2)
    chosen = {name: dict(zip(RANGES, named[name], strict=True)) for name in names}
    return {"middle": {}} | dict(list(chosen.items())[: n_points - 1])


def judged(
    family: ProblemFamily, trained: NoTransactionBand, values: dict[str, float], n_paths: int
) -> tuple[float, dict[str, float], float]:
    """The optimum at a point, the risks of the hedges, and the largest error of one of them."""
    point = family.point(**values)
    problem, risk = family.at(family.problem, point), family.at(RISK, point)
    learned = family.at(trained, point)
    hedges = {
        "delta": DeltaHedge(problem.claim, family.at(FORMULA, point)),
        "Zakamouline": learned.base,
        "one policy": learned,
    }
    optimum, rows = beside_optimum(problem, risk, hedges, n_paths=n_paths, key=jax.random.key(99))
    risks = {name: optimum + row.difference for name, row in rows.items()}
    return optimum, risks, rows["one policy"].difference_error


def learned(
    family: ProblemFamily, n_steps: int, n_paths: int, save: pathlib.Path | None
) -> NoTransactionBand:
    trained = train_on(family, untrained(family, width=32), n_steps, n_paths)
    assert isinstance(trained.policy, NoTransactionBand)
    if save is not None:
        save_policy(save, trained.policy, {"ranges": RANGES})
    print(f"{trained.seconds:.0f} s of training, {trained.compile_seconds:.0f} of it compiling")
    return trained.policy


def experiment(
    family: ProblemFamily, policy: NoTransactionBand, n_points: int, judge_paths: int
) -> list[float]:
    print("above the optimum, in % of it | " + " ".join(RANGES))
    above: dict[str, list[float]] = {}
    optima: list[float] = []
    for name, values in points(n_points).items():
        optimum, risks, error = judged(family, policy, values, judge_paths)
        for hedge, value in risks.items():
            above.setdefault(hedge, []).append(100 * (value / optimum - 1))
        optima.append(optimum)
        row = ", ".join(f"{hedge} {x[-1]:.2f}" for hedge, x in above.items())
        excess = f"{risks['one policy'] - optimum:.4f} ± {error:.4f} in cash"
        print(f"{optimum:.4f}: {row} ({excess}) | {name}", flush=True)
    # An option that is worth nothing has nothing to be a share of.
    counted = np.asarray(optima) > 0.01
    for hedge, x in above.items():
        x = np.asarray(x)[counted]
        print(
            f"{hedge}: mean {np.mean(x):.2f} %, worst {np.max(x):.2f} %, of {len(x)} optima > 0.01"
        )
    return above["one policy"]


def draw(family: ProblemFamily, trained: NoTransactionBand) -> None:
    """The edges of the band half-way to maturity: learned, optimal and Zakamouline's."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(9, 3), sharey=True, layout="constrained")
    for axis, (title, values) in zip(axes, SHOWN.items(), strict=True):
        point = family.point(**values)
        problem, policy = family.at(family.problem, point), family.at(trained, point)
        best = solve_entropic(problem, family.at(RISK, point)).policy
        assert isinstance(best, AbstractBandPolicy)
        now = dataclasses.replace(problem.market.start(), time=problem.times[15])
        spots = jnp.linspace(90.0, 112.0, 67)
        for name, band, colour, line in (
            ("one policy", policy, "#c0392b", "-"),
            ("optimal", best, "black", "--"),
            ("Zakamouline", policy.base, "grey", ":"),
        ):
            for i, edge in enumerate(edges(band, now, spots)):
                label = name if i == 0 else None
                axis.plot(spots, np.asarray(edge), line, color=colour, lw=1.1, label=label)
        axis.set(title=title, xlabel="price", ylim=(-0.05, 1.05))
        axis.title.set_fontsize(9)
    axes[0].set_ylabel("units held")
    axes[0].legend(frameon=False)
    figure.savefig(ROOT / "docs" / "strategies" / "one_policy.svg")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__, n_steps=1200)
    parser.add_argument("--points", type=int, default=33)
    parser.add_argument("--save", type=pathlib.Path, default=None)
    parser.add_argument("--load", type=pathlib.Path, default=None)
    parser.add_argument("--draw", action="store_true")
    o = parser.parse_args(arguments)
    family = box(32)
    if o.load is None:
        policy = learned(family, o.steps, o.paths, o.save)
    else:
        policy = load_policy(o.load, untrained(family, width=32))
        assert isinstance(policy, NoTransactionBand)
    if o.draw:
        draw(family, policy)
    if o.points:
        experiment(family, policy, o.points, o.judge)


if __name__ == "__main__":
    main()
