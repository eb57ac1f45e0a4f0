"""What every claim must be."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from family_finder import members

import deephedge.claims
from deephedge.claims import AbstractClaim, AbstractEuropean, NoClaim
from deephedge.markets import BlackScholes, Path, simulate

CLAIMS = [c.example() for c in members(deephedge.claims, AbstractClaim)]
every = pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: type(c).__name__)
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


@every
def test_payoff_and_progress_are_finite(claim):
    batch = paths(claim)
    progress = jax.vmap(claim.progress)(batch)
    assert progress.ndim == 3
    assert progress.shape[:2] == batch.time.shape
    assert np.all(np.isfinite(np.asarray(progress)))
    payoff = np.asarray(jax.vmap(claim.payoff)(batch))
    assert payoff.shape == (64,)
    assert np.all(np.isfinite(payoff))
    assert (np.ptp(payoff) > 0.0) != isinstance(claim, NoClaim)


def filled(claim: AbstractClaim, path: Path) -> Path:
    return dataclasses.replace(path, progress=claim.progress(path))


@every
def test_payoff_is_the_same_before_and_after_progress_is_filled_in(claim):
    def both(path):
        after = filled(claim, path)
        return (claim.payoff(path), after.progress), (claim.payoff(after), claim.progress(after))

    before, after = jax.vmap(both)(paths(claim))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12), after, before)


@every
@pytest.mark.parametrize("known", [pytest.param(1, marks=pytest.mark.slow), 4])
def test_progress_depends_on_the_past_only(claim, known):
    def both(path):
        changed = dataclasses.replace(path, prices=path.prices.at[known:].multiply(1.3))
        return claim.progress(changed)[:known], claim.progress(path)[:known]

    np.testing.assert_array_equal(*jax.vmap(both)(paths(claim)))


@every
@pytest.mark.parametrize("start", [pytest.param(1, marks=pytest.mark.slow), 4])
def test_a_path_in_mid_life_carries_on(claim, start):
    def both(path):
        whole = filled(claim, path)
        rest = jax.tree.map(lambda x: x[start:], whole)
        return (claim.payoff(rest), claim.progress(rest)), (
            claim.payoff(path),
            whole.progress[start:],
        )

    rest, whole = jax.vmap(both)(paths(claim))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12), rest, whole)


@every
def test_slopes_are_finite(claim):
    one = jax.tree.map(lambda x: x[0], paths(claim))
    slope = jax.grad(lambda p: claim.payoff(dataclasses.replace(one, prices=p)))(one.prices)
    assert np.all(np.isfinite(np.asarray(slope)))


@every
def test_float32_stays_float32(claim):
    small, batch = _single((claim, paths(claim)))
    payoff = jax.vmap(small.payoff)(batch)
    assert payoff.dtype == jnp.float32
    assert jax.vmap(small.progress)(batch).dtype == jnp.float32
    expected = np.asarray(jax.vmap(claim.payoff)(paths(claim)))
    np.testing.assert_allclose(payoff, expected, rtol=1e-4, atol=1e-4)


@european
def test_payoff_is_the_sum_of_its_pieces(claim):
    batch = paths(claim)
    final = np.asarray(batch.prices)[:, -1, claim.asset][:, None]
    pieces = jax.tree.map(np.asarray, claim.pieces())
    live = pieces.sign * (final - pieces.strike) > 0
    expected = np.sum((pieces.cash + pieces.shares * final) * live, axis=1)
    np.testing.assert_allclose(jax.vmap(claim.payoff)(batch), expected, rtol=1e-12, atol=1e-12)


def _single(tree):
    return jax.tree.map(
        lambda x: x.astype(jnp.float32) if jnp.issubdtype(x.dtype, jnp.floating) else x, tree
    )
