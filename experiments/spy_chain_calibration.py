"""Heston, Bates and Merton fitted to the SPY options of 15 July 2022, beside the bid-ask spread.

427 quotes of four maturities with the package `stochvolmodels`. A few quotes were stale when the
chain was recorded (the 379 put of the first maturity can be bought for less than it is bid), so the
chain is fitted with `allow_arbitrage=True`. Errors count in half-spreads. Standard errors
hold for independent errors; here the model is wrong in a systematic way, so they are too small.

    python experiments/spy_chain_calibration.py [--out spy_chain_calibration.png]
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from deephedge.calibration import Calibrated, Quotes, calibrate
from deephedge.data import spy_chain
from deephedge.markets import Bates, Heston, Merton

STARTS = {
    "Heston": Heston(
        spot=381.0,
        variance=0.06,
        mean_reversion=3.0,
        long_variance=0.07,
        vol_of_variance=1.0,
        correlation=-0.7,
    ),
    "Bates": Bates(
        spot=381.0,
        variance=0.05,
        mean_reversion=1.5,
        long_variance=0.1,
        vol_of_variance=0.8,
        correlation=-0.7,
        intensity=0.5,
        jump_mean=-0.05,
        jump_vol=0.05,
    ),
    "Merton": Merton(spot=381.0, vol=0.18, intensity=1.0, jump_mean=-0.1, jump_vol=0.1),
}


def fit() -> dict[str, Calibrated]:
    quotes = Quotes.from_vols(**spy_chain().columns(), allow_arbitrage=True)
    return {name: calibrate(start, quotes, weight="spread") for name, start in STARTS.items()}


def figure(fits: dict[str, Calibrated]) -> Figure:
    """Model less mid volatility against log-moneyness, with the bid-ask spread behind it."""
    quotes = next(iter(fits.values())).quotes
    maturities = np.unique(quotes.maturity)
    drawing = Figure(figsize=(10.0, 6.5), layout="constrained")
    FigureCanvasAgg(drawing)
    mid = quotes.vols(quotes.mid)
    low, high = (100.0 * (quotes.vols(x) - mid) for x in (quotes.bid, quotes.ask))
    for axes, maturity in zip(drawing.subplots(2, 2).ravel(), maturities, strict=True):
        rows = np.flatnonzero(quotes.maturity == maturity)
        rows = rows[np.argsort(quotes.strike[rows])]
        x = np.log(quotes.strike[rows] / quotes.forward[rows])
        axes.fill_between(x, low[rows], high[rows], color="0.75", label="bid to ask")
        for name, found in fits.items():
            axes.plot(x, 100.0 * found.vol_errors[rows], lw=1.0, label=name)
        axes.axhline(0.0, color="black", lw=0.5)
        axes.set_title(f"{365 * maturity:.0f} days")
        axes.set_xlabel("log(strike / forward)")
        axes.set_ylabel("model less mid, vol points")
    axes.legend()
    return drawing


def main() -> int:
    parser = argparse.ArgumentParser(description="Fit Heston, Bates and Merton to SPY options.")
    parser.add_argument("--out", type=Path, default=Path("spy_chain_calibration.png"))
    out = parser.parse_args().out
    fits = fit()
    for name, found in fits.items():
        print(f"{name}\n{found}\n")
    figure(fits).savefig(out, dpi=120)
    print(f"figure: {out}")
    return 0 if all(found.converged for found in fits.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
