"""What every claim must be."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from family_finder import members

import deephedge.claims
from deephedge.claims import AbstractClaim, AbstractEuropean, NoClaim
from deephedge.markets import BlackScholes, Path, simulate

CLAIMS = [c.example() for c in members(deephedge.claims, AbstractClaim)]
LONG = ("AmericanCall", "ArrivingUnits", "ConvertibleBond", "SmoothedAutocallable")  # to compile
every = pytest.mark.parametrize(
    "claim",
    [
        pytest.param(
            c, marks=pytest.mark.slow if type(c).__name__ in LONG else (), id=type(c).__name__
        )
        for c in CLAIMS
    ],
)
european = pytest.mark.parametrize(
    "claim",
    [c for c in CLAIMS if isinstance(c, AbstractEuropean)],
    ids=lambda c: type(c).__name__,
)
MARKET = BlackScholes(
    spot=[100.0, 98.0], vol=[0.3, 0.2], rate=0.02, correlation=[[1, 0.5], [0.5, 1]]
)
FRACTIONS = np.array([0.0, 0.1, 0.3, 0.35, 0.7, 0.9, 1.0])


def paths(claim: AbstractClaim, n_paths: int = 64) -> Path:
    """Paths on uneven dates."""
    times = claim.maturity * jnp.asarray(FRACTIONS)
    return simulate(MARKET, times, n_paths, key=jax.random.key(3))


def filled(claim: AbstractClaim, path: Path) -> Path:
    return dataclasses.replace(path, progress=claim.progress(path))


KNOWN = (1, 4)
"""Dates that a path has behind it."""


@functools.cache
def facts(kind: type) -> dict:
    """All that is asked of the example, on every path, by one program."""
    claim = kind.example()

    def of(path):
        after = filled(claim, path)

        def changed(known):
            return dataclasses.replace(path, prices=path.prices.at[known:].multiply(1.3))

        def rest(known):
            path = jax.tree.map(lambda x: x[known:], after)
            return claim.payoff(path), claim.progress(path)

        def payoff(prices):
            return claim.payoff(dataclasses.replace(path, prices=prices))

        value, slope = jax.value_and_grad(payoff)(path.prices)
        return {
            "payoff": value,
            "slope": slope,
            "progress": after.progress,
            "filled": (claim.payoff(after), claim.progress(after)),
            "otherwise": {k: claim.progress(changed(k))[:k] for k in KNOWN},
            "rest": {k: rest(k) for k in KNOWN},
        }

    return jax.tree.map(np.asarray, jax.jit(jax.vmap(of))(paths(claim)))


@every
def test_payoff_and_progress_are_finite(claim):
    of, batch = facts(type(claim)), paths(claim)
    assert of["progress"].ndim == 3
    assert of["progress"].shape[:2] == batch.time.shape
    assert np.all(np.isfinite(of["progress"]))
    assert of["payoff"].shape == (64,)
    assert np.all(np.isfinite(of["payoff"]))
    assert (np.ptp(of["payoff"]) > 0.0) != isinstance(claim, NoClaim)


@every
def test_payoff_is_the_same_before_and_after_progress_is_filled_in(claim):
    of = facts(type(claim))
    payoff, progress = of["filled"]
    np.testing.assert_allclose(payoff, of["payoff"], rtol=1e-12)
    np.testing.assert_allclose(progress, of["progress"], rtol=1e-12)


@every
@pytest.mark.parametrize("known", KNOWN)
def test_progress_depends_on_the_past_only(claim, known):
    of = facts(type(claim))
    np.testing.assert_array_equal(of["otherwise"][known], of["progress"][:, :known])


@every
@pytest.mark.parametrize("start", KNOWN)
def test_a_path_in_mid_life_carries_on(claim, start):
    of = facts(type(claim))
    payoff, progress = of["rest"][start]
    np.testing.assert_allclose(payoff, of["payoff"], rtol=1e-12)
    np.testing.assert_allclose(progress, of["progress"][:, start:], rtol=1e-12)


@every
def test_slopes_are_finite(claim):
    assert np.all(np.isfinite(facts(type(claim))["slope"]))


@every
def test_float32_stays_float32(claim):
    small, batch = _single((claim, paths(claim)))

    @jax.jit
    @jax.vmap
    def both(path):
        return small.payoff(path), small.progress(path)

    payoff, progress = both(batch)
    assert payoff.dtype == progress.dtype == jnp.float32
    np.testing.assert_allclose(payoff, facts(type(claim))["payoff"], rtol=1e-4, atol=1e-4)


@european
def test_payoff_is_the_sum_of_its_pieces(claim):
    final = np.asarray(paths(claim).prices)[:, -1, claim.asset][:, None]
    pieces = jax.tree.map(np.asarray, claim.pieces())
    live = pieces.sign * (final - pieces.strike) > 0
    expected = np.sum((pieces.cash + pieces.shares * final) * live, axis=1)
    np.testing.assert_allclose(facts(type(claim))["payoff"], expected, rtol=1e-12, atol=1e-12)


def _single(tree):
    return jax.tree.map(
        lambda x: x.astype(jnp.float32) if jnp.issubdtype(x.dtype, jnp.floating) else x, tree
    )
