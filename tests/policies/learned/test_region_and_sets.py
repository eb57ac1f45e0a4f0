"""No-trade regions of several assets, and bands of any book."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import Call, EuropeanPortfolio, ExchangeOption, Put
from deephedge.markets import BlackScholes
from deephedge.policies import (
    Account,
    DeepSets,
    NoTransactionBand,
    NoTransactionRegion,
    WhalleyWilmott,
)
from deephedge.pricing import MargrabeFormula

TWO = BlackScholes(spot=[100.0, 100.0], vol=[0.2, 0.2], correlation=[[1.0, 0.8], [0.8, 1.0]])


@pytest.mark.slow
def test_the_edges_of_one_asset_move_with_what_is_held_of_the_other():
    claim = ExchangeOption(maturity=0.1)
    pricer = MargrabeFormula.for_model(TWO)
    base = WhalleyWilmott(claim, pricer, cost_rate=0.001, aversion=1.0)
    policy = NoTransactionRegion.create(
        TWO, claim, jnp.linspace(0.0, 0.1, 3), base=base, width=2, depth=1, key=jax.random.key(0)
    )
    # a = b = 0; asset 1's middle moves by half its half-width for a full one of asset 2.
    biases = jnp.asarray([0.0] * 4 + [9.0, np.arctanh(0.5), np.arctanh(-0.5), 9.0])
    policy = eqx.tree_at(lambda p: p.network.biases[-1], policy, biases)

    @eqx.filter_jit
    def traded(policy, at):
        now = TWO.start()
        lower, upper = base.band(now)
        middle, width = 0.5 * (lower + upper), 0.5 * (upper - lower)

        def one(at):
            account = Account(holdings=middle + width * at, wealth=jnp.asarray(0.0))
            return (policy.step(now, account, None)[0] - middle) / width

        return jax.vmap(one)(at)

    at = [[0.0, 0.0], [1.4, 1.0], [1.4, -1.0], [-1.4, 0.0], [0.2, 1.4], [3.0, -9.0]]
    after = traded(policy, jnp.asarray(at))
    expected = [[0.0, 0.0], [1.4, 0.5], [0.5, -1.0], [-1.0, 0.0], [0.2, 0.9], [0.5, -1.5]]
    np.testing.assert_allclose(after, expected, atol=1e-9)


@pytest.mark.slow
def test_of_one_asset_it_is_the_band():
    region, band = NoTransactionRegion.example(), NoTransactionBand.example()
    loud = jax.random.normal(jax.random.key(1), (32, 3))
    region = eqx.tree_at(lambda p: p.network.weights[-1], region, loud)
    band = eqx.tree_at(lambda p: p.network.weights[-1], band, loud[:, :2])
    now, account = BlackScholes.example().start(), Account(jnp.asarray([0.9]), jnp.asarray(0.0))
    held = [eqx.filter_jit(p.step)(now, account, None)[0] for p in (region, band)]
    np.testing.assert_allclose(held[0], held[1], rtol=1e-12)


@pytest.mark.slow
def test_a_book_is_a_set():
    calls = [Call(strike=k, maturity=0.1) for k in (95.0, 100.0, 105.0)]
    put = Put(strike=90.0, maturity=0.1)
    books = {
        "as listed": ((*calls, put), [1.0, -2.0, 0.5, 3.0]),
        "another order": ((put, *calls[::-1]), [3.0, 0.5, -2.0, 1.0]),
        "an option of weight zero": ((calls[0], *calls, put), [0.0, 1.0, -2.0, 0.5, 3.0]),
        "one option in two parts": ((calls[0], *calls, put), [0.4, 0.6, -2.0, 0.5, 3.0]),
        "another book": ((*calls, put), [1.0, -2.0, 0.5, 2.0]),
    }
    policy, now, codes = DeepSets.example(), BlackScholes(spot=101.0, vol=0.2).start(), {}
    code = jax.jit(lambda policy, now: policy._code(now))
    for name, (claims, weights) in books.items():
        book = EuropeanPortfolio(claims=claims, weights=weights)
        codes[name] = code(eqx.tree_at(lambda p: p.book, policy, book), now)
    first, *same, other = codes.values()
    for found in same:
        np.testing.assert_allclose(found, first, rtol=1e-12)
    assert not np.allclose(other, first, rtol=1e-3)
