"""What the library's packages export, read from their text: nothing is imported, nothing listed."""

import ast
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
# From the top of the house to its ground, as in the README.
ORDER = (
    *("markets", "claims", "costs", "risk", "pricing", "calibration", "policies"),
    *("rollout", "training", "optimum", "backtest", "data", "reports", "numerics"),
)
Names = Mapping[str, tuple[str, str]]  # public name -> its module, its name there


def exports(package: Path) -> Names:
    """The names that a package's `__init__.py` exports, in its order."""
    tree = ast.parse((package / "__init__.py").read_text(encoding="utf-8"))
    return {
        alias.asname: (statement.module or "", alias.name)
        for statement in tree.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
        if alias.asname is not None
    }


def defined(file: Path) -> list[str]:
    """The public functions and classes that a module defines."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.ClassDef)
    return [each.name for each in tree.body if isinstance(each, kinds) and each.name[0] != "_"]


def public_names(root: Path = ROOT) -> dict[str, dict[str, str]]:
    """Page -> public path of each name on it -> the path where it is defined.

    A package exports by `from module import Name as Name`. `numerics`, which exports nothing so,
    has every public function and class of its modules.
    """
    pages: dict[str, dict[str, str]] = {}
    for package in ORDER:
        for name, (module, original) in exports(root / "deephedge" / package).items():
            inner = module.removeprefix(f"deephedge.{package}.").split(".")[:-1]
            page = pages.setdefault("/".join([package, *inner]), {})
            page[f"deephedge.{package}.{name}"] = f"{module}.{original}"
    pages["numerics"] = {
        path: path
        for file in sorted((root / "deephedge/numerics").glob("[!_]*.py"))
        for path in (f"deephedge.numerics.{file.stem}.{name}" for name in defined(file))
    }
    return pages
