"""Where the data files of an installed package are."""

import importlib.util
from pathlib import Path


def packaged_file(package: str, extra: str, name: str, *parts: str) -> Path:
    """A file of an installed package, found without importing the package.

    Args:
        package: whose file it is.
        extra: of this project, that installs the package.
        name: of the data set, for the message where the package is missing.
        parts: folders and file below the package.
    """
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ValueError(
            f"the data set {name!r} comes with the package `{package}`, which is not installed; "
            f"run `pip install 'deephedge[{extra}]'`."
        )
    path = Path(found.submodule_search_locations[0], *parts)
    if not path.exists():
        raise ValueError(
            f"the data set {name!r} is not in the installed version of the package `{package}`; "
            f"run `pip install --upgrade {package}`."
        )
    return path
