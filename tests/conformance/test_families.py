"""Every class of every family is exported, final, and has an example."""

import importlib
import textwrap

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from family_finder import FAMILIES, classes, example, extended, members, unexported

from deephedge.costs import AbstractCost

ALL = [(c, base) for package, base in FAMILIES for c in members(package, base)]
LONG = ("DeepSets", "NoTransactionRegion", "ShortfallOptimal")  # whose example takes seconds
names = pytest.mark.parametrize(
    "member",
    [
        pytest.param(c, marks=pytest.mark.slow if c.__name__ in LONG else (), id=c.__name__)
        for c, _ in ALL
    ],
)
families = pytest.mark.parametrize(
    ("package", "base"), FAMILIES, ids=[base.__name__ for _, base in FAMILIES]
)


@families
def test_has_members_and_exports_them(package, base):
    assert members(package, base)
    assert unexported(package, base) == [], "add `from ... import X as X` to __init__.py"


@families
def test_classes_are_abstract_or_final(package, base):
    assert extended(package, base) == []


@families
def test_only_abstract_classes_are_called_abstract(package, base):
    concrete = members(package, base)
    for cls in classes(package, base):
        assert cls.__name__.startswith("Abstract") == (cls not in concrete), cls.__name__


@names
def test_example_is_a_member_of_its_own_class(member):
    assert type(example(member)) is member


@names
def test_documentation_says_what_it_is(member):
    assert member.__doc__ is not None
    assert not member.__doc__.startswith(member.__name__ + "(")


@names
def test_arrays_have_a_fixed_type(member):
    # A weakly typed number compiles anew when a strongly typed one takes its place.
    for leaf in jax.tree.leaves(example(member)):
        assert not isinstance(leaf, float), "a Python number among the fields"
        if isinstance(leaf, jax.Array) and not jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            assert not leaf.weak_type
            assert np.all(np.isfinite(np.asarray(leaf)))


NEW_COST = """
    from deephedge.costs import AbstractCost


    class StampDuty(AbstractCost):
        '''A tax on purchases.'''

        def __call__(self, trade, now):
            return (trade * now.prices).sum().clip(min=0.0) * 0.005
"""


@pytest.fixture
def new_family(tmp_path, monkeypatch):
    """A package of costs with one class in one new file, and nothing exported."""
    package = tmp_path / "costs_with_a_new_file"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "stamp_duty.py").write_text(textwrap.dedent(NEW_COST))
    monkeypatch.syspath_prepend(tmp_path)
    return importlib.import_module(package.name), package


def test_a_class_in_a_new_file_is_found_and_must_be_exported(new_family):
    package, folder = new_family
    assert [c.__name__ for c in members(package, AbstractCost)] == ["StampDuty"]
    assert unexported(package, AbstractCost) == ["StampDuty"]
    export = "from costs_with_a_new_file.stamp_duty import StampDuty as StampDuty\n"
    (folder / "__init__.py").write_text(export)
    importlib.invalidate_caches()
    assert unexported(importlib.reload(package), AbstractCost) == []
