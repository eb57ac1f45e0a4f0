"""The new class of each page on extending: the library's own laws hold for it."""

import functools
import importlib
import inspect
import itertools
import pathlib
import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pages import ROOT, blocks

from deephedge.claims import Call
from deephedge.costs import ProportionalCost
from deephedge.markets import BlackScholes, simulate
from deephedge.policies import DeltaHedge
from deephedge.pricing import BlackScholesFormula
from deephedge.risk import Quadratic
from deephedge.rollout import HedgingProblem, sample, time_grid

CONFORMANCE = ROOT / "tests" / "conformance"
LAWS = {
    "market": ("test_markets_obey", "market"),
    "claim": ("test_claims_obey", "claim"),
    "policy": ("test_policies_obey", "policy"),
    "cost": ("test_costs_obey", "cost"),
    "risk_measure": ("test_measures_obey", "measure"),
}
"""The module of tests of each kind, and what its tests call the member that they are given."""

ONLY = {"models": "AbstractModel", "european": "AbstractEuropean", "in_cash": "AbstractCashInv"}
"""Marks of tests that are for members below one class alone, and that class."""


@functools.cache
def new_class(kind: str) -> type:
    """The class that the first block of a page defines, as a module of its own."""
    page = ROOT / "docs" / "extending" / f"{kind}.md"
    block = next(b for b in blocks(page.read_text(encoding="utf-8")) if b.is_python)
    module = type(sys)(f"extending_{kind}")
    sys.modules[module.__name__] = module
    exec(compile("\n" * block.line + block.code, str(page), "exec"), vars(module))
    (found,) = (
        x
        for x in vars(module).values()
        if inspect.isclass(x) and x.__module__ == module.__name__ and x.__doc__
    )
    return found


def laws(kind: str):
    """Every conformance test of a kind: its name, its function, and its other arguments."""
    name, argument = LAWS[kind]
    module = _conformance(name)
    for test, function in vars(module).items():
        if not test.startswith("test_"):
            continue
        marks = [m for m in getattr(function, "pytestmark", []) if m.name == "parametrize"]
        others = [m.args for m in marks if m.args[0] != argument]
        for values in itertools.product(*(values for _, values in others)):
            given = dict(zip((names for names, _ in others), values, strict=True))
            yield pytest.param(kind, function, given, id=f"{kind}: {test} {given or ''}")


def _conformance(name: str):
    if str(CONFORMANCE) not in sys.path:
        sys.path.append(str(CONFORMANCE))
    return importlib.import_module(name)


def meant_for(kind: str, function, member: type) -> bool:
    """Whether a law is one for such members: most are for all, some for those below one class."""
    name, argument = LAWS[kind]
    module = _conformance(name)
    marks = [m for m in getattr(function, "pytestmark", []) if m.args and m.args[0] == argument]
    for mark, above in ONLY.items():
        if mark in vars(module) and any(m is vars(module)[mark].mark for m in marks):
            return any(base.__name__.startswith(above) for base in member.__mro__)
    return True


@pytest.mark.parametrize(("kind", "law", "given"), [law for kind in LAWS for law in laws(kind)])
def test_the_new_class_obeys(kind, law, given):
    member = new_class(kind)
    if not meant_for(kind, law, member):
        pytest.skip("a law for other members of the family")
    law(**{LAWS[kind][1]: member.example()}, **given)


def test_the_new_claim_jumps_where_it_says():
    _conformance("test_claims_jump").test_payoff_jumps_at_its_stated_levels_only(
        new_class("claim").example()
    )


@pytest.mark.parametrize("kind", LAWS)
def test_the_new_class_says_what_it_is_and_where_from(kind):
    member = new_class(kind)
    assert type(member.example()) is member
    assert "Reference:" in member.__doc__
    for leaf in jax.tree.leaves(member.example()):
        assert not isinstance(leaf, float)
        assert not leaf.weak_type


def problem_with(kind: str, member) -> tuple[HedgingProblem, object]:
    """The usual problem and hedge, with the new member in its place."""
    parts = {
        "market": BlackScholes(spot=100.0, vol=0.2),
        "claim": Call(strike=100.0, maturity=0.25),
        "cost": ProportionalCost(0.001),
    }
    parts |= {kind: member} if kind in parts else {}
    problem = HedgingProblem(**parts, times=time_grid(0.25, 5), close_out=True)
    delta = DeltaHedge(parts["claim"], BlackScholesFormula(vol=0.2))
    return problem, member if kind == "policy" else delta


@pytest.mark.parametrize("kind", LAWS)
def test_the_new_class_is_hedged_differentiated_and_compiled_once(kind):
    traced = []

    @eqx.filter_jit
    @eqx.filter_value_and_grad
    def risk_of(member):
        traced.append(1)
        problem, policy = problem_with(kind, member)
        pnl = sample(problem, policy, 64, key=jax.random.key(0)).pnl
        return (member if kind == "risk_measure" else Quadratic())(pnl)

    member = new_class(kind).example()
    for factor in (1.0, 1.01):
        changed = jax.tree.map(lambda x, f=factor: x * f, member)
        risk, slopes = risk_of(changed)
        assert np.isfinite(float(risk))
        moved = [np.asarray(leaf) for leaf in jax.tree.leaves(slopes)]
        assert moved and all(np.all(np.isfinite(leaf)) for leaf in moved)
        assert any(np.any(leaf != 0.0) for leaf in moved)
    assert len(traced) == 1


def test_one_path_of_the_new_market():
    market = new_class("market").example()
    path = simulate(market, time_grid(1.0, 4), 1, key=jax.random.key(0))
    assert path.prices.shape == (1, 5, 1)
    # The median of the price moves from the spot to the level as the exponential says.
    still = market.path(time_grid(1.0, 4), jnp.zeros((4, 1)))
    expected = 90.0 * (100.0 / 90.0) ** np.exp(-2.0)
    np.testing.assert_allclose(still.prices[-1, 0], expected, rtol=1e-12)


def test_every_page_on_extending_is_tested():
    pages = {page.stem for page in pathlib.Path(ROOT / "docs" / "extending").glob("*.md")}
    assert pages - {"README"} == set(LAWS)
