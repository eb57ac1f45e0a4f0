"""Every stretch of recorded history as long as a claim lives."""

import datetime
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from deephedge.markets.base import Path, flat_discount, no_progress
from deephedge.typing import Array, Float

if TYPE_CHECKING:
    import pandas


def recorded_paths(
    closes: "pandas.Series",
    quoted: "pandas.Series",
    *,
    n_steps: int = 21,
    maturity: float = 21 / 252,
    first: datetime.date | None = None,
    last: datetime.date | None = None,
    spot: float = 100.0,
    rate: float = 0.0,
) -> tuple[Path, np.ndarray]:
    """Every overlapping window of `n_steps` trading days, and the dates they start at.

    A window starts on `first` or later and *ends* on `last` or earlier, so that windows up to a
    date share no day with windows from that date on. Prices are scaled to `spot` at the start of
    the window; column 0 of the factors is the volatility quoted at each close.

    Args:
        closes: by date.
        quoted: volatility per year as a decimal, at every date of `closes` in the range; dates
            before its first one are left out.
        n_steps: trading days in a window.
        maturity: of the claim, in years; the days are spread evenly over it.
        first: earliest start; the first date with a quote if left out.
        last: latest end; the last date if left out.
        spot: price at the start of each window.
        rate: interest rate per year.

    Returns:
        Paths with a leading path axis, and the start dates as `datetime64[D]`.
    """
    dates, prices, vols = aligned(closes, quoted, first=first, last=last)
    n_windows = len(dates) - n_steps
    if n_windows < 1:
        raise ValueError(
            f"the range must hold more dates than `n_steps`, {n_steps}, got {len(dates)}; "
            "pass an earlier `first` or a later `last`."
        )
    windows = np.lib.stride_tricks.sliding_window_view
    levels = windows(prices, n_steps + 1)
    levels = spot * levels / levels[:, :1]
    times = jnp.asarray(np.linspace(0.0, float(maturity), n_steps + 1), dtype=float)

    def path(level: Float[Array, " time"], vol: Float[Array, " time"]) -> Path:
        return Path(
            time=times,
            prices=level[:, None],
            factors=vol[:, None],
            discount=flat_discount(times, jnp.asarray(rate, times.dtype)),
            accrual=jnp.ones_like(level)[:, None],
            progress=no_progress(times),
        )

    batch = jax.vmap(path)(
        jnp.asarray(levels, dtype=float), jnp.asarray(windows(vols, n_steps + 1), dtype=float)
    )
    return batch, dates[:n_windows]


def aligned(
    closes: "pandas.Series",
    quoted: "pandas.Series",
    *,
    first: datetime.date | None,
    last: datetime.date | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Dates, closes and quoted volatilities in [first, last], from the first quote on.

    A later close without a quote is refused: leaving it out would join days that did not follow
    each other.
    """
    dates = closes.index.to_numpy().astype("datetime64[D]")
    vols = quoted.reindex(closes.index).to_numpy(dtype=float)
    kept = np.ones(len(dates), dtype=bool)
    if first is not None:
        kept &= dates >= np.datetime64(first, "D")
    if last is not None:
        kept &= dates <= np.datetime64(last, "D")
    known = np.flatnonzero(kept & ~np.isnan(vols))
    if len(known) == 0:
        raise ValueError(
            f"there is no close with a quoted volatility from {first or 'the start'} to "
            f"{last or 'the end'}; closes run from {dates[0]} to {dates[-1]}."
        )
    kept[: known[0]] = False
    missing = dates[kept & np.isnan(vols)]
    if len(missing):
        raise ValueError(
            f"`quoted` must have a value at every close, {len(missing)} are missing, the first at "
            f"{missing[0]}; pass `quoted=quoted_vol(closes, vix)`."
        )
    return dates[kept], closes.to_numpy(dtype=float)[kept], vols[kept]
