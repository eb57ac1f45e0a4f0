"""American puts of Longstaff and Schwartz (2001), Table 1: by grid, by simulation, and from above.

Strike 40, rate 6 %, no dividends, 50 exercise dates a year: five of the table's twenty puts. The
paper's grid has the simulation's exercise dates, and so has ours.
For each put: the grid's price against the printed one; our simulation against theirs, within
three standard errors of the difference; and how far the dual bound stands above the grid's price,
which must be between nothing and three hundredths of it. One printed grid price is left out: the
5.647 at S = 44, volatility 0.4, two years is the price of continuous exercise (5.6467 by
QuantLib's high-precision engine); with the table's 50 dates a year ours is 5.641 and so is the
Bermudan price of QuantLib's grid.

    deephedge reproduce longstaff_schwartz_2001_table_1 --full
"""

import pathlib

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deephedge.claims import BermudanPut
from deephedge.markets import BlackScholes
from deephedge.pricing import BlackScholesFormula, FiniteDifference, LongstaffSchwartz, dual_bound
from deephedge.reports import Finding, Paper

PAPER = Paper(
    reference="Longstaff and Schwartz (2001), Valuing American options by simulation",
    claim="American puts by least-squares simulation agree with finite differences.",
    minutes=2.0,
    deviations="Table 1 from memory, widely reprinted; five of its twenty puts.",
)
STRIKE, RATE, DATES_A_YEAR = 40.0, 0.06, 50

# spot, vol, years, finite differences, simulated, its standard error
TABLE = (
    (36.0, 0.2, 1, 4.478, 4.472, 0.010),
    (36.0, 0.2, 2, 4.840, 4.821, 0.012),
    (36.0, 0.4, 1, 7.101, 7.091, 0.020),
    (40.0, 0.2, 1, 2.314, 2.313, 0.009),
    (44.0, 0.4, 2, None, 5.622, 0.022),
)


@eqx.filter_jit
def three_prices(claim, spot, vol, n_paths, key, with_bound):
    """By grid; by simulation, with its standard error; the dual bound, with its own, if asked."""
    model_key, bound_key = jax.random.split(key)
    model = BlackScholes(spot=spot, vol=vol, rate=RATE)
    now = model.start()
    grid = FiniteDifference(vol=vol, rate=RATE, n_steps=400).price(claim, now)
    formula = BlackScholesFormula(vol=vol, rate=RATE)
    simulation = LongstaffSchwartz(model, model_key, n_paths=n_paths)
    bound = None
    if with_bound:
        bounding = LongstaffSchwartz(model, model_key, n_paths=min(n_paths, 10_000))
        bound = dual_bound(bounding, claim, now, formula, key=bound_key)
    return grid, simulation.estimate(claim, now), bound


def experiment(
    n_paths: int = 50_000, seed: int = 0, rows: slice = slice(None), with_bound: bool = True
) -> list[Finding]:
    """Price each put of the table in the three ways, or without the dual bound in two."""
    findings = []
    for row in TABLE[rows]:
        spot, vol, years, by_grid, simulated, printed_error = row
        dates = np.arange(1, DATES_A_YEAR * years + 1) / DATES_A_YEAR
        claim = BermudanPut(strike=STRIKE, exercise_dates=dates)
        key = jax.random.fold_in(jax.random.key(seed), TABLE.index(row))
        results = three_prices(claim, jnp.asarray(spot), jnp.asarray(vol), n_paths, key, with_bound)
        grid, (low, low_error), bound = jax.tree.map(float, results)
        put = f"S = {spot:g}, vol {vol:g}, {years} y"
        print(f"{put}: grid {grid:.4f}, simulated {low:.4f} ({low_error:.4f})")
        if by_grid is not None:
            findings.append(
                Finding(f"{put}: finite differences", grid, by_grid, 1e-3, place="table 1")
            )
        within = 3.0 * float(np.hypot(low_error, printed_error))
        findings.append(Finding(f"{put}: simulated", low, simulated, within, low_error, "table 1"))
        if bound is not None:
            high, high_error = bound
            print(f"{put}: dual bound {high:.4f} ({high_error:.4f})")
            what = f"{put}: dual bound above, as a share"
            findings.append(Finding(what, high / grid - 1.0, 0.015, 0.015))
    return findings


def run(seed: int = 0, smoke: bool = False, out: pathlib.Path | None = None) -> list[Finding]:
    """The table; a smoke run takes its first row, fewer paths, and no dual bound."""
    findings = experiment(10_000, seed, slice(0, 1), False) if smoke else experiment(50_000, seed)
    if out is not None:
        draw([finding for finding in findings if "simulated" in finding.claim], out)
    return findings


def draw(findings: list[Finding], out: pathlib.Path) -> None:
    """Ours less theirs of each simulated price, in cents; the bars are two standard errors."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5.6, 2.8), layout="constrained")
    rows = range(len(findings))
    printed = [200.0 * row[5] for row, _ in zip(TABLE, findings, strict=False)]
    axes.errorbar([0.0] * len(findings), rows, xerr=printed, fmt="s", color="0.6", label="theirs")
    ours = [100.0 * (finding.ours - finding.theirs) for finding in findings]
    errors = [200.0 * finding.error for finding in findings]
    axes.errorbar(ours, rows, xerr=errors, fmt="o", label="here")
    names = [f"{x.claim.split(':')[0]}: {x.theirs:g}" for x in findings]
    axes.set_yticks(rows, names, fontsize=8)
    axes.set_ylim(len(findings) - 0.5, -0.5)
    axes.set_xlabel("simulated price less that of the paper, cents")
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    figure.savefig(out)
