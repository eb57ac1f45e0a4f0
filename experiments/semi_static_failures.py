"""Where static hedges fail: a skew, a gap over the barrier, jumps, and strikes too far apart.

A down-and-out call (strike 100, barrier 90, three months) is hedged by a call and 10/9 puts struck
at 81. What is left when they are sold at the barrier is nothing under Black and Scholes; in
Heston's model it depends on the correlation, which tilts the smile (three months left); and where
the price is first seen below the barrier, on how far below (half of that left).

A variance swap (three months, 63 days) is hedged by puts and calls from 50 to 150 and the stock.
Each day's return x is missed by 2 (e^x - 1 - x) - x^2, and the final log-price by the gap between
the logarithm and the strip (`VarianceStrip`; the sum of the two is the P&L to the last digit, to
which a test holds the ledger). Without jumps the error falls as the strikes come closer; with
Merton's jumps of -10 % once a year, at the same volatility of about 20 %, their cubes stay.

    python experiments/semi_static_failures.py [--smoke] [--seed 0] [--out FILE.svg]
"""

import dataclasses
import pathlib

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deephedge.claims import Call, Put, VarianceSwap
from deephedge.markets import BlackScholes, Heston, Merton, simulate
from deephedge.policies import VarianceStrip
from deephedge.pricing import BlackScholesFormula, Lewis, listed_market
from deephedge.reports import Finding
from deephedge.reports.experiment import script
from deephedge.rollout import time_grid

EXPIRY = 0.25
CALL, PUT = Call(strike=100.0, maturity=EXPIRY), Put(strike=81.0, maturity=EXPIRY)
HESTON = {"spot": 90.0, "variance": 0.04, "mean_reversion": 2.0, "long_variance": 0.04}
CORRELATIONS = (-0.9, -0.7, -0.45, -0.2, 0.0, 0.2, 0.45, 0.7, 0.9)
GAPS = (0.0, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12)
"""How far below the barrier the price is first seen."""
NUMBERS = (3, 5, 9, 17, 33)
"""Puts, and as many calls."""


@eqx.filter_jit
def left_by_correlation(correlations: jax.Array) -> jax.Array:
    """What the two options are worth at the barrier, three months before they expire."""

    def worth(correlation):
        model = Heston(**HESTON, vol_of_variance=0.5, correlation=correlation)
        pricer, now = Lewis(model), model.start()
        return pricer.price(CALL, now) - pricer.price(PUT, now) / 0.9

    return jax.vmap(worth)(correlations)


@eqx.filter_jit
def left_by_gap(gaps: jax.Array) -> jax.Array:
    """What they are worth below the barrier half way, under Black and Scholes at 20 %."""
    formula, start = BlackScholesFormula(vol=0.2), BlackScholes(spot=90.0, vol=0.2).start()

    def worth(gap):
        now = dataclasses.replace(
            start, time=jnp.full_like(gap, 0.5 * EXPIRY), prices=90.0 * (1.0 - gap)[None]
        )
        return formula.price(CALL, now) - formula.price(PUT, now) / 0.9

    return jax.vmap(worth)(gaps)


def variance_errors(seed: int, n_paths: int) -> dict[str, list[float]]:
    """Deviation of the P&L in volatility points at 20 %, by market and number of strikes."""
    markets = {
        "Black-Scholes": BlackScholes(spot=100.0, vol=0.2),
        "Merton": Merton(spot=100.0, vol=0.17, intensity=1.0, jump_mean=-0.1, jump_vol=0.03),
    }
    swap, found = VarianceSwap(strike=0.04, maturity=EXPIRY), {}
    for name, model in markets.items():
        paths = simulate(model, time_grid(EXPIRY, 63), n_paths, key=jax.random.key(seed))
        spots = np.asarray(paths.prices[..., 0])
        x = np.diff(np.log(spots), axis=1)
        cubes = np.sum(2.0 * (np.expm1(x) - x) - x**2, axis=1) / EXPIRY
        final = spots[:, -1] / 100.0
        logarithm = 2.0 / EXPIRY * (final - 1.0 - np.log(final))
        found[name] = []
        for number in NUMBERS:
            steps = np.linspace(0.0, 50.0, number)
            puts = [Put(strike=100.0 - x, maturity=EXPIRY) for x in steps]
            calls = [Call(strike=100.0 + x, maturity=EXPIRY) for x in steps]
            market = listed_market(markets["Black-Scholes"], [*puts, *calls])
            units = np.asarray(eqx.filter_jit(VarianceStrip(swap, market).units)())
            down = np.maximum(100.0 - steps - 100.0 * final[:, None], 0.0)
            up = np.maximum(100.0 * final[:, None] - 100.0 - steps, 0.0)
            owed = np.concatenate([down, up], axis=1)
            pnl = cubes + owed @ units - logarithm
            # A point of volatility at 20 % is 0.004 of variance.
            found[name].append(float(pnl.std()) / 0.004)
            print(f"{name}, {number} puts and calls: {found[name][-1]:.3f} volatility points")
    return found


def experiment(
    seed: int = 0, smoke: bool = False, out: pathlib.Path | None = None
) -> list[Finding]:
    """Measure the three, draw them, and hold them to what the theory says."""
    tilted = np.asarray(left_by_correlation(jnp.asarray(CORRELATIONS)))
    below = np.asarray(left_by_gap(jnp.asarray(GAPS)))
    points = variance_errors(seed, 512 if smoke else 16_384)
    for name, at, values in (("correlation", CORRELATIONS, tilted), ("gap", GAPS, below)):
        for level, value in zip(at, values, strict=True):
            print(f"{name} {level:+.2f}: {value:+.4f}")
    if out is not None:
        draw(tilted, below, points, out)
    plain = points["Black-Scholes"]
    return [
        Finding("left at the barrier, no gap", float(below[0]), 0.0, 1e-5),
        Finding("left at the barrier, no correlation", float(tilted[4]), 0.0, 1e-4),
        Finding("twice the strikes, share of the error", plain[1] / plain[0], 0.25, 0.15),
    ]


def draw(
    tilted: np.ndarray, below: np.ndarray, points: dict[str, list[float]], out: pathlib.Path
) -> None:
    """What is left at the barrier by correlation and by gap; the strip's error by strikes."""
    import matplotlib.pyplot as plt

    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(9.6, 3.2), layout="constrained")
    for axes, x, y, label in (
        (left, CORRELATIONS, tilted, "correlation (Heston)"),
        (middle, 100.0 * np.asarray(GAPS), below, "first seen below the barrier by, %"),
    ):
        axes.plot(x, y, "o-")
        axes.axhline(0.0, color="0.7", linewidth=0.8)
        axes.set_xlabel(label)
    left.set_ylabel("worth of the two options, cash")
    for name, values in points.items():
        right.loglog(NUMBERS, values, "o-", label=name)
    right.set_xticks(NUMBERS, [str(n) for n in NUMBERS])
    right.minorticks_off()
    right.set_xlabel("puts (and calls) of the variance strip")
    right.set_ylabel("deviation, volatility points")
    right.legend(frameon=False)
    figure.savefig(out)


if __name__ == "__main__":
    script(__doc__, experiment)
