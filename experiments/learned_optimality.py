"""Learned hedges beside the optimum: other costs and aversions, and markets with jumps and storms.

A sold call, spot = strike = 100, 30 days of 365 in 30 steps, no premium, closing out not charged,
proportional costs, entropic risk; markets as in `optimum_table.py`, architectures as in
`architectures.py`. The optimum, and the risks of all hedges without memory, come from dynamic
programming: no paths, no noise (`judge_entropic`). What remembers, and everything in Heston's
market, is judged beside the optimal hedge on the same simulated paths, as there.

    python experiments/learned_optimality.py [--rows "reference,Merton"] [--only "band,feed"]
"""

import argparse
import dataclasses
import math
from collections.abc import Mapping

import jax
import jax.numpy as jnp
from architectures import ARCHITECTURES, SEES, learn
from optimum_table import RESOLUTIONS, optimum, stated
from reference_problem import FORMULA

from deephedge.markets import Heston, Snapshot
from deephedge.numerics.draws import antithetic
from deephedge.numerics.importance import Tilt, tilted
from deephedge.numerics.statistics import spread
from deephedge.optimum import Solved, judge_entropic
from deephedge.policies import AbstractClassicalBand, AbstractPolicy, DeltaHedge, Zakamouline
from deephedge.policies.greeks import model_vega
from deephedge.pricing import BlackScholesFormula
from deephedge.reports import compare
from deephedge.risk import Entropic
from deephedge.rollout import HedgingProblem

ALL = ("no-transaction band", "feedforward", "recurrent, GRU")


@dataclasses.dataclass(frozen=True)
class Row:
    """A problem, and the architectures that are trained for it."""

    market: str = "black-scholes"
    cost: float = 0.001
    aversion: float = 1.0
    learned: tuple[str, ...] = ALL
    deviation: float = 1.0
    """Of the normals of half of the paths that are trained on: above 1 where tails matter most."""


ROWS = {
    "the reference problem": Row(),
    "cost 0.0005": Row(cost=0.0005),
    "cost 0.002": Row(cost=0.002),
    "cost 0.005": Row(cost=0.005),
    "cost 0.01": Row(cost=0.01),
    "aversion 0.1": Row(aversion=0.1),
    "aversion 10": Row(aversion=10.0, learned=ALL[:2], deviation=1.5),
    "Merton": Row("merton"),
    "Heston": Row("heston"),
}


class LeaningBand(AbstractClassicalBand):
    r"""Zakamouline's width around a minimum-variance delta, for a Heston market without rates.

    $$\Delta(\bar v) + \frac{\rho\,\xi}{S}\,b\,\frac{\partial V}{\partial\bar v}, \qquad
    \bar v = \theta + (v - \theta)\,b, \quad b = \frac{1 - e^{-\kappa\tau}}{\kappa\tau}$$

    with V of Black and Scholes at the variance expected on average until maturity.

    Reference: Hull and White (1987), to lowest order in the volatility of variance; Bakshi, Cao
    and Chen (1997), section 5.1.
    """

    zakamouline: Zakamouline
    model: Heston

    def observe(self, now: Snapshot) -> tuple[jax.Array, jax.Array]:
        model, claim = self.model, self.zakamouline.claim
        pulled = model.mean_reversion * jnp.maximum(claim.tau(now), 1e-4)
        share = -jnp.expm1(-pulled) / pulled
        variance = model.long_variance + (now.factors[0] - model.long_variance) * share
        # A variance of nothing has no root to take a slope of.
        formula = BlackScholesFormula(vol=jnp.sqrt(jnp.maximum(variance, 1e-4)))
        lower, upper = dataclasses.replace(self.zakamouline, pricer=formula).observe(now)
        slope = model_vega(formula, claim, now) / (2 * formula.vol)
        lean = model.correlation * model.vol_of_variance * share * slope / now.prices
        return lower + lean, upper + lean


