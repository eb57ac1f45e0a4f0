"""Every recorded data set by its name."""

from collections.abc import Callable

from deephedge.data.commodities import gold_silver, wti
from deephedge.data.indices import nasdaq, sp500, vix
from deephedge.data.long_histories import (
    dow_jones,
    factor_funds,
    sp500_from_1950,
    sp500_from_1990,
    sp500_stocks,
)
from deephedge.data.rates import corporate_yields, treasury_bills
from deephedge.data.records import Records

RECORDED: dict[str, Callable[[], Records]] = {
    "corporate_yields": corporate_yields,
    "dow_jones": dow_jones,
    "factor_funds": factor_funds,
    "gold_silver": gold_silver,
    "nasdaq": nasdaq,
    "sp500": sp500,
    "sp500_from_1950": sp500_from_1950,
    "sp500_from_1990": sp500_from_1990,
    "sp500_stocks": sp500_stocks,
    "treasury_bills": treasury_bills,
    "vix": vix,
    "wti": wti,
}
"""The readers; each needs the package that it names where that is missing."""

SHARE_INDICES = ("sp500", "sp500_from_1950", "sp500_from_1990", "nasdaq", "dow_jones")
"""Those with a column `close` that `open_history` knows."""


def recorded(name: str) -> Records:
    """A data set by its name: one of `RECORDED`."""
    if name not in RECORDED:
        known = ", ".join(RECORDED)
        raise ValueError(f"`name` must be one of {known}; got {name!r}.")
    return RECORDED[name]()
