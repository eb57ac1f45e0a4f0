"""Several assets on the dates that they share."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from deephedge.data.records import Dropped, Records, Report

if TYPE_CHECKING:
    import pandas


def joint_closes(closes: Mapping[str, "pandas.Series"]) -> Records:
    """One column per asset, on the dates at which all of them closed.

    A date that an asset lacks is dropped for all, and reported: filled in with the close before,
    it would show a return of 0 that nobody saw and spoil the correlations. The return over it
    becomes one over two days, for every asset alike.

    Args:
        closes: by date, one series an asset: columns of `Records`, as `sp500().column("close")`.
    """
    import pandas as pd

    if not closes:
        raise ValueError("`closes` must have at least one asset; pass `closes={'name': series}`.")
    everything = pd.concat(dict(closes), axis=1, join="outer", sort=True).sort_index()
    missing = everything.isna()
    frame = everything.loc[~missing.any(axis=1)]
    if len(frame) == 0:
        ranges = ", ".join(
            f"{k} {v.index[0]:%Y-%m-%d} to {v.index[-1]:%Y-%m-%d}" for k, v in closes.items()
        )
        raise ValueError(f"`closes` must share some dates, got {ranges}.")
    dropped = tuple(
        Dropped(row + 1, f"{date:%Y-%m-%d}: no close of {', '.join(missing.columns[lacks])}")
        for row, (date, lacks) in enumerate(zip(everything.index, missing.to_numpy(), strict=True))
        if lacks.any()
    )
    return Records(
        frame=frame,
        source=", ".join(closes),
        description="closes on the dates that all share",
        report=Report(len(everything), dropped),
    )
