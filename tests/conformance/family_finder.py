"""Finds every member of a family of classes by walking its package."""

import functools
import importlib
import inspect
import pkgutil
from types import ModuleType

import deephedge.claims
import deephedge.costs
import deephedge.markets
import deephedge.optimum
import deephedge.policies
import deephedge.pricing
import deephedge.risk

FAMILIES = [
    (deephedge.markets, deephedge.markets.AbstractMarket),
    (deephedge.claims, deephedge.claims.AbstractClaim),
    (deephedge.costs, deephedge.costs.AbstractCost),
    (deephedge.risk, deephedge.risk.AbstractRiskMeasure),
    (deephedge.risk, deephedge.risk.AbstractUtility),
    (deephedge.pricing, deephedge.pricing.AbstractPricer),
    (deephedge.policies, deephedge.policies.AbstractPolicy),
    (deephedge.optimum, deephedge.policies.AbstractPolicy),
    (deephedge.policies, deephedge.policies.AbstractForecast),
    (deephedge.policies, deephedge.policies.AbstractTrigger),
    (deephedge.policies, deephedge.policies.AbstractLevel),
]


def classes(package: ModuleType, base: type) -> list[type]:
    """Every subclass of `base` that a submodule of `package` defines, abstract ones included."""
    found = []
    for info in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        module = importlib.import_module(info.name)
        found += [
            value
            for name, value in vars(module).items()
            if inspect.isclass(value)
            and issubclass(value, base)
            and value.__module__ == module.__name__
            and not name.startswith("_")
        ]
    return sorted(set(found), key=lambda c: c.__qualname__)


def members(package: ModuleType, base: type) -> list[type]:
    """The concrete classes of a family."""
    return [c for c in classes(package, base) if not inspect.isabstract(c)]


@functools.cache
def example(kind: type):
    """The example of a class, made when a test asks for it: some are trained."""
    return kind.example()


def unexported(package: ModuleType, base: type) -> list[str]:
    """Names of members that the package's `__init__` does not export."""
    return [c.__name__ for c in members(package, base) if vars(package).get(c.__name__) is not c]


def extended(package: ModuleType, base: type) -> list[str]:
    """Members that are neither abstract nor final: another class extends them."""
    concrete = members(package, base)
    return [c.__name__ for c in concrete if any(other is not c for other in _below(c))]


def _below(cls: type) -> list[type]:
    return [x for sub in cls.__subclasses__() for x in (sub, *_below(sub)) if "[" not in x.__name__]
