r"""Speculation or hedging? What a learned hedge saves where the market has something to give away.

In a market with a drift, or with an option that is sold too cheap, trading alone has a risk below
that of doing nothing, and a hedge that is trained there learns it too. With $\rho_X$ the least risk
with the claim sold and $\rho_0 \le 0$ that without it, what is saved on the delta splits into

$$\rho(\text{delta}) - \rho_X = \underbrace{\rho(\text{delta}) - (\rho_X - \rho_0)}_{\text{hedging}}
  + \underbrace{-\rho_0}_{\text{speculation}}$$

since $\rho_X - \rho_0$ is the indifference price (Buehler et al., 2019, lemma 3.3), and `DriftFree`
(Buehler et al., 2021) reweighs the training paths so that nothing is given away. A sold call, spot
= strike = 100, 30 days of 365 in 10 steps, volatility 0.2, a cost of 0.001 on the share and 0.005
on the option, closing out not charged. First the exact optima of entropic risk, by dynamic
programming; then networks, trained with the drift left in and removed, judged on the same 100,000
paths.

    python experiments/speculation_or_hedging.py [--small] [--only exact] [--minutes 6]
"""

import dataclasses
import functools
import math
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from deephedge.claims import AbstractClaim, Call, NoClaim
from deephedge.costs import ProportionalCost
from deephedge.markets import AbstractMarket, BlackScholes, DriftFree
from deephedge.numerics.draws import antithetic
from deephedge.numerics.statistics import influence, spread, standard_error
from deephedge.optimum import judge_entropic, solve_entropic
from deephedge.policies import AbstractPolicy, DeltaHedge, Feedforward
from deephedge.pricing import BlackScholesFormula, Held, listed_market
from deephedge.reports import compare
from deephedge.reports.figures import empty_figure, line_style
from deephedge.reports.study import later, study
from deephedge.risk import AbstractRiskMeasure, Entropic, ExpectedShortfall, MeanVariance
from deephedge.rollout import HedgingProblem, sample_each, time_grid
from deephedge.training import default_optimizer, train_ensemble

MATURITY, N_DATES, SEEDS, PATHS, MOST = 30 / 365, 10, 2, 100_000, 3.0
CLAIMS: dict[str, AbstractClaim] = {
    "sold": Call(strike=100.0, maturity=MATURITY),
    "nothing": NoClaim(maturity=MATURITY),
}
FORMULA = BlackScholesFormula(vol=0.2)
MEASURES: dict[str, AbstractRiskMeasure] = {
    "entropic": Entropic(aversion=0.1),
    "mean–variance": MeanVariance(aversion=0.1),
    "shortfall": ExpectedShortfall(tail=0.5),
}
TITLES = {
    "entropic": "entropic, aversion 0.1",
    "shortfall": "shortfall, worst half",
    "mean–variance": "mean–variance, aversion 0.1",
}


@functools.cache
def market_of(name: str) -> AbstractMarket:
    """A drift, or no drift and an option of 60 days that is listed at 18 % instead of 20 %."""
    if name.startswith("drift"):
        return BlackScholes(spot=100.0, vol=0.2, drift=float(name.split()[1]))
    held, cheap = Held(Call(strike=100.0, maturity=60 / 365)), BlackScholesFormula(vol=0.18)
    return listed_market(BlackScholes(spot=100.0, vol=0.2), [held], cheap)


def problem_of(market: AbstractMarket, claim: AbstractClaim) -> HedgingProblem:
    n_assets = market.start().prices.shape[0]
    cost = ProportionalCost([0.001, 0.005][:n_assets])
    return HedgingProblem(market, claim, cost, time_grid(MATURITY, N_DATES), close_out=False)


