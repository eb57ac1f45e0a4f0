"""One example of every cost in the package."""

import importlib
import inspect
import pkgutil

import deephedge.costs
from deephedge.costs import AbstractCost


def _costs() -> list[AbstractCost]:
    found = {}
    for info in pkgutil.walk_packages(deephedge.costs.__path__, "deephedge.costs."):
        for value in vars(importlib.import_module(info.name)).values():
            if inspect.isclass(value) and issubclass(value, AbstractCost):
                found[value.__name__] = value
    return [c.example() for _, c in sorted(found.items()) if not inspect.isabstract(c)]


COSTS = _costs()