def hedges_of(row: Row, problem: HedgingProblem, settings: dict) -> dict[str, AbstractPolicy]:
    """The classical hedges, and the learned ones by architecture and seed."""
    claim = problem.claim
    zakamouline = Zakamouline(claim, FORMULA, row.cost, row.aversion)
    hedges: dict[str, AbstractPolicy] = {
        "delta": DeltaHedge(claim, FORMULA),
        "Zakamouline": zakamouline,
    }
    moments = jnp.ones((problem.n_steps, problem.normals_per_step))
    wide = Tilt(mean=0 * moments, deviation=row.deviation * moments)
    draws = antithetic if row.deviation == 1.0 else tilted(antithetic, wide)
    base, sees = zakamouline, SEES
    if isinstance(problem.market, Heston):
        base = LeaningBand(zakamouline, problem.market)
        hedges["leaning band"] = base
        sees = (*SEES, "factors")
    for name in row.learned:
        known = ARCHITECTURES[name]
        architecture = dataclasses.replace(
            known, base=base, options={**known.options, "features": sees}
        )
        found = learn(problem, Entropic(row.aversion), architecture, draws=draws, **settings)
        print(f"{name}: {found.seconds:.0f} s, {found.compile_seconds:.0f} of it compiling")
        hedges |= {f"{name}/{seed}": policy for seed, policy in enumerate(found.policies)}
    return hedges


def excesses(
    row: Row, problem: HedgingProblem, best: Solved, hedges: Mapping, n_paths: int
) -> dict[str, tuple[float, float]]:
    """Risk above that of the optimal hedge, and its error: of the grids, or of the paths."""
    risk, found = Entropic(row.aversion), {}
    on_paths = row.market == "heston"
    simulated = {k: x for k, x in hedges.items() if on_paths or jax.tree.leaves(x.init())}
    exact = {
        name: judge_entropic(problem, risk, hedge, resolution=RESOLUTIONS[row.market])
        for name, hedge in {"optimal": best.policy, **hedges}.items()
        if name not in simulated and not on_paths
    }
    for name in list(exact)[1:]:
        fine = exact[name].value - exact["optimal"].value
        found[name] = fine, abs(fine - exact[name].coarse + exact["optimal"].coarse)
    if simulated:
        result = compare(
            problem,
            {"optimal": best.policy, **simulated},
            {"entropic": risk},
            n_paths=n_paths,
            key=jax.random.key(1_000_003),
        )
        print(f"the optimal hedge on paths: {result.at('optimal', 'entropic').value_text}")
        rows = {name: result.at(name, "entropic") for name in simulated}
        found |= {name: (x.difference, x.difference_error) for name, x in rows.items()}
    return found


def shown(name: str, best: Solved, found: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    """Print the lines of one row; each learned hedge's share of the way from delta."""
    way, way_error = found["delta"]
    groups: dict[str, list[tuple[float, float]]] = {}
    for key, excess in found.items():
        groups.setdefault(key.split("/")[0], []).append(excess)
    shares = {}
    for hedge, seeds in groups.items():
        over = spread([excess for excess, _ in seeds])
        between = 0.0 if len(seeds) == 1 else over.standard_error
        share = 1 - over.mean / way
        noise = max(error for _, error in seeds)
        error = math.hypot(noise, between, (1 - share) * way_error) / way
        shares[hedge] = share
        ends = [f"{1 - x / way:.2%}" for x in (over.greatest, over.least)]
        how_far = f"{share:.2%} ± {error:.2%} [{', '.join(ends)}]"
        print(
            f"| {name} | {best.value:.5f} ± {best.error:.0e} | {hedge} | "
            f"{best.value + over.mean:.5f} ± {math.hypot(noise, between):.5f} | "
            f"{'–' if hedge == 'delta' else how_far} |",
            flush=True,
        )
    return shares


def experiment(
    rows: str, only: str, judge_paths: int, **settings: int
) -> dict[str, dict[str, float]]:
    """The share of the way from delta to the optimum, by problem and hedge."""
    shares = {}
    print("| problem | optimum | hedge | risk ± error | share of the way ± error [range] |")
    for name, row in ROWS.items():
        if not any(part.strip() in name for part in rows.split(",")):
            continue
        parts = [part.strip() for part in only.split(",")]
        learned = tuple(x for x in row.learned if any(part in x for part in parts))
        row = dataclasses.replace(row, learned=learned)
        problem = stated(row.market, row.cost)
        best = optimum(row.market, row.cost, row.aversion)
        hedges = hedges_of(row, problem, settings)
        shares[name] = shown(name, best, excesses(row, problem, best, hedges, judge_paths))
    return shares


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", default="", help="parts of names, with commas between them")
    parser.add_argument("--only", default="", help="of architectures, likewise; `none` trains none")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--paths", type=int, default=4096)
    parser.add_argument("--judge", type=int, default=400_000)
    o = parser.parse_args()
    experiment(o.rows, o.only, o.judge, n_seeds=o.seeds, n_steps=o.steps, n_paths=o.paths)
