"""Bertsimas, Kogan and Lo (2000): the root-mean-square error of a delta hedge is g / sqrt(n).

Their granularity g has, for a diffusion, the square (theorem 1)

    g^2 = T / 2  integral from 0 to T of E[(sigma^2 S^2 Gamma)^2] dt,

here computed by quadrature over the log-normal price, and held against simulated hedges of a call
and of a put spread. The error at n = 400 should be g / sqrt(n) to 2 %, and three standard errors.

    deephedge reproduce bertsimas_kogan_lo_2000_granularity --full
"""

import math
import pathlib

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deephedge.claims import Call, EuropeanPortfolio, Put
from deephedge.claims.base import AbstractClaim
from deephedge.costs import NoCost
from deephedge.markets import BlackScholes
from deephedge.policies import DeltaHedge
from deephedge.pricing import BlackScholesFormula
from deephedge.reports import Finding, Paper
from deephedge.rollout import HedgingProblem, pnl_only, sample, time_grid

PAPER = Paper(
    reference="Bertsimas, Kogan and Lo (2000), When is time continuous?",
    claim="The root-mean-square tracking error is g / sqrt(n), with a computable granularity g.",
    minutes=0.5,
    deviations="Strikes and volatility are ours (the paper's table is not at hand); g is computed.",
)
SPOT, VOL, MATURITY = 100.0, 0.3, 1.0


def granularity(claim: AbstractClaim) -> float:
    """Of a claim of calls and puts: its gamma in closed form, its mean square by quadrature."""
    legs = claim.claims if isinstance(claim, EuropeanPortfolio) else (claim,)
    weights = claim.weights if isinstance(claim, EuropeanPortfolio) else (1.0,)
    nodes, heights = np.polynomial.hermite_e.hermegauss(200)
    # Dates denser near maturity, where gamma is a spike: t = T (1 - u^3).
    points, lengths = np.polynomial.legendre.leggauss(400)
    u, du = 0.5 * (points + 1.0), 0.5 * lengths
    left = MATURITY * u**3
    t = MATURITY - left
    spot = SPOT * np.exp(-0.5 * VOL**2 * t[:, None] + VOL * np.sqrt(t)[:, None] * nodes)
    gamma = 0.0
    for leg, weight in zip(legs, weights, strict=True):
        root = VOL * np.sqrt(left)[:, None]
        d1 = np.log(spot / float(leg.strike)) / root + 0.5 * root
        density = np.exp(-0.5 * d1**2) / math.sqrt(2.0 * math.pi)
        gamma = gamma + float(weight) * density / (spot * root)
    square = (VOL**2 * spot**2 * gamma) ** 2 @ (heights / heights.sum())
    integral = float(np.sum(square * 3.0 * MATURITY * u**2 * du))
    return math.sqrt(0.5 * MATURITY * integral)


def tracking_error(
    claim: AbstractClaim, n_dates: int, n_paths: int, seed: int
) -> tuple[float, float]:
    """The root of the mean square P&L, premium received, and its standard error."""
    market, formula = BlackScholes(spot=SPOT, vol=VOL), BlackScholesFormula(vol=VOL)
    premium = eqx.filter_jit(formula.price)(claim, market.start())
    times = time_grid(MATURITY, n_dates)
    problem = HedgingProblem(market, claim, NoCost(), times, premium=premium, close_out=False)
    hedge = DeltaHedge(claim, formula)
    pnl = sample(problem, hedge, n_paths, key=jax.random.key(seed), keep=pnl_only)
    square = np.asarray(pnl, float) ** 2
    root = math.sqrt(square.mean())
    return root, float(square.std()) / (2.0 * root * math.sqrt(n_paths))


def run(seed: int = 0, smoke: bool = False, out: pathlib.Path | None = None) -> list[Finding]:
    """The error of two claims' hedges at several n beside g / sqrt(n)."""
    n_paths, dates = (10_000, (100,)) if smoke else (200_000, (25, 50, 100, 200, 400))
    claims = {
        "call": Call(strike=100.0, maturity=MATURITY),
        "put spread": EuropeanPortfolio(
            (Put(strike=100.0, maturity=MATURITY), Put(strike=85.0, maturity=MATURITY)),
            jnp.asarray([1.0, -1.0]),
        ),
    }
    findings, rows = [], {}
    g_of = {name: granularity(claim) for name, claim in claims.items()}
    for name, claim in claims.items():
        g = g_of[name]
        found = rows[name] = [tracking_error(claim, n, n_paths, seed) for n in dates]
        print(
            f"{name}: g = {g:.4f}; "
            + ", ".join(f"{n}: {x[0]:.4f}" for n, x in zip(dates, found, strict=True))
        )
        (value, error), theirs = found[-1], g / math.sqrt(dates[-1])
        # Terms of higher order are as 1 / sqrt(n) beside the first.
        room = (0.05 if smoke else 0.02) * theirs + 3.0 * error
        findings.append(
            Finding(f"{name}, error at n = {dates[-1]}", value, theirs, room, error, "theorem 1")
        )
    if out is not None:
        draw(np.array(dates), rows, g_of, out)
    return findings


def draw(
    dates: np.ndarray,
    rows: dict[str, list[tuple[float, float]]],
    g_of: dict[str, float],
    out: pathlib.Path,
) -> None:
    """The errors over the number of dates, and g / sqrt(n)."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5.6, 3.6), layout="constrained")
    line = np.geomspace(dates[0] / 1.3, dates[-1] * 1.3, 50)
    for number, (name, found) in enumerate(rows.items()):
        root, error = np.array(found).T
        axes.errorbar(dates, root, 2 * error, fmt="o", color=f"C{number}", label=f"{name}, hedged")
        label = rf"{g_of[name]:.2f}$\,/\sqrt{{n}}$"
        axes.plot(line, g_of[name] / np.sqrt(line), color=f"C{number}", label=label)
    axes.set(xscale="log", yscale="log", xlabel="dates n", ylabel="root-mean-square error")
    ticks = [int(n) for n in dates]
    axes.set_xticks(ticks, [str(n) for n in ticks])
    axes.set_yticks([0.5, 1.0, 2.0], ["0.5", "1", "2"])
    axes.minorticks_off()
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(out)
