"""What every pricer must be."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from family_finder import example, members

import deephedge.claims
import deephedge.pricing
from deephedge.claims import AbstractClaim, Call
from deephedge.markets import AbstractModel, BlackScholes, Snapshot
from deephedge.pricing import AbstractPricer

# Every claim meets every pricer under `slow`; one of them does so always.
ALWAYS = ("Call",)
CLAIMS = [
    pytest.param(c, marks=() if c.__name__ in ALWAYS else pytest.mark.slow, id=c.__name__)
    for c in members(deephedge.claims, AbstractClaim)
]
# So does every pricer but those that take long to compile.
LONG = (
    "CEVFormula",
    "ControlVariate",
    "ConvertibleDifference",
    "FiniteDifference",
    "HaganFormula",
    "HestonADI",
    "Lewis",
    "StulzFormula",
)
every = pytest.mark.parametrize(
    "pricer",
    [
        pytest.param(c, marks=pytest.mark.slow if c.__name__ in LONG else (), id=c.__name__)
        for c in members(deephedge.pricing, AbstractPricer)
    ],
    indirect=True,
)


@pytest.fixture
def pricer(request):
    return example(request.param)


@pytest.fixture
def claim(request):
    return example(request.param)


def start(pricer: AbstractPricer) -> Snapshot:
    """The start of the model that the pricer holds, or one with a quoted volatility."""
    parts = jax.tree.leaves(pricer, is_leaf=lambda x: isinstance(x, AbstractModel))
    models = [x for x in parts if isinstance(x, AbstractModel)]
    if models:
        return models[0].start()
    two = BlackScholes(spot=[100.0, 98.0], vol=[0.3, 0.2])
    return dataclasses.replace(two.start(), factors=jnp.asarray([0.2]))


@eqx.filter_jit
def value_and_slope(pricer, claim, now):
    """One program for a pricer and a claim, whatever their numbers."""
    arrays, rest = eqx.partition((pricer, now), eqx.is_inexact_array)

    def value(arrays):
        pricer, now = eqx.combine(arrays, rest)
        return pricer.price(claim, now)

    return jax.value_and_grad(value)(arrays)


@eqx.filter_jit
def value_alone(pricer, claim, now):
    return pricer.price(claim, now)


def priced(pricer, claim, now):
    """By the program that the call has been compiled for already, by a smaller one otherwise."""
    if isinstance(claim, Call):
        return value_and_slope(pricer, claim, now)[0]
    return value_alone(pricer, claim, now)


@every
@pytest.mark.parametrize("claim", CLAIMS, indirect=True)
def test_prices_and_their_slopes_are_finite(pricer, claim):
    try:
        value, slope = value_and_slope(pricer, claim, start(pricer))
    except TypeError as refusal:
        # A claim that the method cannot price is refused by name, with a way out.
        assert type(claim).__name__ in str(refusal)
        assert "use `" in str(refusal)
        return
    assert value.shape == ()
    for leaf in (value, *jax.tree.leaves(slope)):
        assert np.all(np.isfinite(np.asarray(leaf)))


@every
def test_shifting_by_nothing_changes_nothing(pricer):
    now, zero, claim = start(pricer), jnp.asarray(0.0), accepted(pricer)
    same, unmoved = pricer.shifted(now, vol=zero, rate=zero)
    value = priced(pricer, claim, now)
    np.testing.assert_allclose(priced(same, claim, unmoved), value, rtol=1e-12)
    moved = pricer.shifted(now, vol=jnp.asarray(0.01), rate=zero)
    assert float(priced(moved[0], claim, moved[1])) != float(value)


@every
def test_a_raised_volatility_raises_a_call(pricer):
    now, call = start(pricer), Call.example()
    if not isinstance(accepted(pricer), Call):
        pytest.skip("prices no calls")
    raised, moved = pricer.shifted(now, vol=jnp.asarray(0.01), rate=jnp.asarray(0.0))
    assert float(priced(raised, call, moved)) > float(priced(pricer, call, now))


def accepted(pricer: AbstractPricer) -> AbstractClaim:
    """A call where the method prices one, else the first claim that it does price."""
    examples = [example(c) for c in members(deephedge.claims, AbstractClaim)]
    for claim in [Call.example(), *examples]:
        try:
            jax.eval_shape(pricer.price, claim, start(pricer))
        except TypeError:
            continue
        return claim
    raise AssertionError(f"{type(pricer).__name__} prices no claim")