def find_exact(drift: float, aversion: float) -> dict:
    """The optima with and without the claim, and what an opinion is worth, right and wrong."""
    risk, flat = Entropic(aversion), problem_of(market_of("drift 0"), CLAIMS["sold"])
    sold, nothing = (problem_of(market_of(f"drift {drift:g}"), claim) for claim in CLAIMS.values())
    best, pure, innocent = (solve_entropic(x, risk) for x in (sold, nothing, flat))
    delta = judge_entropic(sold, risk, DeltaHedge(CLAIMS["sold"], FORMULA))
    # Beyond what anybody would hold without a drift there is no grid to judge on.
    hedges, key = {"without": innocent.policy, "with": best.policy}, jax.random.key(1_000_003)
    wrong = compare(flat, hedges, {"risk": risk}, n_paths=PATHS, key=key).at("with", "risk")
    return {
        "delta": delta.value,
        "with": best.value,
        "without": pure.value,
        "without an opinion": judge_entropic(sold, risk, innocent.policy).value,
        "opinion wrong": wrong.difference,
        "opinion wrong, error": wrong.difference_error,
        "error": max(best.error, pure.error, innocent.error),
        "held without": 0.5 * (pure.lower + pure.upper),
    }


def trained(problem: HedgingProblem, measure: AbstractRiskMeasure, small: bool) -> list:
    """Networks on the holdings, from delta where a claim is sold and from nothing where none is."""
    sold = not isinstance(problem.claim, NoClaim)
    policies = [
        Feedforward.create(
            problem.market,
            problem.claim,
            problem.times,
            base=DeltaHedge(problem.claim, FORMULA) if sold else None,
            features=("moneyness", "time"),
            lower=-MOST,
            upper=MOST,
            width=16,
            key=jax.random.key(seed),
        )
        for seed in range(SEEDS)
    ]
    n_steps = 40 if small else 100
    ensemble = train_ensemble(
        problem,
        policies,
        measure,
        key=jax.random.key(7),
        optimizer=default_optimizer(n_steps, 0.01),
        n_steps=n_steps,
        n_paths=2048,
        draws=antithetic,
        averaging=0.97,
        validate_every=n_steps,
        validation_paths=8192,
    )
    return list(ensemble.policies)


def kept(ledger) -> tuple[jax.Array, jax.Array]:
    """The P&L of a path, and the mean holdings of its last asset."""
    return ledger.pnl, jnp.mean(ledger.holdings[:, -1])


def numbers(measure: AbstractRiskMeasure, pnl: jax.Array) -> tuple[float, float]:
    """A risk and its standard error on paths."""
    return float(measure(pnl)), float(standard_error(influence(measure, pnl)))


def judged(problem: HedgingProblem, measure: AbstractRiskMeasure, policies: Mapping) -> dict:
    """Risk, mean P&L and mean holdings of each hedge, on the same paths of the true market."""
    found = sample_each(problem, policies, PATHS, key=jax.random.key(1_000_003), keep=kept)
    rows = {}
    for name, (pnl, held) in found.items():
        risk, error = numbers(measure, pnl)
        mean, holding = float(jnp.mean(pnl)), float(jnp.mean(held))
        rows[name] = {"risk": risk, "error": error, "mean": mean, "held": holding}
    return rows


def find_learned(market_name: str, measure_name: str, small: bool) -> dict:
    """Trained with the drift left in and removed, with the claim and without; judged in truth."""
    market, measure, rows = market_of(market_name), MEASURES[measure_name], {}
    times, n_paths = time_grid(MATURITY, N_DATES), 4096 if small else 16_384
    removed = DriftFree.of(market, times, n_paths, key=jax.random.key(11))
    for what, claim in CLAIMS.items():
        problem = problem_of(market, claim)
        policies: dict[str, AbstractPolicy] = {}
        if what == "sold":
            policies["delta"] = DeltaHedge(claim, FORMULA)
        for how, where in (("left in", market), ("removed", removed)):
            own = trained(dataclasses.replace(problem, market=where), measure, small)
            policies |= {f"{how}/{seed}": policy for seed, policy in enumerate(own)}
        rows[what] = judged(problem, measure, policies)
    return rows


def over_seeds(rows: Mapping, how: str, quantity: str) -> tuple[float, float]:
    """The mean over seeds, and its error: between seeds, and of the paths."""
    own = [row for name, row in rows.items() if name.startswith(how)]
    over = spread([row[quantity] for row in own])
    noise = max(row["error"] for row in own) if quantity == "risk" else 0.0
    return over.mean, math.hypot(over.standard_error, noise)


