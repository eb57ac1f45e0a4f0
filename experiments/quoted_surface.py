"""The shape of `QuotedSurface`, fitted to the SPY options of 15 July 2022.

427 quotes of four maturities, three weeks to five months, with the package `stochvolmodels`: mid
volatilities, errors weighed by the spread of bid and ask. Five numbers are free: the volatility of
one month at the money, the power by which it rises with maturity, and rho, eta and gamma of the
smile. The level that would have been quoted that day, the volatility of a 30-day variance swap on
the fitted surface, follows from them; `at_the_money` is the first number over it.

    python experiments/quoted_surface.py [--out FILE.svg]
"""

import argparse
import dataclasses
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import least_squares

from deephedge.calibration import Quotes
from deephedge.claims import Call, Put
from deephedge.data import open_history, spy_chain
from deephedge.markets import BlackScholes, Snapshot
from deephedge.pricing import AbstractPricer, QuotedBlackScholes, QuotedSurface
from deephedge.pricing.quoted_surface import MONTH
from deephedge.reports import Finding
from deephedge.reports.experiment import main
from deephedge.typing import Array

LEVELS = (0.12, 0.2, 0.4)
LISTED = (
    (True, 90.0, 12),
    (True, 75.0, 12),
    (False, 112.0, 12),
    (True, 95.0, 3),
    (True, 85.0, 3),
    (True, 100.0, 1),
)
"""Of the portfolios on record: whether a put, strike, months."""


@dataclasses.dataclass(frozen=True)
class Shape:
    """The fitted surface, the volatility of a month at the money, and the errors."""

    surface: QuotedSurface
    month: float
    level: float
    """The volatility of the 30-day variance swap."""
    rmse: float
    """Volatility points."""


def at_level(level: float) -> Snapshot:
    """A date at which the level is quoted."""
    start = BlackScholes(spot=100.0, vol=0.2).start()
    return dataclasses.replace(start, factors=jnp.asarray([level]))


def fitted() -> Shape:
    """The shape nearest to the chain, in float64."""
    with jax.enable_x64(True):
        quotes = Quotes.from_vols(**spy_chain().columns(), allow_arbitrage=True)
        k, tau = np.log(quotes.strike / quotes.forward), np.asarray(quotes.maturity)
        mid = quotes.vols(quotes.mid)
        spread = np.maximum(quotes.vols(quotes.ask) - quotes.vols(quotes.bid), 1e-4)
        known = np.isfinite(mid) & np.isfinite(spread)
        k, tau, mid, weight = k[known], tau[known], mid[known], 1.0 / spread[known]

        def vols(x: np.ndarray) -> np.ndarray:
            theta = x[0] ** 2 * tau * (tau / MONTH) ** (2.0 * x[1])
            rho, eta, gamma = x[2:]
            scaled = eta * theta**-gamma * (1.0 + theta) ** (gamma - 1.0) * k
            root = np.sqrt((scaled + rho) ** 2 + 1.0 - rho**2)
            return np.sqrt(0.5 * theta * (1.0 + rho * scaled + root) / tau)

        bounds = ([0.05, -0.4, -0.99, 0.1, 0.01], [1.0, 0.4, 0.0, 3.0, 0.5])
        start = [0.23, 0.0, -0.7, 1.0, 0.3]
        x = least_squares(
            lambda x: weight * (vols(x) - mid) / weight.mean(), start, bounds=bounds
        ).x
        shape = {"term": x[1], "rho": x[2], "eta": x[3], "gamma": x[4]}
        one = QuotedSurface(at_the_money=1.0, **shape)
        fair = jax.jit(lambda q: one.fair_variance(jnp.asarray(MONTH), at_level(q)))
        level = float(fair(x[0])) ** 0.5
        surface = QuotedSurface(at_the_money=x[0] / level, **shape)
        rmse = 100.0 * float(np.sqrt(np.mean((vols(x) - mid) ** 2)))
        return Shape(surface, float(x[0]), level, rmse)


def experiment(out: pathlib.Path | None = None) -> list[Finding]:
    """Fit, and hold the numbers that the class carries to the fit."""
    found, carried = fitted(), QuotedSurface()
    print(
        f"one month at the money {100 * found.month:.2f} %, level {100 * found.level:.2f} %, "
        f"error {found.rmse:.3f} volatility points (root mean square)"
    )
    for name, (before, after) in on_record().items():
        print(f"{name}: {before:.2f} of 100 at a flat smile, {after:.2f} on the surface")
    if out is not None:
        draw(out)
    digits = {"at_the_money": 3, "term": 4, "rho": 3, "eta": 3, "gamma": 4}
    return [
        Finding(
            name, float(vars(found.surface)[name]), float(vars(carried)[name]), 0.51 * 10**-places
        )
        for name, places in digits.items()
    ]


def on_record() -> dict[str, tuple[float, float]]:
    """Mean price on 100 of the index over the dates of 1999 to 2018: at a flat smile, and here."""
    quotes = jnp.asarray(open_history("sp500", markup=1.2).quoted.to_numpy(), float)
    pricers = (QuotedBlackScholes(), QuotedSurface())

    @jax.jit
    def means(strike: Array, tau: Array) -> list[list[Array]]:
        def price(pricer: AbstractPricer, kind: type[Call] | type[Put]) -> Array:
            claim = kind(strike=strike, maturity=tau)
            return jnp.mean(jax.vmap(lambda q: pricer.price(claim, at_level(q)))(quotes))

        return [[price(pricer, kind) for pricer in pricers] for kind in (Call, Put)]

    found = {}
    for put, strike, months in LISTED:
        both = means(jnp.asarray(strike, float), jnp.asarray(months / 12.0, float))[put]
        kind = "put" if put else "call"
        found[f"{strike:g} {kind}, {months} months"] = (float(both[0]), float(both[1]))
    return found


def draw(file: pathlib.Path) -> None:
    """Smiles at three levels, of one month and of a year, beside the flat one."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    surface, moneyness = QuotedSurface(), np.linspace(0.7, 1.2, 101)
    k = jnp.asarray(np.log(moneyness))
    vols = jax.jit(lambda q, tau: jax.vmap(lambda x: surface.vol(x, tau, at_level(q)))(k))
    figure, panels = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True, layout="constrained")
    for axes, tau, label in zip(panels, (MONTH, 1.0), ("one month", "one year"), strict=True):
        for n, level in enumerate(LEVELS):
            axes.plot(100 * moneyness, 100 * vols(level, jnp.asarray(tau)), color=f"C{n}")
            axes.axhline(100 * level, color=f"C{n}", linestyle=":", linewidth=1)
        axes.set_title(label, fontsize=10)
        axes.set_xlabel("strike, % of the forward")
    panels[0].set_ylabel("volatility, %")
    with plt.rc_context({"svg.hashsalt": "deephedge", "svg.fonttype": "none"}):
        figure.savefig(file, metadata={"Date": None})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=pathlib.Path)
    arguments = parser.parse_args()
    main(lambda: experiment(arguments.out))
