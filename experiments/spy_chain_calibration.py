"""Six models fitted to the SPY options of 15 July 2022, beside the bid-ask spread.

427 quotes of four maturities with the package `stochvolmodels`. A few quotes were stale when the
chain was recorded (the 379 put of the first maturity can be bought for less than it is bid), so the
chain is fitted with `allow_arbitrage=True`. Errors count in half-spreads. Standard errors
hold for independent errors; here the models are wrong in a systematic way, so they are too small.

SABR (exponent 1) has its own three parameters at each maturity. Rough Bergomi is simulated with the
same draws throughout. Local volatility starts from Dupire's formula on an SSVI surface, and its
nodes are then moved to the quotes; the surface alone is in the table too.

    python experiments/spy_chain_calibration.py [--out FILE.png] [--only Heston ...]
"""

import argparse
import dataclasses
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from deephedge.calibration import (
    BySimulation,
    Calibrated,
    Quotes,
    calibrate,
    calibrate_sabr,
    fit_surface,
    local_volatility,
)
from deephedge.data import spy_chain
from deephedge.markets import Bates, Heston, RoughBergomi
from deephedge.reports import quote_errors

SPOT = 381.0


@dataclasses.dataclass(frozen=True)
class Fit:
    """How a model prices the quotes."""

    vol_errors: np.ndarray
    """Model less mid, Black-Scholes volatility."""
    inside: np.ndarray
    """Whether each quote is priced between bid and ask."""
    n_parameters: int
    converged: bool
    details: str

    @classmethod
    def of(cls, found: Calibrated) -> "Fit":
        inside = (found.prices >= found.quotes.bid) & (found.prices <= found.quotes.ask)
        return cls(found.vol_errors, inside, len(found.parameters), found.converged, str(found))


def heston(quotes: Quotes) -> Fit:
    start = Heston(
        spot=SPOT,
        variance=0.06,
        mean_reversion=3.0,
        long_variance=0.07,
        vol_of_variance=1.0,
        correlation=-0.7,
    )
    return Fit.of(calibrate(start, quotes, weight="spread"))


def bates(quotes: Quotes) -> Fit:
    start = Bates(
        spot=SPOT,
        variance=0.05,
        mean_reversion=1.5,
        long_variance=0.1,
        vol_of_variance=0.8,
        correlation=-0.7,
        intensity=0.5,
        jump_mean=-0.05,
        jump_vol=0.05,
    )
    return Fit.of(calibrate(start, quotes, weight="spread"))


def sabr(quotes: Quotes) -> Fit:
    fits = calibrate_sabr(quotes, weight="spread")
    errors, inside = np.zeros(len(quotes)), np.zeros(len(quotes), bool)
    for maturity, found in fits.items():
        one = Fit.of(found)
        rows = quotes.maturity == maturity
        errors[rows], inside[rows] = one.vol_errors, one.inside
    details = "\n".join(f"{365 * t:.0f} days\n{found}" for t, found in fits.items())
    return Fit(errors, inside, 3 * len(fits), all(f.converged for f in fits.values()), details)


def rough_bergomi(quotes: Quotes) -> Fit:
    # With a knot at each maturity the curve swings from one to the next.
    dates = np.array([0.0, 0.1, 0.43])
    start = RoughBergomi(
        spot=SPOT,
        forward_variance=np.full(dates.size, 0.06),
        curve_times=dates,
        vol_of_vol=1.9,
        hurst=0.3,
        correlation=-0.8,
    )
    method = BySimulation(jax.random.key(0), n_paths=2048, n_steps=24)
    return Fit.of(calibrate(start, quotes, weight="spread", method=method, max_steps=60))


def ssvi(quotes: Quotes) -> Fit:
    surface = fit_surface(quotes)
    k = np.log(quotes.strike / quotes.forward)
    vols = np.asarray(surface.vol(jnp.asarray(k), jnp.asarray(quotes.maturity)), float)
    low, high, mid = (quotes.vols(x) for x in (quotes.bid, quotes.ask, quotes.mid))
    details = f"rho {float(surface.rho):.4f}, eta {float(surface.eta):.4f}, "
    details += f"gamma {float(surface.gamma):.4f}, at the money "
    details += np.array2string(np.asarray(surface.at_the_money), precision=5)
    inside = (vols >= low) & (vols <= high)
    return Fit(vols - mid, inside, 3 + surface.maturity.size, True, details)


def local_vol(quotes: Quotes) -> Fit:
    # Far nodes at short dates, which no quote tells, are held by the penalty for roughness.
    dates, k = (
        np.array([0.03, 0.1, 0.2, 0.43]),
        np.array([-0.35, -0.2, -0.1, -0.03, 0.03, 0.1, 0.2]),
    )
    surface = fit_surface(quotes)
    start = local_volatility(surface, spot=SPOT, maturities=dates, log_moneyness=k)
    return Fit.of(calibrate(start, quotes, weight="spread", max_steps=60))


MODELS: dict[str, Callable[[Quotes], Fit]] = {
    "Heston": heston,
    "Bates": bates,
    "SABR": sabr,
    "rough Bergomi": rough_bergomi,
    "SSVI": ssvi,
    "local volatility": local_vol,
}


def chain() -> Quotes:
    return Quotes.from_vols(**spy_chain().columns(), allow_arbitrage=True)


def figure(quotes: Quotes, fits: dict[str, Fit]) -> Figure:
    """Model less mid volatility against log-moneyness, with the bid-ask spread behind it."""
    drawing = quote_errors(quotes, {name: fit.vol_errors for name, fit in fits.items()})
    drawing.set_size_inches(11.0, 7.5)
    for axes in drawing.axes:
        axes.set_ylim(-2.0, 2.0)
    return drawing


def table(fits: dict[str, Fit]) -> str:
    """A row a model."""
    lines = [f"{'model':<18}{'parameters':>10}{'rmse, vol points':>18}{'inside bid-ask':>16}"]
    for name, fit in fits.items():
        rmse = 100.0 * np.sqrt(np.nanmean(fit.vol_errors**2))
        state = "" if fit.converged else "  not converged"
        share = f"{100.0 * np.mean(fit.inside):.0f} %"
        lines.append(f"{name:<18}{fit.n_parameters:>10}{rmse:>18.3f}{share:>16}{state}")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description="Fit six models to SPY options.")
    parser.add_argument("--out", type=Path, default=Path("spy_chain_calibration.png"))
    parser.add_argument("--only", nargs="+", choices=list(MODELS), default=list(MODELS))
    arguments = parser.parse_args()
    quotes, fits = chain(), {}
    for name in arguments.only:
        started = time.perf_counter()
        fits[name] = MODELS[name](quotes)
        seconds = time.perf_counter() - started
        print(f"{name} ({seconds:.0f} s with compilation)\n{fits[name].details}\n", flush=True)
    print(table(fits))
    figure(quotes, fits).savefig(arguments.out, dpi=110)
    print(f"figure: {arguments.out}")
    return 0 if all(fit.converged for fit in fits.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