def parts(cell: Mapping, how: str) -> dict[str, tuple[float, float]]:
    """What a training saved on the delta, and its two parts."""
    with_claim, error = over_seeds(cell["sold"], how, "risk")
    without, small_error = over_seeds(cell["nothing"], how, "risk")
    saved = cell["sold"]["delta"]["risk"] - with_claim
    # Paths are common: what is left of their noise in a difference is smaller than this.
    return {
        "saved": (saved, error),
        "speculation": (-without, small_error),
        "hedging": (saved + without, math.hypot(error, small_error)),
    }


def exact_table(found: Mapping) -> str:
    rows = [
        "| drift, aversion | ρ(delta) | ρ with the claim | ρ₀ without | indifference price | "
        "ρ of the optimal hedge without an opinion | loss if the drift is not there |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, cell in found.items():
        if name.startswith("exact"):
            price = cell["with"] - cell["without"]
            rows.append(
                f"| {name.removeprefix('exact, ')} | {cell['delta']:.4f} | {cell['with']:.4f} | "
                f"{cell['without']:.4f} | {price:.4f} | {cell['without an opinion']:.4f} | "
                f"{cell['opinion wrong']:.4f} ± "
                f"{cell['opinion wrong, error']:.4f} |"
            )
    error = max((c["error"] for n, c in found.items() if n.startswith("exact")), default=0.0)
    return "\n".join(rows) + f"\n\nGrids known to {error:.0e}."


def table(found: Mapping) -> str:
    """The exact optima, then the networks."""
    rows = [
        "| market, measure | drift | saved on delta | hedging | speculation | "
        "mean P&L without a claim | held without a claim |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, cell in found.items():
        for how in () if name.startswith("exact") else ("left in", "removed"):
            own = parts(cell, how)
            texts = [f"{own[part][0]:+.4f} ± {own[part][1]:.4f}" for part in own]
            texts = [texts[0], texts[2], texts[1]]
            for quantity in ("mean", "held"):
                value, error = over_seeds(cell["nothing"], how, quantity)
                texts.append(f"{value:+.3f} ± {error:.3f}")
            rows.append(f"| {name} | {how} | " + " | ".join(texts) + " |")
    return exact_table(found) + "\n\n" + "\n".join(rows)


def draw(found: Mapping):
    """What is saved on the delta, in its two parts, with the drift left in and removed."""
    cells = {name: cell for name, cell in found.items() if not name.startswith("exact")}
    n = max(len(cells), 1)
    figure, (axis,) = empty_figure(height=1.4 + 0.42 * n)
    for row, cell in enumerate(cells.values()):
        for place, how in ((-0.18, "left in"), (0.18, "removed")):
            own = parts(cell, how)
            left = 0.0
            for number, part in enumerate(("hedging", "speculation")):
                value, error = own[part]
                fade = 1.0 if how == "left in" else 0.45
                label = f"{part}, drift {how}" if row == 0 else None
                colour = line_style(number)["color"]
                start = left if np.sign(value) == np.sign(left) or left == 0 else 0.0
                axis.barh(
                    row + place,
                    value,
                    0.32,
                    start,
                    color=colour,
                    alpha=fade,
                    label=label,
                    xerr=error,
                    ecolor="#444444",
                )
                left += value
    axis.axvline(0.0, color="#444444", linewidth=0.8)
    names = [name.replace(", ", "\n") for name in cells]
    axis.set_yticks(range(len(cells)), names, fontsize=8)
    axis.invert_yaxis()
    axis.set_xlabel("risk saved on the delta, cash (spot 100)")
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    return figure


def work(small: bool):
    exact, cells = {}, {}
    for aversion in (0.1, 1.0):
        for drift in (0.0, 0.05, 0.1):
            name = f"exact, drift {drift:g}, aversion {aversion:g}"
            exact[name] = later(find_exact, drift, aversion)
    for measure, title in TITLES.items():
        for market in ("drift 0.1", "cheap option"):
            cells[f"{market}, {title}"] = later(find_learned, market, measure, small)
    cells = dict(list(exact.items())[:3]) | cells | exact
    few = ("exact, drift 0.1, aversion 0.1", f"drift 0.1, {TITLES['entropic']}")
    return {name: cells[name] for name in few} if small else cells


if __name__ == "__main__":
    study(__file__, __doc__, work, table, draw)
