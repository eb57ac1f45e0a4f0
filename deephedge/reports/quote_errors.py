"""How far a model's prices are from quotes, beside the bid-ask spread."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from deephedge.calibration import Quotes
from deephedge.reports.figures import empty_figure, line_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDEST = 3
"""Maturities side by side."""


def quote_errors(quotes: Quotes, vol_errors: Mapping[str, np.ndarray]) -> "Figure":
    """Model less mid volatility against log-moneyness, a panel a maturity.

    Args:
        quotes: what was fitted.
        vol_errors: by model, those of `Calibrated.vol_errors`.
    """
    maturities = np.unique(quotes.maturity)
    n_columns = min(WIDEST, len(maturities)) if len(maturities) != 4 else 2
    n_rows = -(-len(maturities) // n_columns)
    figure, panels = empty_figure(n_columns, n_rows, height=3.2 * n_rows)
    low, high, mid = (quotes.vols(x) for x in (quotes.bid, quotes.ask, quotes.mid))
    for axis, maturity in zip(panels, maturities.tolist(), strict=False):
        rows = np.flatnonzero(quotes.maturity == maturity)
        rows = rows[np.argsort(quotes.strike[rows])]
        x = np.log(quotes.strike[rows] / quotes.forward[rows])
        spread = (100.0 * (side - mid)[rows] for side in (low, high))
        axis.fill_between(x, *spread, color="0.75", linewidth=0, label="bid to ask")
        for number, (name, errors) in enumerate(vol_errors.items()):
            axis.plot(x, 100.0 * errors[rows], label=name, **line_style(number))
        axis.axhline(0.0, color="black", linewidth=0.5)
        axis.set_title(f"{365 * maturity:.0f} days", fontsize=9)
        axis.set_xlabel("log(strike / forward)")
        axis.set_ylabel("model less mid, vol points")
    for axis in panels[len(maturities) :]:
        axis.set_axis_off()
    panels[0].legend(fontsize=8, frameon=False)
    return figure
